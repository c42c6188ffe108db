"""Lines of what people wrote: no mail program makes a link of them, and usual names stay as they are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.mail.display_text import one_line, some_lines, visible_line

LINK = re.compile(r"\bwww\.\w|://|[^\W_]\.(?!js\b)[a-z]{2}")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Visit www.evil.com now", "Visit www. evil. com now"),
        ("evil.com", "evil. com"),
        ("WWW.1EVIL.COM/path?q=a.b", "WWW. 1EVIL. COM/path?q=a.b"),
        ("https://evil.io/x", "https: //evil. io/x"),
        ("boss@evil.com", "boss@evil. com"),
        ("evil.рф and випробування.укр", "evil. рф and випробування. укр"),
        ("evil.xn--p1ai", "evil. xn--p1ai"),
        ("evil\u3002com evil\uff0ecom", "evil\u3002 com evil\uff0e com"),
        ("evil.\u200dcom", "evil. \u200dcom"),
        ("💩.la", "💩. la"),
        ("asp.net.evil.com evil-asp.net x.asp.net", "asp. net. evil. com evil-asp. net x. asp. net"),
        ("node.js.evil.com", "node. js. evil. com"),
        ("Dr.Smith", "Dr. Smith"),
        ("Booking.com", "Booking. com"),
    ],
)
def test_what_a_program_would_make_a_link_of_is_broken_up(written: str, shown: str) -> None:
    assert one_line(written, 100) == shown
    assert some_lines(f"{written}\n{written}", 200) == f"{shown}\n{shown}"


@pytest.mark.parametrize(
    "name",
    [
        "Node.js, Vue.js/D3.js Developer",
        "ASP.NET and VB.NET on .NET 8.0 (C#)",
        "St. John",
        "J. R. R. Tolkien",
        "J.R.R. Tolkien",
        "Dr. Ph.D. Anna-Lena O'Neill, M.D.",
        "Smith & Sons Inc.",
        "Version 2.0.1 e.V. S.p.A. a.k.a. U.S.",
        "你好。我们",
        "wwworld...",
    ],
)
def test_usual_names_and_titles_stay(name: str) -> None:
    assert one_line(name, 100) == name.replace("。我", "。 我")


@given(text=st.text(st.sampled_from("aé1.-/:w@ js")))
def test_no_line_holds_a_link_and_breaking_it_again_changes_nothing(text: str) -> None:
    line = one_line(text, 200)
    assert LINK.search(line) is None
    assert one_line(line, 200) == line


def test_what_machines_say_keeps_its_addresses() -> None:
    assert visible_line("see\r\nhttps://smtp.example.com\x00", 100) == "see https://smtp.example.com"
