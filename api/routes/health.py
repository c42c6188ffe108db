"""Is this process alive, and can it work: liveness and readiness."""

from typing import Any, Literal

import msgspec
from litestar import Response, get
from litestar.openapi import ResponseSpec

from api.http.access import ANYONE
from api.http.requests import AnyRequest
from api.readiness import Readiness
from api.services import services_of


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
    """Database, broker, migrations, read models, mail and the walls between tenants, each with its state a second ago at most; 503
    when requests cannot be answered."""
    readiness = await services_of(request).readings.readiness.get()
    usable = readiness.status != "unavailable"
    return Response(
        readiness,
        status_code=200 if usable else 503,
        headers={} if usable else {"Retry-After": "1"},
    )


HANDLERS: list[Any] = [live, ready]
