"""How the system stands, for probes and scrapers. They are not counted, so what they ask the database is shared by all who ask."""

import asyncio
from typing import Literal, TypeAlias

import msgspec
import psycopg

from infrastructure.database.migrate import NewerDatabase, pending
from infrastructure.database.tenant_walls import Database
from infrastructure.log.connection import session_conninfo
from infrastructure.mail.administration import Figures, figures
from infrastructure.processes.shared_answer import SharedAnswer
from infrastructure.read_models.broker import WakeUps
from infrastructure.read_models.status import ProjectionStatus, statuses
from projections.menu import FOLLOWERS

_SECONDS = 2.0

Standing: TypeAlias = tuple[list[ProjectionStatus], Figures]


class Check(msgspec.Struct, frozen=True):
    """One thing that is needed, and what is wrong with it."""

    ok: bool
    detail: str = ""


_UNKNOWN = Check(ok=False, detail="not known while the database is away")


class Readiness(msgspec.Struct, frozen=True):
    """`degraded`: requests are answered, but somebody should look (a parked or outdated read model, no broker, mail held)."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, Check]


class Readings:
    """What a process knows of the system it is a part of, each at most a second old.

    `readiness` raises psycopg's errors when the database goes away while it is asked, `standing` whenever it is away.
    """

    def __init__(self, database: Database, wake_ups: WakeUps, database_url: str) -> None:
        self._database = database
        self._wake_ups = wake_ups
        self._database_url = database_url
        self.readiness = SharedAnswer(self._readiness)
        self.standing = SharedAnswer(self._standing)

    async def aclose(self) -> None:
        await self.readiness.aclose()
        await self.standing.aclose()

    async def _standing(self) -> Standing:
        return await asyncio.to_thread(_how_it_stands, self._database_url)

    async def _readiness(self) -> Readiness:
        database, broker = await asyncio.gather(self._reachable_database(), self._broker())
        migrations = await self._migrations() if database.ok else _UNKNOWN
        checks = {"database": database, "broker": broker, "migrations": migrations}
        if not migrations.ok:
            return Readiness("unavailable", checks)
        found, mail = await self.standing.get()
        checks["read_models"], checks["mail"] = _read_models(found), _mail(mail)
        checks["tenant_walls"] = await self._tenant_walls()
        return Readiness("ready" if all(check.ok for check in checks.values()) else "degraded", checks)

    async def _reachable_database(self) -> Check:
        try:
            async with asyncio.timeout(_SECONDS):
                await self._database.demand_writes()
        except (psycopg.Error, TimeoutError) as error:
            return Check(ok=False, detail=type(error).__name__)
        return Check(ok=True)

    async def _broker(self) -> Check:
        reachable = await self._wake_ups.reachable()
        return Check(
            ok=reachable, detail="" if reachable else "workers look for what is behind every few seconds only"
        )

    async def _migrations(self) -> Check:
        try:
            missing = await asyncio.to_thread(pending, self._database_url)
        except NewerDatabase:
            # While one version takes over from another, the old processes go on: answers go to whoever is ready.
            return Check(ok=True, detail="the database is of a newer version of Hirelog")
        return Check(ok=not missing, detail=f"missing: {', '.join(missing)}" if missing else "")

    async def _tenant_walls(self) -> Check:
        walled = await self._database.is_walled()
        detail = (
            ""
            if walled
            else "the API's database role bypasses row-level security: set HIRELOG_API_DATABASE_URL"
        )
        return Check(ok=walled, detail=detail)


def _read_models(found: list[ProjectionStatus]) -> Check:
    outdated = [status.name for status in found if status.outdated]
    parked = [status.name for status in found if status.tenants_parked]
    detail = [f"outdated: {', '.join(outdated)}"] if outdated else []
    detail += [f"parked: {', '.join(parked)}"] if parked else []
    return Check(ok=not detail, detail="; ".join(detail))


def _mail(mail: Figures) -> Check:
    held = mail.held_reason is not None
    return Check(ok=not held, detail="held: the worker's log says why" if held else "")


def _how_it_stands(database_url: str) -> Standing:
    with psycopg.connect(session_conninfo(database_url), autocommit=True, connect_timeout=2) as connection:
        return statuses(connection, FOLLOWERS), figures(connection)
