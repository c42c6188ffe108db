"""Addresses that an account may have: mail goes to the domain that was written, and one letter box is one account's."""

import itertools
import sys
import unicodedata

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from api.http.email_addresses import check_email
from api.http.problems import ProblemError
from infrastructure.identity.accounts import letter_box
from infrastructure.mail.message import address

TRICKY = "aAsSiIkK1-_.ßẞäÄ\u03c2\u03c3\u03a3\u0131\u0130\u0307\u0308\u3002\uff0e\uff61\xad\u200c\u200d\u0915\u094d\u0430\u212a"
"""Letters that mappings, capitals, invisible characters and other dots make one of."""

labels = st.text(TRICKY, min_size=1, max_size=6) | st.sampled_from(
    ["xn--exmple-cua", "exämple", "xn--strae-oqa", "straße", "strasse", "xn--a", "☃", "例え"]
)
domains = st.lists(labels | st.text(min_size=1, max_size=6), min_size=1, max_size=3).map(".".join)


def sent_to(email: str) -> str | None:
    """What mail to an address is sent to; None when the address is refused."""
    try:
        check_email(email)
    except ProblemError:
        return None
    return address("", email).email


def in_letters(label: str) -> str:
    return label[4:].encode().decode("punycode") if label.startswith("xn--") else label


@settings(max_examples=500)
@given(domains)
@example("straße.de")
@example("βόλος.com")
@example("Exämple.Com")
@example("xn--exmple-cua.com")
def test_mail_is_sent_to_exactly_the_domain_that_was_written(domain: str) -> None:
    sent = sent_to(f"li@{domain}")
    if sent is not None:
        local, _, encoded = sent.partition("@")
        assert local == "li"
        assert encoded.isascii()
        assert ".".join(map(in_letters, encoded.lower().split("."))) == domain.lower()


def test_two_addresses_are_two_letter_boxes() -> None:
    """Of all short domains of tricky letters."""
    short = {
        f"{''.join(letters)}.de"
        for length in (1, 2, 3)
        for letters in itertools.product(TRICKY, repeat=length)
    }
    longer = {
        "straße.de",
        "strasse.de",
        "ex\xadample.com",
        "example.com",
        "exämple.com",
        "xn--exmple-cua.com",
    }
    accepted: dict[str, str] = {}
    for domain in sorted(short | longer):
        sent = sent_to(f"li@{domain}")
        if sent is not None:
            assert accepted.setdefault(sent.lower(), domain.lower()) == domain.lower()
    assert {"straße.de", "strasse.de", "exämple.com"} <= set(accepted.values())
    assert len(accepted) > 1_000


@pytest.mark.parametrize(
    "domain",
    [
        "xn--exmple-cua.com",
        "XN--exmple-cua.com",
        "xn--a.com",
        "EXÄMPLE.com",
        "ex\u0130.com",
        "ex\xadample.com",
        "ex\u200dample.com",
        "a\u3002example.com",
        "a\u3002exämple.com",
        unicodedata.normalize("NFD", "exämple.com"),
        "ex\ud800mple.com",
    ],
)
def test_a_domain_in_another_spelling_than_its_own_is_refused(domain: str) -> None:
    with pytest.raises(ProblemError) as refused:
        check_email(f"sam@{domain}")
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "unseen",
    "\xad\u034f\u061c\u115f\u1160\u17b4\u180b\u180e\u200b\u200d\u200e\u2028\u202a\u202e\u2060\u2066\u206f\u2800\u3164\ufe0f\ufeff"
    "\uffa0\ufff9\U0001d173\U000e0001\U000e0062\U000e0100\x85\ue000\u0378",
)
def test_an_address_that_looks_like_another_is_refused(unseen: str) -> None:
    with pytest.raises(ProblemError) as refused:
        check_email(f"bo{unseen}ss@example.com")
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "email",
    ["Sam@Example.COM", "sam@Exämple.com", "sam@a_b.example", "jörg@例え.jp", "山田+\U0001f600@例え.jp"],
)
def test_an_address_in_its_own_letters_is_taken(email: str) -> None:
    check_email(email)


# Python and PostgreSQL


SAME = """
select letter_box(one), letter_box(one) = letter_box(other), lower(one) = lower(other)
from unnest(%s::text[], %s::text[]) as pair (one, other)
"""
"""The last by the rule of the database's own locale, which the first must not depend on."""


def is_accepted(email: str) -> bool:
    return sent_to(email) is not None


def test_every_letter_is_the_same_box_in_python_and_in_postgresql(database_url: str) -> None:
    """Beside every other way to write it that anybody's small or capital letters make."""
    pairs = [
        (f"a{letter}b@example.com", f"a{other}b@example.com")
        for letter in map(chr, range(1, sys.maxunicode + 1))
        if unicodedata.category(letter)[0] in "LMNS"
        for other in {letter.lower(), letter.upper(), letter.title(), letter.casefold()}
    ]
    with psycopg.connect(database_url) as connection:
        found = connection.execute(SAME, [[one for one, _ in pairs], [other for _, other in pairs]])
        for (one, other), (key, same, same_by_locale) in zip(pairs, found, strict=True):
            assert key == letter_box(one)
            assert same == (letter_box(one) == letter_box(other))
            if same != same_by_locale or same != (one.lower() == other.lower()):
                assert not (is_accepted(one) and is_accepted(other)), (one, other)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pair=st.tuples(*[st.text(TRICKY, min_size=1, max_size=4) | st.text(min_size=1, max_size=4)] * 2))
@example(pair=("\u0130gor", "igor"))
@example(pair=("\u0391\u03a3", "\u03b1\u03c2"))
@example(pair=("Igor", "igor"))
def test_two_accepted_addresses_are_the_same_by_every_rule_or_by_none(
    database_url: str, pair: tuple[str, str]
) -> None:
    one, other = (f"{local}@example.com" for local in pair)
    if is_accepted(one) and is_accepted(other):
        with psycopg.connect(database_url) as connection:
            ((_, same, same_by_locale),) = connection.execute(SAME, [[one], [other]]).fetchall()
        assert same == same_by_locale == (letter_box(one) == letter_box(other))
        assert same == (one.lower() == other.lower())


@pytest.mark.parametrize("local", ["\u0130gor", "\u0391\u03a3", "J\xd6rg", "\u1e9e", "\u13a0", "\U00010400"])
def test_capitals_beyond_ascii_are_refused_before_the_at_sign_too(local: str) -> None:
    with pytest.raises(ProblemError) as refused:
        check_email(f"{local}@example.com")
    assert refused.value.status == 400
