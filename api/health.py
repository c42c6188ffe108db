"""Is this process alive, and can it work: liveness and readiness."""

import asyncio
from typing import Any, Literal

import msgspec
import psycopg
from litestar import Response, get
from litestar.openapi import ResponseSpec

from api.access import ANYONE
from api.requests import AnyRequest
from api.services import Services, services_of
from infrastructure.log_connection import attentive
from infrastructure.mail_ledger import Figures, figures
from infrastructure.migrate import NewerDatabase, pending
from infrastructure.projection_status import ProjectionStatus, statuses
from projections.menu import FOLLOWERS

_SECONDS = 2.0


class Check(msgspec.Struct, frozen=True):
    """One thing that is needed, and what is wrong with it."""

    ok: bool
    detail: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """`degraded`: requests are answered, but somebody should look (a parked or outdated read model, no broker, mail held)."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, Check]


class Liveness(msgspec.Struct, frozen=True):
    status: Literal["alive"] = "alive"


@get(
    "/health/live",
    allow=ANYONE,
    tags=["Operations"],
    security=[{}],
    sync_to_thread=False,
    operation_id="check_liveness",
)
def live() -> Liveness:
    """The process answers."""
    return Liveness()


@get(
    "/health/ready",
    allow=ANYONE,
    tags=["Operations"],
    security=[{}],
    responses={503: ResponseSpec(Readiness, description="Requests cannot be answered now.")},
    operation_id="check_readiness",
)
async def ready(request: AnyRequest) -> Response[Readiness]:
    """Database, broker, migrations, read models, mail and the walls between tenants, each with its state; 503 when requests cannot be answered."""
    services = services_of(request)
    database, broker = await asyncio.gather(_database(services), _broker(services))
    checks = {"database": database, "broker": broker}
    if database.ok:
        checks["migrations"] = await _migrations(services)
        if checks["migrations"].ok:
            checks["read_models"], checks["mail"] = await _background(services)
            checks["tenant_walls"] = await _tenant_walls(services)
    usable = database.ok and checks["migrations"].ok
    status: Literal["ready", "degraded", "unavailable"] = "unavailable"
    if usable:
        status = "ready" if all(check.ok for check in checks.values()) else "degraded"
    return Response(
        Readiness(status, checks),
        status_code=200 if usable else 503,
        headers={} if usable else {"Retry-After": "1"},
    )


async def _database(services: Services) -> Check:
    try:
        async with asyncio.timeout(_SECONDS):
            await services.database.demand_writes()
    except (psycopg.Error, TimeoutError) as error:
        return Check(ok=False, detail=type(error).__name__)
    return Check(ok=True)


async def _tenant_walls(services: Services) -> Check:
    walled = await services.database.is_walled()
    detail = (
        "" if walled else "the API's database role bypasses row-level security: set HIRELOG_API_DATABASE_URL"
    )
    return Check(ok=walled, detail=detail)


async def _broker(services: Services) -> Check:
    reachable = await services.wake_ups.reachable()
    return Check(
        ok=reachable, detail="" if reachable else "workers look for what is behind every few seconds only"
    )


async def _migrations(services: Services) -> Check:
    try:
        missing = await asyncio.to_thread(pending, services.settings.database_url or "")
    except NewerDatabase:
        # While one version takes over from another, the old processes go on: answers go to whoever is ready.
        return Check(ok=True, detail="the database is of a newer version of Hirelog")
    return Check(ok=not missing, detail=f"missing: {', '.join(missing)}" if missing else "")


async def _background(services: Services) -> tuple[Check, Check]:
    found, mail = await asyncio.to_thread(standing, services.settings.database_url or "")
    held = mail.held_reason is not None
    return _read_models(found), Check(ok=not held, detail="held: the worker's log says why" if held else "")


def _read_models(found: list[ProjectionStatus]) -> Check:
    outdated = [status.name for status in found if status.outdated]
    parked = [status.name for status in found if status.tenants_parked]
    detail = [f"outdated: {', '.join(outdated)}"] if outdated else []
    detail += [f"parked: {', '.join(parked)}"] if parked else []
    return Check(ok=not detail, detail="; ".join(detail))


def standing(database_url: str) -> tuple[list[ProjectionStatus], Figures]:
    """How the read models and mail stand. Raises `psycopg.Error`."""
    with psycopg.connect(attentive(database_url), autocommit=True, connect_timeout=2) as connection:
        return statuses(connection, FOLLOWERS), figures(connection)


HANDLERS: list[Any] = [live, ready]
