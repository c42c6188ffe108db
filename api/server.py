"""Runs API processes."""

import uvicorn

from api.app import create_app
from infrastructure.logging import configure_logging
from infrastructure.settings import Settings, load


def application() -> object:
    """The application from the environment's settings: what every API process imports."""
    settings = load()
    configure_logging(settings, "api")
    return create_app(settings)


def serve(settings: Settings) -> None:
    """Serve HTTP until SIGINT or SIGTERM, then finish what was begun. Blocks."""
    several = settings.api_processes > 1
    uvicorn.run(
        "api.server:application" if several else create_app(settings),
        factory=several,
        host=settings.host,
        port=settings.port,
        workers=settings.api_processes if several else None,
        loop="uvloop",
        http="httptools",
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
