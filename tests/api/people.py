"""People who use the API over HTTP, so that tests read as sentences about them.

Every answer that is an error must be a problem (RFC 9457); that is checked here, once, for all tests.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, cast
from uuid import UUID, uuid4

import httpx
import psycopg
from litestar import Litestar
from psycopg_pool import ConnectionPool

from api.app import create_app
from api.services import Services
from application.actor import OPERATOR, Actor
from application.handle import Metadata
from domain.membership import AddMember, ChangeMemberRole, StaffRole
from infrastructure.database.connection_pools import projection_pool
from infrastructure.identity import accounts
from infrastructure.mail.effects_projector import EffectsProjector
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.settings import Settings
from projections.menu import MENU

Json: TypeAlias = dict[str, Any]
Query: TypeAlias = str | int | bool | Sequence[str] | None

PASSWORD: Final = "correct horse battery"
_numbers = itertools.count(1)


class Person:
    """Somebody with a token, or nobody with none. Verbs answer the body of a success, methods of HTTP any response."""

    def __init__(
        self, client: httpx.AsyncClient, profile: Json | None = None, token: str | None = None
    ) -> None:
        self._client = client
        self.token = token
        self.profile = profile or {}

    def acting_with(self, token: str) -> "Person":
        """The same person by another login."""
        return Person(self._client, self.profile, token)

    @property
    def id(self) -> str:
        return str(self.profile["id"])

    @property
    def email(self) -> str:
        return str(self.profile["email"])

    @property
    def company_id(self) -> str:
        return str(self.profile["company_id"])

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        version: object = None,
        key: str | None = None,
        query: Mapping[str, Query] | None = None,
    ) -> httpx.Response:
        """`version` is the If-Match, `key` the Idempotency-Key; `content` is sent as it is, as JSON."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if version is not None:
            sent["If-Match"] = f'"{version}"'
        if key is not None:
            sent["Idempotency-Key"] = key
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        given = {name: value for name, value in (query or {}).items() if value is not None}
        if body is not None:
            response = await self._client.request(method, path, json=body, headers=sent, params=given or None)
        else:
            response = await self._client.request(
                method, path, content=content, headers=sent, params=given or None
            )
        if response.status_code >= 400 and method != "HEAD":
            problem(response)
        return response

    async def get(self, path: str, **query: Query) -> httpx.Response:
        return await self.send("GET", path, query=query)

    async def post(
        self, path: str, body: object = None, *, version: object = None, key: str | None = None
    ) -> httpx.Response:
        return await self.send("POST", path, body, version=version, key=key)

    async def patch(
        self, path: str, body: object, *, version: object = None, key: str | None = None
    ) -> httpx.Response:
        return await self.send("PATCH", path, body, version=version, key=key)

    async def sees(self, path: str, **query: Query) -> Json:
        """The body of a GET that succeeds."""
        return done(await self.get(path, **query))

    async def posts_job(self, **fields: object) -> Json:
        body = {"title": f"Baker {next(_numbers)}", "skills": ["baking"], "status": "open"} | fields
        return done(await self.post("/jobs", body))

    async def applies(self, job: Json, **fields: object) -> Json:
        return done(await self.post(f"/jobs/{job['id']}/apply", {"skills": ["baking"]} | fields))

    async def views(self, job: Json) -> None:
        done(await self.post(f"/jobs/{job['id']}/view"))

    async def advances(self, application: Json, *stages: str) -> Json:
        """The application after these stages, one after the other."""
        moved = application
        for stage in stages:
            moved = done(await self.patch(f"/applications/{application['id']}/stage", {"stage": stage}))
        return moved

    async def rejects(self, application: Json, reason: str = "Others fit better.") -> Json:
        return done(await self.post(f"/applications/{application['id']}/reject", {"reason": reason}))

    async def pages(self, path: str, **query: Query) -> AsyncIterator[list[Json]]:
        """The items of every page of a list, following `next`."""
        cursor: str | None = None
        while True:
            page = await self.sees(path, **query, cursor=cursor)
            yield page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    async def all(self, path: str, **query: Query) -> list[Json]:
        """All items of a list."""
        return [item async for items in self.pages(path, **query) for item in items]


