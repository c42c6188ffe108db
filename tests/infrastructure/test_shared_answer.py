"""An answer that is worked out once for all who ask at a time."""

import asyncio

import pytest

from infrastructure.processes.shared_answer import SharedAnswer


class Work:
    """Work that goes on until it is let go; its answers are numbered. `now` is the time of whoever shares them."""

    def __init__(self) -> None:
        self.begun = 0
        self.free = asyncio.Event()
        self.fails = False
        self.now = 0.0
        self.answer = SharedAnswer(self.work_out, clock=lambda: self.now)

    async def work_out(self) -> int:
        self.begun += 1
        await self.free.wait()
        if self.fails:
            raise ConnectionError
        return self.begun

    async def asked(self, times: int) -> list[asyncio.Task[int]]:
        """So many who wait for the answer."""
        tasks = [asyncio.create_task(self.answer.get()) for _ in range(times)]
        while not self.begun:  # noqa: ASYNC110 (a step of the event loop at a time)
            await asyncio.sleep(0)
        return tasks


async def test_who_asks_meanwhile_gets_the_same_answer() -> None:
    work = Work()
    waiting = await work.asked(20)
    work.now = 5.0
    waiting += await work.asked(20)
    work.free.set()
    assert await asyncio.gather(*waiting) == [1] * 40


async def test_an_answer_counts_for_a_second_from_when_it_was_known() -> None:
    work = Work()
    (first,) = await work.asked(1)
    work.now = 5.0
    work.free.set()
    assert await first == 1
    for now, expected in ((5.0, 1), (5.9, 1), (6.0, 2), (6.9, 2), (7.0, 3)):
        work.now = now
        assert await work.answer.get() == expected


async def test_who_stops_waiting_stops_it_for_nobody_else() -> None:
    work = Work()
    gone, patient = await work.asked(2)
    gone.cancel()
    work.free.set()
    assert await patient == 1
    assert gone.cancelled()


async def test_an_error_is_shared_as_an_answer_is() -> None:
    work = Work()
    work.fails = True
    work.free.set()
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await work.answer.get()
    assert work.begun == 1
    work.fails, work.now = False, 1.0
    assert await work.answer.get() == 2


async def test_work_that_was_cancelled_answers_nobody() -> None:
    work = Work()
    (waiting,) = await work.asked(1)
    await work.answer.aclose()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    work.free.set()
    assert await work.answer.get() == 2
