"""Work beside requests: it says so when it ends before its time, and mail that was queued is delivered at once."""

import asyncio
import threading

from dramatiq import Worker
from structlog.testing import capture_logs

from infrastructure.background import Background
from infrastructure.broker import make_broker
from infrastructure.mail_wake import MailWake, answer_mail_calls
from infrastructure.settings import Settings
from infrastructure.wake import connect


class Faulty(Background):
    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def _work(self) -> None:
        self.reached.set()
        raise LookupError


async def test_work_that_ends_of_a_fault_is_logged_and_its_owner_goes_on() -> None:
    with capture_logs() as logs:
        async with Faulty() as work:
            await work.reached.wait()
            await asyncio.sleep(0)
    assert [(entry["log_level"], entry["work"], type(entry["exc_info"])) for entry in logs] == [
        ("error", "Faulty", LookupError)
    ]


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
