"""E-mail addresses that an account may have."""

from unicodedata import is_normalized

from api.invalid_fields import InvalidField
from api.problems import not_valid
from infrastructure.mail_message import address
from infrastructure.mail_transport import Refused


def check_email(email: str) -> None:
    """Raise a 400 problem for an address that mail cannot be sent to, or that is spelt with stand-ins for other characters
    (full-width letters, the Kelvin sign): mail programs and databases take those for the same, or not, each in its way."""
    reason = None
    try:
        address("", email)
    except Refused as refused:
        reason = str(refused)
    if not is_normalized("NFKC", email):
        reason = "spelt with characters that stand for others"
    if reason is not None:
        raise not_valid(InvalidField("email", reason))
