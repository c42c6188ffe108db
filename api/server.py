"""Runs API processes."""

import gc
from typing import Any, Final

import uvicorn
from litestar import Litestar

from api.app import create_app
from api.http.timed_http import TimedHttp
from infrastructure.identity.signing_keys import check_key_file
from infrastructure.logging import configure_logging
from infrastructure.settings import Settings, load

_GARBAGE_THRESHOLD: Final = 50_000
"""Allocations between two looks for garbage cycles. Requests make few; the default of 700 looked several times a request."""


def application() -> Litestar:
    """The application from the environment's settings: what each of several API processes makes."""
    settings = load()
    configure_logging(settings, "api")
    return _settled(settings)


def _settled(settings: Settings, further_handlers: list[Any] | None = None) -> Litestar:
    """The application; what start-up made lives as long as the process and is left out of garbage collection."""
    app = create_app(settings, further_handlers)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD, 20, 20)
    return app


def serve(settings: Settings, further_handlers: list[Any] | None = None) -> None:
    """Serve HTTP until SIGINT or SIGTERM, then finish what was begun. Blocks. Raises `SettingsError`.

    `further_handlers` are served by a single process only.
    """
    check_key_file(settings)
    several = settings.api_processes > 1
    uvicorn.run(
        "api.server:application" if several else _settled(settings, further_handlers),
        factory=several,
        host=settings.host,
        port=settings.port,
        workers=settings.api_processes if several else None,
        loop="uvloop",
        http=TimedHttp,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
        backlog=2048,
    )
