"""The HTTP benchmark's yardstick: the real application with one more route that does nothing behind a token check."""

import msgspec
from litestar import post
from litestar.params import JSONBody

from api.http.access import SIGNED_IN
from api.http.fields import Body
from api.http.requests import AnyRequest, actor_of
from api.server import serve
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
    """Serve exactly as `hirelog serve` does."""
    serve(load(), [noop])


if __name__ == "__main__":
    main()
