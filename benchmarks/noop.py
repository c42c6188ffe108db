"""The HTTP benchmark's yardstick: the real application with one more route that does nothing behind a token check."""

import msgspec
import uvicorn
from litestar import post
from litestar.params import JSONBody

from api.access import SIGNED_IN
from api.app import create_app
from api.fields import Body
from api.requests import AnyRequest, actor_of
from infrastructure.settings import load


class NoopBody(Body, frozen=True):
    stage: str


class NoopAnswer(msgspec.Struct, frozen=True):
    stage: str
    role: str


@post("/noop", allow=SIGNED_IN)
async def noop(data: JSONBody[NoopBody], request: AnyRequest) -> NoopAnswer:
    """Token, body, answer: what every command costs at least."""
    return NoopAnswer(data.stage, actor_of(request).role)


def main() -> None:
    """Serve as `hirelog serve` does."""
    settings = load()
    uvicorn.run(
        create_app(settings, [noop]),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
