"""How often people may ask, by whom they are and where they come from; the answers say what is left."""

import hashlib
from typing import Any, Final, TypeAlias, cast

from litestar.connection import ASGIConnection

from api.client_address import client_address, networks
from application.actor import Actor
from infrastructure.identity.accounts import letter_box
from infrastructure.identity.rate_limits import Allowance, Limit, RateLimits
from infrastructure.settings import Settings

ALLOWANCE: Final = "hirelog_allowance"
"""Where the allowance of a request stands in its scope."""

AnyConnection: TypeAlias = ASGIConnection[Any, Any, Any, Any]


class Throttle:
    """The limits of the settings. Raises `OperatorError` for settings that say none."""

    def __init__(self, settings: Settings, limits: RateLimits) -> None:
        self._limits = limits
        self._trusted = networks(settings.trusted_proxies)
        self._requests = Limit("requests", settings.limit_requests)
        self._sign_in = Limit("sign_in", settings.limit_sign_in)
        self._password = Limit("password", settings.limit_login)
        self._account = Limit("account", settings.limit_account)
        self._uploads = Limit("uploads", settings.limit_uploads)

    def client(self, connection: AnyConnection) -> str:
        """Where the request comes from."""
        peer = connection.scope.get("client")
        forwarded = connection.headers.getall("x-forwarded-for", []) if self._trusted else []
        return client_address(peer[0] if peer else "", forwarded, self._trusted)

    async def request(self, connection: AnyConnection, actor: Actor | None) -> None:
        """Any request of somebody signed in, or of a visitor. Raises `RateLimited`; without Redis everybody may ask."""
        if not self._limits.enabled:
            return
        key = self.client(connection) if actor is None else actor.account_id
        allowance = await self._limits.pass_by(self._requests, key)
        _say(connection, allowance)

    async def sign_in(self, connection: AnyConnection) -> None:
        """Whatever tries a password or a code, or makes an account. Raises `RateLimited` and `LimitsUnavailable`."""
        _say(connection, await self._limits.spend(self._sign_in, self.client(connection)))

    async def password(self, connection: AnyConnection, email: str) -> None:
        """A password is tried for an address, known or not. Raises `RateLimited` and `LimitsUnavailable`."""
        hidden = _hidden(email)
        _say(connection, await self._limits.spend(self._password, hidden, self.client(connection)))
        _say(connection, await self._limits.spend(self._account, hidden))

    async def password_was_right(self, connection: AnyConnection, email: str) -> None:
        """The attempts before it were the owner's."""
        await self._limits.forgive(self._password, _hidden(email), self.client(connection))

    async def upload(self, connection: AnyConnection, actor: Actor) -> None:
        """A file that takes seconds to read. Raises `RateLimited` and `LimitsUnavailable`."""
        _say(connection, await self._limits.spend(self._uploads, str(actor.account_id)))


def _say(connection: AnyConnection, allowance: Allowance | None) -> None:
    """Have the answer say what is left: of several allowances, the one of which the least is."""
    scope = cast("dict[str, object]", connection.scope)
    said = scope.get(ALLOWANCE)
    if allowance is not None and not (isinstance(said, Allowance) and said.remaining <= allowance.remaining):
        scope[ALLOWANCE] = allowance


def _hidden(email: str) -> str:
    """An address as Redis may hold it."""
    return hashlib.sha256(letter_box(email.strip()).encode(errors="replace")).hexdigest()[:32]
