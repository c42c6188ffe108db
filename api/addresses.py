"""E-mail addresses that an account may have."""

from unicodedata import is_normalized

from api.invalid_fields import InvalidField
from api.problems import not_valid
from infrastructure.mail_message import address, in_own_letters
from infrastructure.mail_transport import Refused


def check_email(email: str) -> None:
    """Raise a 400 problem for an address that mail cannot be sent to, or that has a second spelling: one letter box is one account's.

    Such are stand-ins for other characters (full-width letters, the Kelvin sign), which mail programs and databases take for the
    same, or not, each in its way; and domains that are not what they are decoded to: in `xn--` form, with other dots, or with
    capitals beyond ASCII, of which PostgreSQL and Python do not make the same small letters.
    """
    reason = None
    try:
        domain = in_own_letters(address("", email).domain)
        # Bytes, of which `lower` changes ASCII alone.
        if domain != email.rpartition("@")[2].encode().lower().decode():
            reason = "write its domain in its own small letters"
    except Refused as refused:
        reason = str(refused)
    if not is_normalized("NFKC", email):
        reason = "spelt with characters that stand for others"
    if reason is not None:
        raise not_valid(InvalidField("email", reason))
