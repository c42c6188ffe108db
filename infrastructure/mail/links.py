"""Where the links in mails lead, and the signed one that stops a kind of mail without signing in."""

import base64
import hashlib
import hmac
from typing import Final, get_args
from urllib.parse import quote
from uuid import UUID

from application.effects import Kind
from infrastructure.server_urls import http_url
from infrastructure.settings import Settings

_MAC_BYTES: Final = 20


class InvalidLink(Exception):
    """The link was not made here, or not whole."""


class MailLinks:
    """Addresses on the site that people use. A one-use code stands in the fragment, which no server and no log gets to see."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ValueError` when there is no secret key."""
        if settings.secret_key is None:
            raise ValueError("SECRET_KEY is needed")
        self.home = public_url(settings)
        self._key = hashlib.sha256(b"unsubscribe links" + settings.secret_key.encode()).digest()

    def application(self, application_id: UUID) -> str:
        return f"{self.home}/applications/{application_id}"

    def password_reset(self, code: str = "") -> str:
        return self._with_code("password-reset", code)

    def invitation(self, code: str) -> str:
        return self._with_code("invitation", code)

    def email_confirmation(self, code: str) -> str:
        return self._with_code("email-confirmation", code)

    def _with_code(self, page: str, code: str) -> str:
        return f"{self.home}/{page}" + (f"#code={quote(code, safe='')}" if code else "")

    def unsubscribe(self, account_id: UUID, kind: Kind) -> str:
        """The address that stops mails of `kind` to an account; it holds for ever, as mails are kept for ever."""
        signed = account_id.bytes + kind.encode()
        token = base64.urlsafe_b64encode(self._mac(signed) + signed).rstrip(b"=").decode()
        return f"{self.home}/notifications/unsubscribe?token={token}"

    def unsubscribed(self, token: str) -> tuple[UUID, Kind]:
        """Who wants no more mails of which kind. Raises `InvalidLink`."""
        try:
            data = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError as error:
            raise InvalidLink from error
        mac, signed = data[:_MAC_BYTES], data[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(signed)):
            raise InvalidLink
        said = signed[16:].decode()
        for kind in get_args(Kind):
            if kind == said:
                return UUID(bytes=signed[:16]), kind
        raise InvalidLink

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")[:_MAC_BYTES]


def public_url(settings: Settings) -> str:
    """The configured address of the site, without a slash at its end; by default the API's own on this machine."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    return http_url(settings.host, settings.port)
