"""E-mail addresses that an account may have."""

import re
from typing import Final
from unicodedata import category, is_normalized

from api.http.fields import UNSEEN
from api.http.invalid_fields import InvalidField
from api.http.problems import not_valid
from infrastructure.identity.accounts import letter_box
from infrastructure.mail.message import address, in_own_letters
from infrastructure.mail.transport import Undeliverable

_UNSEEN: Final = re.compile(f"[{UNSEEN}]")
_UNWRITTEN: Final = "CZ"
"""Categories of Unicode: control, format, private and unassigned characters, and separators."""


def check_email(email: str) -> None:
    """Raise a 400 problem for an address that mail cannot be sent to, or that has a second spelling: one letter box is one account's.

    Such are stand-ins for other characters (full-width letters, the Kelvin sign), which mail programs and databases take for the
    same, or not, each in its way; what shows nothing or turns the direction of writing; capitals beyond ASCII, of which no two
    programs make the same small letters; and domains that are not what they are decoded to: in `xn--` form, or with other dots.
    """
    reason = None
    try:
        domain = in_own_letters(address("", email).domain)
        if domain != letter_box(email).rpartition("@")[2]:
            reason = "write its domain in its own small letters"
    except Undeliverable as error:
        reason = str(error)
    if letter_box(email) != email.lower():
        reason = reason or "write it in small letters"
    if _UNSEEN.search(email) or any(category(letter)[0] in _UNWRITTEN for letter in email):
        reason = reason or "spelt with characters that cannot be seen"
    if not is_normalized("NFKC", email):
        reason = "spelt with characters that stand for others"
    if reason is not None:
        raise not_valid(InvalidField("email", reason))
