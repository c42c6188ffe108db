"""The HTTP application: its handlers, who may call them, and how errors are said."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.handlers import BaseRouteHandler

from api.http import metrics
from api.http.access import check_declared, guard
from api.http.bodies import BODY_BYTES, BodyRequest, body_guard
from api.http.methods import allow_all_methods
from api.http.metrics import MeasuredApp, metrics_page
from api.http.openapi import openapi_document
from api.http.problems import EXCEPTION_HANDLERS
from api.http.response_headers import ResponseHeaders
from api.routes import (
    accounts,
    application_bulk,
    application_decisions,
    application_move,
    applications,
    audit,
    comments,
    company,
    dashboard,
    health,
    history,
    invitations,
    job_browsing,
    job_lifecycle,
    jobs,
    joining,
    landing,
    members,
    notifications,
    outbox,
    password_reset,
    passwords,
    profile,
    resumes,
    scorecards,
    sessions,
    sign_in,
    unsubscribe,
    what_if,
)
from api.routes.docs import docs_handlers, openapi_config
from api.services import services
from api.throttle import AnyConnection
from infrastructure.processes.shared_answer import SharedAnswer
from infrastructure.settings import Settings

_HANDLERS: Final[list[Any]] = [
    *accounts.HANDLERS,
    *sign_in.HANDLERS,
    *sessions.HANDLERS,
    *passwords.HANDLERS,
    *password_reset.HANDLERS,
    *profile.HANDLERS,
    *company.HANDLERS,
    *members.HANDLERS,
    *invitations.HANDLERS,
    *joining.HANDLERS,
    *job_browsing.HANDLERS,
    *jobs.HANDLERS,
    *job_lifecycle.HANDLERS,
    *applications.HANDLERS,
    *application_decisions.HANDLERS,
    *application_bulk.HANDLERS,
    *application_move.HANDLERS,
    *what_if.HANDLERS,
    *comments.HANDLERS,
    *scorecards.HANDLERS,
    *history.HANDLERS,
    *notifications.HANDLERS,
    *unsubscribe.HANDLERS,
    *resumes.HANDLERS,
    *dashboard.HANDLERS,
    *audit.HANDLERS,
    *health.HANDLERS,
    *outbox.HANDLERS,
    *landing.HANDLERS,
]


def create_app(settings: Settings, further_handlers: list[Any] | None = None) -> Litestar:
    """The application of one API process. Raises `RuntimeError` for a handler without a declaration of access."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async with (
            services(settings) as made,
            aclosing(SharedAnswer(partial(metrics_page, made, measured.metrics))) as page,
        ):
            app.state.services = made
            app.state.metrics_page = page
            yield

    handlers = [*_HANDLERS, *(further_handlers or [])]
    if settings.metrics:
        handlers += metrics.HANDLERS
    if settings.docs:
        handlers += docs_handlers()
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    secure = (settings.public_url or "").startswith("https://")
    measured = MeasuredApp(
        handlers,
        before_send=[ResponseHeaders(secure=secure, cross_origin=bool(origins))],
        cors_config=_cors(origins) if origins else None,
        guards=[_guard],
        request_class=BodyRequest,
        exception_handlers=dict(EXCEPTION_HANDLERS),
        lifespan=[lifespan],
        openapi_config=openapi_config() if settings.docs else None,
        request_max_body_size=BODY_BYTES,
        logging_config=None,
    )
    check_declared(measured.routes)
    allow_all_methods(measured.routes)
    return measured


async def _guard(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Both guards as one: Litestar copies the handler for each, which costs more than what they do."""
    await guard(connection, handler)
    await body_guard(connection, handler)


def _cors(origins: list[str]) -> CORSConfig:
    """Pages of these origins may call with a token and read what an answer says; cookies play no part."""
    return CORSConfig(
        allow_origins=origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key"],
        allow_credentials=False,
        expose_headers=[
            "ETag",
            "Location",
            "Retry-After",
            "RateLimit-Limit",
            "RateLimit-Remaining",
            "RateLimit-Reset",
            "X-Request-ID",
        ],
        max_age=600,
    )


def openapi_json() -> bytes:
    """The OpenAPI description, as `GET /schema` answers it."""
    return msgspec.json.format(msgspec.json.encode(openapi_document(create_app(Settings()))), indent=2)
