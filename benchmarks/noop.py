"""The HTTP benchmark's yardsticks: the real application with two more routes behind a token check, one that does nothing, and one
that appends an event and nothing else."""

from typing import Final
from uuid import uuid4

import msgspec
from litestar import post
from litestar.params import JSONBody

from api.http.access import SIGNED_IN
from api.http.fields import Body
from api.http.requests import AnyRequest, actor_of, company_of
from api.server import serve
from api.services import services_of
from application.recorded import Append, NewEvent, StreamPart
from infrastructure.settings import load

_EVENT: Final = NewEvent("Measured", b'{"text":"' + 189 * b"x" + b'"}')
"""200 bytes, of a type that no read model handles."""


class NoopBody(Body, frozen=True):
    stage: str


class NoopAnswer(msgspec.Struct, frozen=True):
    stage: str
    role: str


@post("/noop", allow=SIGNED_IN)
async def noop(data: JSONBody[NoopBody], request: AnyRequest) -> NoopAnswer:
    """Token, body, answer: what every command costs at least."""
    return NoopAnswer(data.stage, actor_of(request).role)


@post("/append", allow=SIGNED_IN)
async def append(data: JSONBody[NoopBody], request: AnyRequest) -> NoopAnswer:
    """The no-op and one durable event in the caller's log: what every command that writes costs at least."""
    actor = actor_of(request)
    part = StreamPart(uuid4(), 0, (_EVENT,))
    await services_of(request).store.append(Append(company_of(request), (part,), uuid4(), actor.account_id))
    return NoopAnswer(data.stage, actor.role)


def main() -> None:
    """Serve exactly as `hirelog serve` does."""
    serve(load(), [noop, append])


if __name__ == "__main__":
    main()
