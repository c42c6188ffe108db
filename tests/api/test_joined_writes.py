"""An answer is one write, however it was written; nothing is lost, held for long, or sent to who has gone."""

import asyncio
from typing import Any

from api.http.joined_writes import JoinedWrites

MUCH = bytes(100_000)


class Wire(asyncio.Transport):
    """What goes over a connection, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[bytes | str] = []
        self.gone = False

    def write(self, data: Any) -> None:
        self.events.append(bytes(data))

    def is_closing(self) -> bool:
        return self.gone

    def close(self) -> None:
        self.gone = True
        self.events.append("closed")


def joined() -> tuple[JoinedWrites, Wire]:
    wire = Wire()
    return JoinedWrites(wire, asyncio.get_running_loop()), wire


async def test_head_and_body_go_out_together_and_at_once() -> None:
    writes, wire = joined()
    for answer in (b"first", b"second"):
        writes.write(answer + b" head, ")
        writes.write(answer + b" body")
        assert answer + b" head, " + answer + b" body" not in wire.events
        await asyncio.sleep(0)
    assert wire.events == [b"first head, first body", b"second head, second body"]


async def test_much_is_not_held_back() -> None:
    writes, wire = joined()
    writes.write(b"head")
    writes.write(MUCH)
    assert wire.events == [b"head" + MUCH]
    writes.write(b"end")
    await asyncio.sleep(0)
    assert wire.events == [b"head" + MUCH, b"end"]


async def test_what_was_written_goes_out_before_the_end() -> None:
    writes, wire = joined()
    writes.write(b"last words")
    writes.close()
    assert writes.is_closing()
    await asyncio.sleep(0)
    assert wire.events == [b"last words", "closed"]


async def test_nothing_is_sent_to_who_has_gone() -> None:
    writes, wire = joined()
    writes.write(b"an answer")
    wire.gone = True
    await asyncio.sleep(0)
    assert wire.events == []
