"""Turns: who asks for much waits behind who asks for little, nobody waits for ever, and no turn is lost."""

import asyncio
from collections.abc import Awaitable

import pytest

from infrastructure.processes.fair_turns import FairTurns, NoTurn

pytestmark = pytest.mark.asyncio


class Desk(FairTurns):
    """Turns that note whose they were; they end at once."""

    def __init__(
        self,
        *,
        at_once: int = 1,
        waiting: int = 9,
        waiting_per_key: int = 9,
        seconds: float = 9.0,
        lately: float = 9.0,
    ) -> None:
        super().__init__(
            at_once=at_once, waiting=waiting, waiting_per_key=waiting_per_key, seconds=seconds, lately=lately
        )
        self.served: list[str] = []

    async def serve(self, key: str) -> None:
        async with self.turn(key):
            self.served.append(key)

    async def queue(self, *keys: str) -> list[asyncio.Task[None]]:
        """They stand in the queue, in this order, when this returns."""
        tasks = [asyncio.create_task(self.serve(key)) for key in keys]
        await asyncio.sleep(0)
        return tasks


async def outcomes(asked: list[asyncio.Task[None]]) -> list[type[BaseException] | None]:
    answers: list[BaseException | None] = await asyncio.gather(*asked, return_exceptions=True)
    return [None if answer is None else type(answer) for answer in answers]


async def refused(asked: Awaitable[None]) -> None:
    with pytest.raises(NoTurn):
        await asked


async def test_who_comes_new_goes_before_who_had_turns_however_long_that_one_waits() -> None:
    desk = Desk()
    async with desk.turn("hog"):
        asked = await desk.queue("hog", "hog", "second", "third")
    await asyncio.gather(*asked)
    assert desk.served == ["second", "third", "hog", "hog"]


async def test_a_turn_of_long_ago_does_not_count() -> None:
    desk = Desk(lately=0)
    await desk.serve("regular")
    async with desk.turn("first"):
        asked = await desk.queue("regular", "newcomer")
    await asyncio.gather(*asked)
    assert desk.served == ["regular", "regular", "newcomer"]


async def test_a_key_has_one_turn_at_a_time_though_others_are_free() -> None:
    desk = Desk(at_once=2)
    async with desk.turn("hog"):
        (again,) = await desk.queue("hog")
        await desk.serve("other")
        assert not again.done()
    await again
    assert desk.served == ["other", "hog"]


async def test_who_has_too_many_waiting_is_sent_away_and_nobody_else() -> None:
    desk = Desk(waiting_per_key=2)
    async with desk.turn("first"):
        asked = await desk.queue("hog", "hog", "hog", "other")
        await refused(asked[2])
    assert await outcomes(asked) == [None, None, NoTurn, None]


async def test_a_full_queue_sends_away_who_would_come_last() -> None:
    desk = Desk(waiting=2)
    async with desk.turn("first"):
        asked = await desk.queue("hog", "hog", "newcomer")
        await refused(asked[1])
        await refused(desk.serve("late"))
    assert await outcomes(asked) == [None, NoTurn, None]
    assert desk.served == ["hog", "newcomer"]


async def test_who_waits_too_long_is_sent_away() -> None:
    desk = Desk(seconds=0)
    async with desk.turn("first"):
        await refused(desk.serve("second"))
    await desk.serve("second")


@pytest.mark.parametrize("at_the_last_moment", [False, True])
async def test_who_goes_away_gives_up_the_place(*, at_the_last_moment: bool) -> None:
    desk = Desk()
    async with desk.turn("first"):
        leaving, staying = await desk.queue("leaving", "staying")
        if not at_the_last_moment:
            leaving.cancel()
    leaving.cancel()
    assert await outcomes([leaving, staying]) == [asyncio.CancelledError, None]
    await desk.serve("next")
    assert desk.served == ["staying", "next"]
