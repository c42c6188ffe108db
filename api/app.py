"""The HTTP application: its handlers, who may call them, and how errors are said."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from litestar import Litestar

from api import (
    accounts,
    application_bulk,
    application_decisions,
    application_move,
    applications,
    audit,
    comments,
    dashboard,
    health,
    history,
    job_lifecycle,
    jobs,
    metrics,
    notifications,
    outbox,
    passwords,
    scorecards,
    sessions,
    sign_in,
    unsubscribe,
)
from api.access import check_declared, guard
from api.bodies import BODY_BYTES, BodyRequest, body_guard
from api.docs import docs_handlers, openapi_config
from api.metrics import MeasuredApp
from api.openapi import described
from api.problems import EXCEPTION_HANDLERS
from api.services import services
from infrastructure.settings import Settings

_HANDLERS: Final[list[Any]] = [
    *accounts.HANDLERS,
    *sign_in.HANDLERS,
    *sessions.HANDLERS,
    *passwords.HANDLERS,
    *jobs.HANDLERS,
    *job_lifecycle.HANDLERS,
    *applications.HANDLERS,
    *application_decisions.HANDLERS,
    *application_bulk.HANDLERS,
    *application_move.HANDLERS,
    *comments.HANDLERS,
    *scorecards.HANDLERS,
    *history.HANDLERS,
    *notifications.HANDLERS,
    *unsubscribe.HANDLERS,
    *dashboard.HANDLERS,
    *audit.HANDLERS,
    *health.HANDLERS,
    *metrics.HANDLERS,
    *outbox.HANDLERS,
    *docs_handlers(),
]


def create_app(settings: Settings, further_handlers: list[Any] | None = None) -> Litestar:
    """The application of one API process. Raises `RuntimeError` for a handler without a declaration of access."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async with services(settings) as made:
            app.state.services = made
            app.state.metrics = measured.metrics
            yield

    measured = MeasuredApp(
        [*_HANDLERS, *(further_handlers or [])],
        guards=[guard, body_guard],
        request_class=BodyRequest,
        exception_handlers=dict(EXCEPTION_HANDLERS),
        lifespan=[lifespan],
        openapi_config=openapi_config(),
        request_max_body_size=BODY_BYTES,
        logging_config=None,
    )
    check_declared(measured.routes)
    return measured


def openapi_json() -> bytes:
    """The OpenAPI description, as `GET /schema` answers it."""
    return msgspec.json.format(msgspec.json.encode(described(create_app(Settings()))), indent=2)
