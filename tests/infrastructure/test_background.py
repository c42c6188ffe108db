"""Work beside requests: a fault does not end it, and mail that was queued is delivered at once."""

import asyncio
import contextlib
import threading

import pytest
from dramatiq import Worker
from structlog.testing import capture_logs

from infrastructure.mail.wake import MailWake, answer_mail_calls
from infrastructure.processes import background
from infrastructure.processes.background import Background
from infrastructure.read_models.broker import make_broker
from infrastructure.read_models.wake import connect
from infrastructure.settings import Settings


class Faulty(Background):
    def __init__(self) -> None:
        self.begun = 0
        self.again = asyncio.Event()

    async def _work(self) -> None:
        self.begun += 1
        if self.begun == 1:
            raise LookupError
        self.again.set()
        await asyncio.Event().wait()


async def test_work_that_ends_of_a_fault_is_logged_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_PAUSE_SECONDS", 0.0)
    with capture_logs() as logs:
        async with Faulty() as work:
            await asyncio.wait_for(work.again.wait(), 10)
    assert [(entry["log_level"], entry["work"]) for entry in logs] == [("error", "Faulty")]


class Deaf(Background):
    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def _work(self) -> None:
        self.begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()


async def test_work_ends_although_a_library_lost_that_it_was_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "_PAUSE_SECONDS", 0.01)
    async with asyncio.timeout(10), Deaf() as work:
        await work.begun.wait()


async def test_queued_mail_wakes_a_deliverer_each_time(redis_url: str) -> None:
    heard = threading.Semaphore(0)
    broker = make_broker(redis_url)
    with connect(redis_url) as redis:
        answer_mail_calls(redis, broker, heard.release)
        worker = Worker(broker, worker_threads=1, worker_timeout=20)
        worker.start()
        try:
            async with MailWake(Settings(redis_url=redis_url)) as mail:
                for _ in range(2):
                    mail.wake()
                    assert await asyncio.to_thread(heard.acquire, timeout=10)
        finally:
            worker.stop()
            broker.close()