class System:
    """The HTTP API in this process over real servers; read models move when `project` is awaited."""

    def __init__(
        self, app: Litestar, client: httpx.AsyncClient, pool: ConnectionPool[Any], owner_url: str
    ) -> None:
        self.app = app
        self.database_url = owner_url
        self.client = client
        self.nobody = Person(client)
        self._projectors = [Projector(pool, model) for model in MENU]
        self._effects = EffectsProjector(pool)

    @property
    def services(self) -> Services:
        made: Services = self.app.state.services
        return made

    @asynccontextmanager
    async def owner(self) -> AsyncGenerator[psycopg.AsyncConnection[Any]]:
        """A connection that sees everything, as the API's does not."""
        opened = await psycopg.AsyncConnection[Any].connect(self.database_url, autocommit=True)
        async with opened as connection:
            yield connection

    async def company(self, name: str = "") -> Person:
        """The admin of a new company."""
        number = next(_numbers)
        return await self._registered({"company_name": name or f"Company {number}", "name": f"Ann {number}"})

    async def candidate(self) -> Person:
        return await self._registered({"name": f"Cy {next(_numbers)}"})

    async def _registered(self, fields: Json) -> Person:
        email = f"person{next(_numbers)}.{uuid4().hex[:8]}@example.com"
        profile = done(
            await self.nobody.post("/auth/register", {"email": email, "password": PASSWORD} | fields)
        )
        return await self.logged_in(profile)

    async def logged_in(self, profile: Json) -> Person:
        tokens = done(
            await self.nobody.post("/auth/login", {"email": profile["email"], "password": PASSWORD})
        )
        return Person(self.client, profile, tokens["access_token"])

    async def again(self, person: Person) -> Person:
        """The same person after a new login, as who they are now."""
        return await self._with_profile({"email": person.email})

    async def _with_profile(self, login: Json) -> Person:
        person = await self.logged_in(login)
        person.profile = await person.sees("/auth/me")
        return person

    async def member(self, admin: Person, role: StaffRole) -> Person:
        """A new member of the admin's company, without the letters of an invitation."""
        number, account_id, company_id = next(_numbers), uuid4(), UUID(admin.company_id)
        account = accounts.Account(
            account_id=account_id,
            email=f"member{number}.{uuid4().hex[:8]}@example.com",
            name=f"Member {number}",
            password_hash=await self.services.passwords.hash(PASSWORD),
            company_id=company_id,
        )
        async with self.owner() as connection:
            await accounts.register(connection, account, None)
        await self.services.commands.handle(
            AddMember(company_id=company_id, account_id=account_id, role=role), Metadata(OPERATOR, uuid4())
        )
        return await self._with_profile({"email": account.email})

    async def change_role(self, admin: Person, member: Person, role: StaffRole) -> None:
        """Give a member another role behind the API's back: the token that they have goes on saying the old one."""
        company_id = UUID(admin.company_id)
        await self.services.commands.handle(
            ChangeMemberRole(company_id=company_id, account_id=UUID(member.id), role=role),
            Metadata(Actor(UUID(admin.id), "admin", company_id), uuid4()),
        )

    async def project(self) -> None:
        """Bring every read model up to date."""
        for projector in self._projectors:
            await asyncio.to_thread(projector.drain)

    async def tell(self) -> None:
        """Store what follows from every event so far: who is told what."""
        await asyncio.to_thread(self._effects.drain)


@asynccontextmanager
async def running(settings: Settings) -> AsyncGenerator[System]:
    """A system on a migrated database."""
    assert settings.database_url is not None
    await asyncio.to_thread(ensure_read_models, settings.database_url, MENU)
    app = create_app(settings)
    started, stop = asyncio.Event(), asyncio.Event()
    life = asyncio.create_task(_live(app, started, stop))
    await asyncio.wait({life, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
    pool = projection_pool(settings.database_url, 2)
    try:
        transport = httpx.ASGITransport(cast("Any", app))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield System(app, client, pool, settings.database_url)
    finally:
        pool.close()
        stop.set()
        await life


async def _live(app: Litestar, started: asyncio.Event, stop: asyncio.Event) -> None:
    """An application's life in one task, as its event emitter demands (a fixture begins and ends in two)."""
    async with app.lifespan():
        started.set()
        await stop.wait()


def done(response: httpx.Response) -> Json:
    """The body of a success."""
    assert response.is_success, f"{response.request.method} {response.request.url}: {response.text}"
    body: Json = response.json() if response.content else {}
    return body


def problem(response: httpx.Response) -> Json:
    """The problem that an error answers; it has the form that the contract promises."""
    where = f"{response.request.method} {response.request.url}: {response.status_code} {response.text[:500]}"
    assert response.headers["content-type"].partition(";")[0] == "application/problem+json", where
    body: Json = response.json()
    assert body["status"] == response.status_code, where
    assert body["type"] == f"/problems/{body['code'].replace('_', '-')}", where
    assert body["title"], where
    assert body["detail"], where
    for error in body.get("errors", ()):
        assert set(error) == {"field", "reason"}, where
        assert error["field"], where
        assert error["reason"], where
    if response.status_code in {429, 503}:
        assert int(response.headers["retry-after"]) >= 1, where
    if response.status_code == 401:
        assert response.headers["www-authenticate"].startswith("Bearer"), where
    return body


def refused(response: httpx.Response, status: int, code: str | None = None) -> Json:
    """The problem of an answer that must be this error."""
    assert response.status_code == status, (
        f"{response.request.url}: {response.status_code} {response.text[:500]}"
    )
    body = problem(response)
    assert code is None or body["code"] == code, body
    return body
