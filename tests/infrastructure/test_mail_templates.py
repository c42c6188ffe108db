"""Mails say what they should, and whatever people call themselves stays a name."""

import re
from html.parser import HTMLParser
from typing import Final, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.effects import AccountKind, Kind
from infrastructure.mail.display_text import one_line
from infrastructure.mail.templates import KEYS, SUBJECT_LENGTH, AnyKind, render, summary

KINDS: Final = cast("tuple[AnyKind, ...]", get_args(Kind) + get_args(AccountKind))
ADDRESSES: Final = {
    "url": "https://jobs.example.com/applications/1",
    "unsubscribe_url": "https://jobs.example.com/notifications/unsubscribe?token=a.b",
}
PLAIN: Final = ADDRESSES | {
    "name": "Cleo Candidate",
    "job_title": "Baker",
    "company_name": "Example Works",
    "stage": "interview",
    "reason": "Others have baked for longer.",
    "candidate_name": "Dan Doe",
    "company": "Example Works",
    "role": "hiring manager",
    "code": "7Q2M-9XKD",
    "inviter": "Ada Admin",
    "new_email": "cleo@example.com",
}
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "Cleo\r\nBcc: everybody@example.com\r\n\r\nBuy",
    "Cleo\u2028Bcc: everybody@example.com\x85x\x0bx",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200b\ufeff",
    "{{ 7 * 7 }} {% include 'layout.html' %}",
    "\x00\x1b[31m\ud800",
    "👩‍👩‍👧‍👦 Zoë Åsa",
    "https://win.example.com/ click",
    "x" * 10_000,
    "&amp;&#60;script&#62;",
)
UNSEEN: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def context(kind: AnyKind, **other: str) -> dict[str, str]:
    return {key: {**PLAIN, **other}[key] for key in KEYS[kind]}


class Seen(HTMLParser):
    """The elements, attributes and text of a page, as a browser would find them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def without_breaks(page: Seen) -> list[tuple[str, tuple[str, ...]]]:
    return [element for element in page.shape if element[0] != "br"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_shows_all_that_it_was_told_in_text_and_in_html(kind: AnyKind) -> None:
    given_context = context(kind)

    mail = render(kind, given_context)

    page = Seen(mail.html)
    for key, value in given_context.items():
        if key not in {"stage", "unsubscribe_url"}:
            assert value in mail.text, key
            assert value in page.text, key
    assert set(page.links) == {given_context[key] for key in ADDRESSES if key in given_context}
    assert all(len(line) <= 76 for line in mail.text.splitlines() if "http" not in line)


def harmless(kind: AnyKind, words: dict[str, str]) -> None:
    """Rendered with these words, a mail has the form, the links and the one subject line that it has with plain ones."""
    mail = render(kind, context(kind, **words))

    assert without_breaks(Seen(mail.html)) == without_breaks(Seen(render(kind, context(kind)).html))
    assert set(Seen(mail.html).links) <= set(ADDRESSES.values())
    assert set(re.findall(r"https?://\S+", mail.text)) <= set(ADDRESSES.values())
    assert "\n" not in mail.subject
    assert len(mail.subject) <= SUBJECT_LENGTH
    assert len(mail.text) < 10_000
    for shown in (mail.subject, mail.text, mail.html):
        assert not UNSEEN.search(shown)
        shown.encode()


WRITTEN: Final = (
    "name",
    "job_title",
    "company_name",
    "candidate_name",
    "company",
    "inviter",
    "role",
    "new_email",
)


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_words_stay_words_in_every_mail(words: str) -> None:
    for kind in KINDS:
        harmless(kind, {**dict.fromkeys(WRITTEN, words), "reason": f"{words} x"})


@given(kind=st.sampled_from(KINDS), data=st.data())
def test_whatever_people_write_stays_words(kind: AnyKind, data: st.DataObject) -> None:
    words = st.text() | st.lists(st.sampled_from(HOSTILE) | st.text()).map("\n".join)
    written = {key: data.draw(words) for key in KEYS[kind] if key in WRITTEN}
    harmless(kind, {**written, "reason": data.draw(words) + " x"})


@pytest.mark.parametrize(
    "name",
    [
        "Zoë Åsa Ðóra",
        "👩\u200d👩\u200d👧 Li",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "李 小龍",
        "O'Brien-Núñez, Jr.",
    ],
)
def test_peoples_real_names_are_left_as_they_are(name: str) -> None:
    mail = render("welcome", context("welcome", name=name))

    assert f"Hello {name}," in mail.text
    assert f"Hello {name}," in Seen(mail.html).text


@pytest.mark.parametrize("line", ["Bcc: everybody@example.com", "Subject: x", "."])
def test_a_name_adds_no_header_and_no_line(line: str) -> None:
    mail = render("new_application", context("new_application", candidate_name=f"Dan\r\n{line}\r\n"))

    assert mail.subject == f"New application: Dan {one_line(line, 100)} for Baker"
    assert line not in mail.text.splitlines()


def test_a_long_title_leaves_the_beginning_of_the_subject() -> None:
    mail = render("stage_changed", context("stage_changed", job_title="Baker " * 33))

    assert mail.subject.startswith("Next step, an interview: Baker")
    assert mail.subject.endswith("…")


@pytest.mark.parametrize("stage", ["screening", "interview", "offer", "hired"])
def test_each_stage_has_words_of_its_own(stage: str) -> None:
    others = {"screening", "interview", "offer", "hired"} - {stage}
    said = render("stage_changed", context("stage_changed", stage=stage))

    for other in others:
        different = render("stage_changed", context("stage_changed", stage=other))
        assert said.subject != different.subject
        assert said.text != different.text


def test_a_rejection_gives_the_reason_only_if_there_is_one() -> None:
    told = render("application_rejected", context("application_rejected"))
    untold = render("application_rejected", context("application_rejected", reason=""))

    assert "> Others have baked for longer." in told.text
    assert "reason" not in untold.text
    assert len(Seen(untold.html).shape) < len(Seen(told.html).shape)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_mail_that_can_be_switched_off_says_how_in_its_headers(kind: Kind) -> None:
    mail = render(kind, context(kind))

    assert mail.headers == {
        "List-Unsubscribe": f"<{ADDRESSES['unsubscribe_url']}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert render(kind, context(kind, unsubscribe_url="")).headers == {}


@pytest.mark.parametrize("kind", get_args(AccountKind))
def test_mail_about_an_account_cannot_be_switched_off(kind: AccountKind) -> None:
    assert render(kind, context(kind)).headers == {}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_notification_is_one_sentence_about_the_job(kind: Kind) -> None:
    said = summary(kind, context(kind))

    assert "Baker" in said
    assert said[-1] in ".!"
    assert "\n" not in said


def test_a_new_address_is_shown_letter_by_letter_unless_it_holds_a_link() -> None:
    assert "cleo.x@jobs.example.com" in text_with_new("cleo.x@jobs.example.com")
    assert "evil. com/x@example. com" in text_with_new("evil.com/x@example.com")


def text_with_new(email: str) -> str:
    return render("email_changed", context("email_changed", new_email=email)).text


@pytest.mark.parametrize("address", ["javascript:alert(1)", 'https://x/" onclick="', "https://x/\r\nBcc: a"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="url is not an address"):
        render("welcome", context("welcome", url=address))


def test_a_context_that_lacks_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="a welcome takes"):
        render("welcome", {"name": "Cleo"})
