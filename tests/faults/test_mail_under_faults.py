"""Real workers and schedulers that deliver, and what happens to them, to Redis and to the provider: no mail lost, none twice."""

import contextlib
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from psycopg_pool import AsyncConnectionPool
from redis import Redis

from domain.identifiers import tenant_of
from domain.job_application import StageAdvanced
from domain.job_view import JobViewed
from infrastructure.database.tenant_walls import Database
from infrastructure.mail.effects_projector import EFFECTS
from infrastructure.read_models.min_position import wait_for
from infrastructure.read_models.rebuild import rebuild
from infrastructure.read_models.wake import broker_url
from projections.menu import MENU
from tests.mail_servers import Answer
from tests.mail_world import MailWorld
from tests.patience import PATIENCE
from tests.programs import environment, program
from tests.read_models import new_id


@pytest.fixture
def settings(mail_world: MailWorld, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(
        mail_world.database_url,
        redis_url,
        HIRELOG_HOME=str(tmp_path),
        HIRELOG_MAIL_FROM="jobs@mail.example.com",
        HIRELOG_MAIL_PER_SECOND="100",
        HIRELOG_SENDGRID_URL=mail_world.provider.url,
        SENDGRID_API_KEY=mail_world.provider.key,
    )


ALL_SENT = "select count(*) > 0 and bool_and(mail_status = 'sent') from effect"


def told(mail_world: MailWorld, count: int) -> None:
    """All effects of so many applications are stored and their mails sent."""
    mail_world.until(f"select count(*) = {2 * count} and bool_and(mail_status = 'sent') from effect")


def test_a_worker_killed_between_sending_and_noting_it_repeats_one_mail_with_the_same_id(
    mail_world: MailWorld, settings: dict[str, str]
) -> None:
    mail_world.apply()
    mail_world.execute("update mail_pace set held_until = now() + interval '1 hour'")
    with program("work", settings) as worker:
        mail_world.until("select count(*) = 2 from effect")
        kills = iter([worker])

        def kill(_request: Any) -> Answer:
            for doomed in kills:
                doomed.kill()
                doomed.wait()
            return Answer()

        mail_world.provider.answer = kill
        mail_world.execute("update effect set mail_due_at = null, mail_status = 'sent' where number = 1")
        mail_world.execute("update mail_pace set held_until = now()")
        with program("schedule", settings):
            mail_world.provider.wait_for(1)
        assert worker.wait(PATIENCE) == -signal.SIGKILL
    assert mail_world.outcomes()[0][1:3] == ("sending", 1)
    with program("work", settings), program("schedule", settings):
        assert len(mail_world.provider.requests) == 1, "it is leased"
        mail_world.time_passes()
        mail_world.until(ALL_SENT)
    assert len(mail_world.provider.mail_ids) == 2
    assert len(set(mail_world.provider.mail_ids)) == 1
    assert len({request["headers"]["Message-ID"] for request in mail_world.provider.requests}) == 1


def test_two_workers_send_each_mail_once_whatever_redis_forgets_and_whoever_rebuilds(
    mail_world: MailWorld, settings: dict[str, str], redis_url: str
) -> None:
    ill = mail_world.job_id
    of_no_application = StageAdvanced(from_stage="applied", to_stage="screening")
    mail_world.append_raw(new_id(ill), "StageAdvanced", msgspec.json.encode(of_no_application))
    mail_world.apply()
    mail_world.begin(mail_world.provider)
    with (
        program("work", settings),
        program("work", settings),
        program("schedule", settings),
        Redis.from_url(broker_url(redis_url)) as redis,
    ):
        for number in range(1, 31):
            mail_world.apply()
            if number % 10 == 0:
                redis.flushall()
        told(mail_world, 30)
        for model in MENU:
            rebuild(mail_world.database_url, model)
        mail_world.apply()
        told(mail_world, 31)
    assert len(mail_world.provider.mail_ids) == len(set(mail_world.provider.mail_ids)) == 62
    (parked,) = mail_world.status(EFFECTS).parked
    assert (parked.tenant_id, parked.position) == (tenant_of(ill), 3), "a poison stops its company only"


def test_a_worker_killed_at_a_random_moment_loses_no_mail(
    mail_world: MailWorld, settings: dict[str, str]
) -> None:
    with program("schedule", settings):
        for _ in range(30):
            mail_world.apply()
        with program("work", settings) as worker:
            mail_world.provider.wait_for(15)
            worker.kill()
            worker.wait()
        mail_world.time_passes()
        with program("work", settings):
            told(mail_world, 30)
    repeats = Counter(Counter(mail_world.provider.mail_ids).values())
    assert sum(repeats.values()) == 60
    assert sum(count * (times - 1) for times, count in repeats.items()) <= 8, "what was under way at a kill"


async def test_a_provider_that_hangs_does_not_stop_the_read_models(
    mail_world: MailWorld, settings: dict[str, str]
) -> None:
    hanging = threading.Event()

    def hang(_request: Any) -> Answer:
        hanging.set()
        return Answer(hang=True)

    mail_world.provider.answer = hang
    for _ in range(20):
        mail_world.apply()
    with contextlib.ExitStack() as stack:
        stack.enter_context(program("work", settings | {"HIRELOG_WORKER_THREADS": "1"}))
        stack.enter_context(program("schedule", settings))
        mail_world.provider.wait_for(8)
        position = mail_world.append(
            new_id(mail_world.job_id), JobViewed(job_id=mail_world.job_id, viewer_id=uuid4())
        )
        async with AsyncConnectionPool(mail_world.database_url, min_size=1, max_size=1) as pool:
            for model in MENU:
                await wait_for(Database(pool), model, mail_world.tenant, position, PATIENCE)
        assert hanging.is_set()
        assert mail_world.execute("select count(*) from effect where mail_status = 'sent'") == [(0,)]
        mail_world.provider.released.set()
