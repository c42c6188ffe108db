"""How a mail leaves: what every way has in common, and which one the settings choose."""

from typing import TYPE_CHECKING, Protocol

from infrastructure.settings import Settings

if TYPE_CHECKING:
    from infrastructure.mail.message import Mail

TIMEOUT_SECONDS = 10.0
"""How long a server may be silent."""

DEADLINE_SECONDS = 30.0
"""How long it may take over one mail in all."""

LONGEST_HOLD_SECONDS = 3600.0
"""How long mail is held at most; a provider that asks for more is asked again then."""


class Undeliverable(Exception):
    """This mail will never be taken: sending it again is of no use."""


class TransientFailure(Exception):
    """This mail was not taken, or nobody knows; it is worth another try."""


class Held(Exception):
    """No mail is taken at all (too many, or our own credentials are refused): all wait for `seconds`, up to `LONGEST_HOLD_SECONDS`."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Transport(Protocol):
    """One way for mail to leave. Used by several threads at once."""

    def send(self, mail: "Mail") -> None:
        """Hand a mail over, and return when it was taken. Raises `Undeliverable`, `TransientFailure` or `Held`."""
        ...


def transport(settings: Settings) -> Transport:
    """SendGrid if there is a key, else SMTP if there is a server, else the folder `outbox` in the home folder."""
    if settings.sendgrid_api_key:
        from infrastructure.mail.sendgrid import SendGrid

        return SendGrid(settings.sendgrid_api_key, settings.sendgrid_url)
    if settings.smtp_url:
        from infrastructure.mail.smtp import Smtp, smtp_server

        return Smtp(smtp_server(settings.smtp_url))
    from infrastructure.mail.outbox import Outbox

    return Outbox(settings.home / "outbox")
