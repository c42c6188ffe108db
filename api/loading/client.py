"""A small asynchronous client of the HTTP API, for programs that send much: bounded, patient, counting."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx
import msgspec

from infrastructure.operator_error import OperatorError

Fields = Mapping[str, Any]
ItemT = TypeVar("ItemT")

_TRY_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT = 60.0


class UnreachableError(OperatorError):
    """Nothing answers at the address, or it stopped answering; the message is one line for whoever started this."""


class RefusedError(Exception):
    """The API refused a request: HTTP `status`, the rule's `code`, and what it says."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class Account(msgspec.Struct):
    """Somebody who can sign in; `token` is renewed when it has run out."""

    email: str
    password: str
    token: str = ""
    id: str = ""


class Client:
    """One connection pool to the API.

    At most `at_once` requests are under way; 429, 503 and broken connections are tried again, up to `attempts` times
    in all, after the server's `Retry-After` or a growing pause. `statuses` counts answers, `repeated` the repeats.
    """

    def __init__(
        self,
        base_url: str,
        *,
        at_once: int = 8,
        attempts: int = 8,
        pause: float = 0.2,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises `UnreachableError` for a URL that cannot be read."""
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        try:
            self._http = httpx.AsyncClient(
                base_url=base_url, limits=limits, timeout=30.0, transport=transport
            )
        except httpx.InvalidURL as error:
            raise UnreachableError(f"{base_url!r} is no address: {error}") from error
        self._slots = asyncio.Semaphore(at_once)
        self._attempts = attempts
        self._pause = pause
        self.base_url = base_url
        self.statuses: Counter[int] = Counter()
        self.repeated = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Raises `UnreachableError` at once when nothing answers."""
        try:
            answer = await self._http.get("/health/live")
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise UnreachableError(f"nothing answers at {self.base_url}: start it with `make run`") from error
        if answer.status_code >= 400:
            raise UnreachableError(
                f"{self.base_url} is not a Hirelog: /health/live answers {answer.status_code}"
            )

    async def register(
        self, email: str, password: str, name: str, company_name: str | None = None
    ) -> Account:
        """A new account, signed in; with a `company_name` it founds that company."""
        body = {"email": email, "password": password, "name": name}
        created = await self.post(
            "/auth/register", body | ({"company_name": company_name} if company_name else {})
        )
        account = Account(email, password, id=str(created.get("id", "")))
        await self._login(account)
        return account

    async def post(self, path: str, body: object = None, account: Account | None = None) -> Fields:
        """The answer's fields. Raises `RefusedError`, `UnreachableError`."""
        return await self._call("POST", path, body, account)

    async def patch(self, path: str, body: object, account: Account) -> Fields:
        """As `post`."""
        return await self._call("PATCH", path, body, account)

    async def get(self, path: str, account: Account | None = None) -> Fields:
        """As `post`."""
        return await self._call("GET", path, None, account)

    async def _login(self, account: Account) -> None:
        answer = await self._call(
            "POST", "/auth/login", {"email": account.email, "password": account.password}, None
        )
        account.token = answer["access_token"]

    async def _call(self, method: str, path: str, body: object, account: Account | None) -> Fields:
        # One key for all attempts, so that a repeat of what was carried out answers its first outcome.
        headers = {"Idempotency-Key": uuid4().hex} if method != "GET" else {}
        token = account.token if account else ""
        answer = await self._patiently(method, path, body, headers, token)
        if answer.status_code == 401 and account is not None:
            if account.token == token:
                await self._login(account)
            answer = await self._patiently(method, path, body, headers, account.token)
        return _fields(answer)

    async def _patiently(
        self, method: str, path: str, body: object, headers: dict[str, str], token: str
    ) -> httpx.Response:
        if token:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers = {**headers, "Content-Type": "application/json"}
        for attempt in range(1, self._attempts + 1):
            wait = min(self._pause * 2 ** (attempt - 1), _LONGEST_WAIT)
            try:
                async with self._slots:
                    answer = await self._http.request(method, path, content=content, headers=headers)
            except httpx.TransportError as error:
                if attempt == self._attempts:
                    raise UnreachableError(
                        f"{self.base_url} stopped answering: {str(error) or type(error).__name__}"
                    ) from error
            else:
                self.statuses[answer.status_code] += 1
                if answer.status_code not in _TRY_AGAIN or attempt == self._attempts:
                    return answer
                wait = _retry_after(answer, wait)
            self.repeated += 1
            await asyncio.sleep(wait)
        raise AssertionError("at least one attempt is made")


async def for_each(items: Iterable[ItemT], work: Callable[[ItemT], Awaitable[None]], *, at_once: int) -> None:
    """`work` on every item, `at_once` of them at a time; items are taken only as they are needed.

    The first error ends the rest and is raised.
    """
    source = iter(items)

    async def take() -> None:
        for item in source:
            await work(item)

    tasks = [asyncio.create_task(take()) for _ in range(at_once)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _retry_after(answer: httpx.Response, otherwise: float) -> float:
    try:
        return min(max(float(answer.headers["retry-after"]), 0.0), _LONGEST_WAIT)
    except (KeyError, ValueError):
        return otherwise


def _fields(answer: httpx.Response) -> Fields:
    try:
        decoded = msgspec.json.decode(answer.content) if answer.content else {}
    except msgspec.DecodeError:
        decoded = {}
    fields: dict[str, Any] = decoded if isinstance(decoded, dict) else {"items": decoded}
    if answer.is_success:
        return fields
    code = fields.get("code") or str(fields.get("type", "")).rpartition("/")[2] or "error"
    detail = fields.get("detail") or fields.get("title") or answer.reason_phrase
    errors = fields.get("errors")
    if isinstance(errors, list) and errors:
        detail = f"{detail} ({'; '.join(_shown(error) for error in errors)})"
    raise RefusedError(answer.status_code, str(code), str(detail))


def _shown(error: object) -> str:
    return f"{error.get('field')}: {error.get('reason')}" if isinstance(error, dict) else str(error)
