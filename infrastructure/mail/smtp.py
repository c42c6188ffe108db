"""Mail through an SMTP server."""

import contextlib
import ipaddress
import smtplib
import ssl
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from infrastructure.mail.message import Mail, as_bytes
from infrastructure.mail.transport import (
    DEADLINE_SECONDS,
    TIMEOUT_SECONDS,
    Held,
    TransientFailure,
    Undeliverable,
)
from infrastructure.processes.deadline import Deadline
from infrastructure.settings import SettingsError

_SETTINGS_SECONDS: Final = 60.0
_FORM: Final = (
    "HIRELOG_SMTP_URL must be smtp://, smtp+starttls:// or smtps://[user:password@]host[:port],"
    " with / ? # and @ in a password written as %2F %3F %23 and %40"
)
_PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class SmtpServer(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail goes, and how: in the clear, in the clear until STARTTLS, or in TLS from the beginning."""

    scheme: Literal["smtp", "smtp+starttls", "smtps"]
    host: str
    port: int
    user: str | None = None
    password: str = ""


def smtp_server(url: str) -> SmtpServer:
    """The server of `smtp[s|+starttls]://[user:password@]host[:port]`. Raises `SettingsError`.

    A password goes in the clear only to this machine.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # It quotes what it takes for the port: with a `/` in the password, the password's beginning.
        raise SettingsError(_FORM) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise SettingsError(_FORM)
    if parts.username and parts.scheme == "smtp" and not _is_this_machine(parts.hostname):
        raise SettingsError("HIRELOG_SMTP_URL: a password needs smtp+starttls:// or smtps://")
    return SmtpServer(
        scheme=msgspec.convert(parts.scheme, Literal["smtp", "smtp+starttls", "smtps"]),
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
    )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


class Smtp:
    """Sends each mail over a connection of its own."""

    def __init__(
        self, server: SmtpServer, timeout: float = TIMEOUT_SECONDS, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._server = server
        self._timeout = timeout
        self._deadline = deadline

    def send(self, mail: Mail) -> None:
        try:
            with Deadline(self._deadline) as deadline, contextlib.closing(self._connect(deadline)) as client:
                self._log_in(client)
                _hand_over(client, mail)
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    client.quit()
        except smtplib.SMTPAuthenticationError as error:
            raise Held(f"{_said(error)}: see HIRELOG_SMTP_URL", _SETTINGS_SECONDS) from error
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == 552 or error.smtp_code < 500:
                _refuse(error.smtp_code, error.smtp_error)
            raise Held(f"{_said(error)}: see HIRELOG_MAIL_FROM", _SETTINGS_SECONDS) from error
        except smtplib.SMTPRecipientsRefused as error:
            ((code, text),) = error.recipients.values()
            _refuse(code, text)
        except smtplib.SMTPDataError as error:
            _refuse(error.smtp_code, error.smtp_error)
        except smtplib.SMTPResponseException as error:
            raise TransientFailure(_said(error)) from error
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            raise Held(f"{error}: see HIRELOG_SMTP_URL", _SETTINGS_SECONDS) from error
        except (smtplib.SMTPException, OSError) as error:
            raise TransientFailure(f"{type(error).__name__}: {error}") from error

    def _connect(self, deadline: Deadline) -> smtplib.SMTP:
        server = self._server
        if server.scheme == "smtps":
            context = ssl.create_default_context()
            return _TlsClient(deadline, server.host, server.port, timeout=self._timeout, context=context)
        return _Client(deadline, server.host, server.port, timeout=self._timeout)

    def _log_in(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if self._server.scheme == "smtp+starttls":
            client.starttls(context=ssl.create_default_context())
            client.ehlo()
        if self._server.user is not None:
            client.login(self._server.user, self._server.password)


class _Client(smtplib.SMTP):
    """Awaits each reply on a connection that the deadline watches; the one after STARTTLS is another."""

    def __init__(self, deadline: Deadline, host: str, port: int, **settings: Any) -> None:
        self._deadline = deadline
        super().__init__(host, port, **settings)

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is not None:
            self._deadline.watch(self.sock)
        return super().getreply()


class _TlsClient(_Client, smtplib.SMTP_SSL):
    pass


def _hand_over(client: smtplib.SMTP, mail: Mail) -> None:
    options: list[str] = []
    if mail.recipient.international:
        if not client.has_extn("smtputf8"):
            raise Undeliverable("the server takes no address outside ASCII")
        options = ["SMTPUTF8", "BODY=8BITMIME"]
    client.sendmail(mail.sender.email, [mail.recipient.email], as_bytes(mail), mail_options=options)


def _refuse(code: int, text: bytes | str) -> None:
    reason = f"the SMTP server answered {code} {_text(text)}"
    if 500 <= code < 600:
        raise Undeliverable(reason)
    raise TransientFailure(reason)


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"the SMTP server answered {error.smtp_code} {_text(error.smtp_error)}"


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]
