"""Mail through SendGrid's web API (`POST /v3/mail/send`), with its own client."""

import contextlib
import http.client
import math
import urllib.error
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, cast
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import msgspec
from python_http_client.client import Client  # type: ignore[import-untyped]  # it has no types
from python_http_client.exceptions import HTTPError, handle_error  # type: ignore[import-untyped]  # it has no types
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]  # it has no types

from infrastructure.mail.message import Address, Mail
from infrastructure.mail.transport import (
    DEADLINE_SECONDS,
    LONGEST_HOLD_SECONDS,
    TIMEOUT_SECONDS,
    Held,
    TransientFailure,
    Undeliverable,
)
from infrastructure.processes.deadline import Deadline

_SETTINGS_SECONDS: Final = 60.0
_TOO_MANY_SECONDS: Final = 60.0


class SendGrid:
    """Sends with an API key. The client has no timeout of its own, so it is given one, and a deadline.

    Each mail carries its id as `custom_args.mail_id` (SendGrid's event webhook tells it), as the header `X-Mail-Id` and in its
    `Message-ID`. Opening and clicking are not tracked: links hold one-use codes.
    """

    def __init__(
        self, api_key: str, url: str, timeout: float = TIMEOUT_SECONDS, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._api = SendGridAPIClient(api_key=api_key, host=url.rstrip("/"))
        self._timeout = timeout
        self._deadline = deadline

    def send(self, mail: Mail) -> None:
        try:
            with Deadline(self._deadline) as deadline:
                response: Any = cast("Any", self._client(deadline)).post(request_body=_request(mail))
        except HTTPError as error:
            _refuse(error.status_code, error.headers, error.body)
        except (OSError, http.client.HTTPException) as error:
            raise TransientFailure(f"{type(error).__name__}: {error}") from error
        else:
            if response.status_code != 202:
                raise TransientFailure(f"SendGrid answered {response.status_code}")

    def _client(self, deadline: Deadline) -> "_Client":
        return _Client(
            deadline,
            host=self._api.host,
            request_headers=dict(self._api.client.request_headers),
            version=3,
            url_path=["mail", "send"],
            timeout=self._timeout,
        )


class _Taken:
    """An answer that is no error. Its body stays unread: it says nothing."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._status = response.status
        self._headers = response.headers

    def getcode(self) -> int:
        return self._status

    def read(self) -> bytes:
        return b""

    def info(self) -> Message:
        return self._headers


class _Client(Client):  # type: ignore[misc]  # it has no types
    """Makes one request, watched by a deadline, follows no redirect, and leaves no answer open."""

    def __init__(self, deadline: Deadline, **settings: Any) -> None:
        super().__init__(**settings)
        self._deadline = deadline

    def _make_request(self, opener: Any, request: Request, timeout: Any = None) -> _Taken:
        del opener, timeout
        try:
            with build_opener(_Handler(self._deadline), _NoRedirects).open(
                request, timeout=self.timeout
            ) as made:
                return _Taken(made)
        except urllib.error.HTTPError as refused:
            with refused:
                raise handle_error(refused) from None


class _Connection(http.client.HTTPConnection):
    def __init__(self, deadline: Deadline, host: str, **settings: Any) -> None:
        super().__init__(host, **settings)
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self._deadline.watch(self.sock)


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    pass


class _Handler(HTTPHandler, HTTPSHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, self._deadline), req)

    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_TlsConnection, self._deadline), req)


class _NoRedirects(HTTPRedirectHandler):
    """The key is for the host that was set, and what another host takes is not sent."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: PLR0917 (as urllib's)
        """Nothing to follow: the answer is an error."""


def _request(mail: Mail) -> dict[str, Any]:
    headers = {
        "Message-ID": mail.message_id,
        "X-Mail-Id": str(mail.mail_id),
        "Auto-Submitted": "auto-generated",
    }
    off = {"enable": False}
    return {
        "personalizations": [
            {"to": [_person(mail.recipient)], "custom_args": {"mail_id": str(mail.mail_id)}}
        ],
        "from": _person(mail.sender),
        "subject": mail.content.subject,
        "content": [
            {"type": "text/plain", "value": mail.content.text},
            {"type": "text/html", "value": mail.content.html},
        ],
        "headers": headers | mail.content.headers,
        "tracking_settings": {"click_tracking": off | {"enable_text": False}, "open_tracking": off},
    }


def _person(who: Address) -> dict[str, str]:
    """SendGrid takes a comma or a semicolon in a bare name for the end of it."""
    if not who.name:
        return {"email": who.email}
    name = who.name.replace('"', "'")
    return {"email": who.email, "name": f'"{name}"' if "," in name or ";" in name else name}


def _refuse(status: int, headers: Any, body: Any) -> None:
    reason = f"SendGrid answered {status}{_said(body)}"
    match status:
        case 429:
            raise Held(reason, _wait(headers))
        case _ if 300 <= status < 400:
            raise Held(
                f"{reason}, which leads to another address: see HIRELOG_SENDGRID_URL", _SETTINGS_SECONDS
            )
        case 401 | 403 | 404 | 405:
            raise Held(
                f"{reason}: see SENDGRID_API_KEY, HIRELOG_MAIL_FROM, HIRELOG_SENDGRID_URL", _SETTINGS_SECONDS
            )
        case 408 | 425:
            raise TransientFailure(reason)
        case _ if 400 <= status < 500:
            raise Undeliverable(reason)
        case _:
            raise TransientFailure(reason)


class _Error(msgspec.Struct):
    message: str = ""


class _Errors(msgspec.Struct):
    errors: list[_Error] = []


def _said(body: Any) -> str:
    with contextlib.suppress(msgspec.DecodeError, TypeError):
        said = "; ".join(error.message for error in msgspec.json.decode(body, type=_Errors).errors)
        return f": {said[:300]}" if said else ""
    return ""


def _wait(headers: Any) -> float:
    """Seconds from `Retry-After` (a number or a date), else from `X-RateLimit-Reset` (a moment)."""
    now = datetime.now(UTC)
    seconds = _TOO_MANY_SECONDS
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        if after := headers.get("Retry-After"):
            seconds = (
                float(after)
                if after.strip().isdigit()
                else (parsedate_to_datetime(after) - now).total_seconds()
            )
        elif reset := headers.get("X-RateLimit-Reset"):
            seconds = float(reset) - now.timestamp()
    return min(max(seconds, 1.0), LONGEST_HOLD_SECONDS) if math.isfinite(seconds) else _TOO_MANY_SECONDS
