"""Real worker and scheduler processes, and what happens to Redis and to them: nothing is lost, nothing is doubled."""

import asyncio
import contextlib
import shutil
import signal
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from psycopg_pool import AsyncConnectionPool
from redis import Redis

from domain.identifiers import tenant_of
from domain.job import JobCreated
from domain.job_view import JobViewed
from infrastructure.database.tenant_walls import Database
from infrastructure.read_models.broker import WakeUps
from infrastructure.read_models.min_position import wait_for
from infrastructure.read_models.wake import (
    UNHEARD_MILLISECONDS,
    Listening,
    WakeUpCalls,
    broker_url,
    connect,
    keys,
)
from infrastructure.servers.embedded import embedded
from infrastructure.settings import Settings
from projections.job_dashboard import JOB_DASHBOARD
from projections.menu import MENU
from tests.domain.builders import created
from tests.patience import PATIENCE
from tests.programs import environment, program
from tests.read_models import World, new_id, new_tenant, world

NAMES = [model.name for model in MENU]


@pytest.fixture
def own_redis() -> Generator[Path]:
    """A home for a Valkey of the test's own, that it may stop."""
    home = Path(tempfile.mkdtemp(prefix="hirelog-test-"))
    home.chmod(0o711)
    yield home
    shutil.rmtree(home, ignore_errors=True)


def view(world: World, job_id: UUID, count: int = 1) -> int:
    """The position after so many more views."""
    return max(
        world.append(new_id(job_id), JobViewed(job_id=job_id, viewer_id=uuid4())) for _ in range(count)
    )


async def projected(world: World, jobs: Sequence[UUID], position: int) -> None:
    """Wait until the dashboard has reached a position in the logs of these jobs, and check what it says."""
    async with AsyncConnectionPool(world.database_url, min_size=1, max_size=2) as pool:
        for job_id in jobs:
            await wait_for(Database(pool), JOB_DASHBOARD, tenant_of(job_id), position, PATIENCE)
    assert world.rows(JOB_DASHBOARD) == world.expected(JOB_DASHBOARD)


def founded(world: World, count: int) -> list[UUID]:
    """So many jobs, each the first event of its log."""
    jobs = [new_id(new_tenant()) for _ in range(count)]
    for job_id in jobs:
        world.append(job_id, created())
    return jobs


async def test_a_commit_wakes_idle_workers(database_url: str, redis_url: str) -> None:
    settings = Settings(database_url=database_url, redis_url=redis_url)
    with world(database_url) as here, program("work", environment(database_url, redis_url)):
        jobs = founded(here, 3)
        async with WakeUps(settings, NAMES) as wake_ups:
            wake_ups.committed({tenant_of(job_id) for job_id in jobs})
            await projected(here, jobs, 1)
            for _ in range(5):
                position = view(here, jobs[0])
                wake_ups.committed({tenant_of(jobs[0])})
                wake_ups.committed({tenant_of(jobs[0])})
                await projected(here, jobs[:1], position)
            assert await wake_ups.reachable()


async def test_a_worker_that_starts_late_finds_what_was_missed(database_url: str, redis_url: str) -> None:
    with world(database_url) as here:
        jobs = founded(here, 3)
        with program("work", environment(database_url, redis_url)):
            await projected(here, jobs, 1)


async def test_the_sweep_finds_what_no_wake_up_told(database_url: str, redis_url: str) -> None:
    with (
        world(database_url) as here,
        program("work", environment(database_url, redis_url, HIRELOG_PROJECTION_LINGER_SECONDS="0.2")),
        program("schedule", environment(database_url, redis_url)),
    ):
        jobs = founded(here, 2)
        await projected(here, jobs, 1)
        with Redis.from_url(broker_url(redis_url)) as redis:
            for position in (2, 3):
                redis.flushall()
                for job_id in jobs:
                    view(here, job_id)
                await projected(here, jobs, position)


async def test_redis_stopped_and_started_again(database_url: str, own_redis: Path) -> None:
    with contextlib.ExitStack() as stack, world(database_url) as here:
        with embedded(own_redis, postgres=False, durable=False) as servers:
            redis_url = servers.redis_url
            stack.enter_context(program("work", environment(database_url, redis_url)))
            stack.enter_context(program("schedule", environment(database_url, redis_url)))
            jobs = founded(here, 2)
            await projected(here, jobs, 1)

        async with WakeUps(Settings(database_url=database_url, redis_url=redis_url), NAMES) as wake_ups:
            assert not await wake_ups.reachable()
            for job_id in jobs:
                view(here, job_id)
                wake_ups.committed({tenant_of(job_id)})
            await projected(here, jobs, 2)

            with embedded(own_redis, postgres=False, durable=False):
                for position in (3, 4):
                    for job_id in jobs:
                        view(here, job_id)
                        wake_ups.committed({tenant_of(job_id)})
                    await projected(here, jobs, position)
                stack.close()


@pytest.mark.parametrize("full", [False, True])
async def test_projectors_that_had_gone_follow_though_redis_takes_no_wake_up(
    database_url: str, own_redis: Path, *, full: bool
) -> None:
    with contextlib.ExitStack() as stack, world(database_url) as here, contextlib.ExitStack() as redis_stack:
        redis_url = redis_stack.enter_context(embedded(own_redis, postgres=False, durable=False)).redis_url
        brief = environment(database_url, redis_url, HIRELOG_PROJECTION_LINGER_SECONDS="0.1")
        stack.enter_context(program("work", brief))
        jobs = founded(here, 2)
        await projected(here, jobs, 1)
        with connect(redis_url) as redis:
            while any(redis.zcard(keys(name)[1]) for name in NAMES):
                redis.ping()
            if full:
                redis.config_set("maxmemory", "1")
        if not full:
            redis_stack.close()
        async with WakeUps(Settings(database_url=database_url, redis_url=redis_url), NAMES) as wake_ups:
            assert not await wake_ups.reachable()
        for job_id in jobs:
            view(here, job_id)
        await projected(here, jobs, 2)
        stack.close()


async def test_a_worker_killed_at_work_loses_and_doubles_nothing(database_url: str, redis_url: str) -> None:
    slow = environment(
        database_url, redis_url, HIRELOG_PROJECTION_PAGE_SIZE="3", HIRELOG_PROJECTION_TENANTS_PER_UNIT="2"
    )
    with world(database_url) as here, program("schedule", environment(database_url, redis_url)):
        jobs = founded(here, 4)
        for job_id in jobs:
            view(here, job_id, 40)
        for position in (10, 20, 30):
            with program("work", slow) as worker:
                async with AsyncConnectionPool(database_url, min_size=1, max_size=2) as pool:
                    await wait_for(Database(pool), JOB_DASHBOARD, tenant_of(jobs[0]), position, PATIENCE)
                worker.kill()
                assert worker.wait() == -signal.SIGKILL
        with program("work", slow):
            await projected(here, jobs, 41)


async def test_several_workers_share_the_tenants(database_url: str, redis_url: str) -> None:
    small = environment(database_url, redis_url, HIRELOG_PROJECTION_TENANTS_PER_UNIT="1")
    with (
        world(database_url) as here,
        program("work", small),
        program("work", small),
        program("schedule", small),
    ):
        jobs = founded(here, 12)
        async with WakeUps(Settings(database_url=database_url, redis_url=redis_url), NAMES) as wake_ups:
            for _ in range(10):
                for job_id in jobs:
                    view(here, job_id)
                wake_ups.committed({tenant_of(job_id) for job_id in jobs})
            await projected(here, jobs, 11)


async def test_a_poison_event_stops_its_tenant_only(database_url: str, redis_url: str) -> None:
    with (
        world(database_url) as here,
        program("work", environment(database_url, redis_url)),
        program("schedule", environment(database_url, redis_url)),
    ):
        ill, sound = founded(here, 2)
        here.append_raw(new_id(ill), JobCreated.__name__, b"{}")
        view(here, ill)
        view(here, sound)
        view(here, sound)
        async with AsyncConnectionPool(database_url, min_size=1, max_size=2) as pool:
            await wait_for(Database(pool), JOB_DASHBOARD, tenant_of(sound), 3, PATIENCE)
            await wait_for(Database(pool), JOB_DASHBOARD, tenant_of(ill), 1, PATIENCE)
        here.project()
        assert [(parked.tenant_id, parked.position) for parked in here.status(JOB_DASHBOARD).parked] == [
            (tenant_of(ill), 2)
        ]


async def test_a_worker_stops_in_order_when_it_is_asked(database_url: str, redis_url: str) -> None:
    with world(database_url) as here:
        jobs = founded(here, 2)
        with program("work", environment(database_url, redis_url)) as worker:
            await projected(here, jobs, 1)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, PATIENCE) == 0
        several = environment(database_url, redis_url, HIRELOG_WORKER_PROCESSES="2")
        with program("work", several) as workers:
            position = max(view(here, job_id) for job_id in jobs)
            with program("schedule", several):
                await projected(here, jobs, position)
            workers.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(workers.wait, PATIENCE) == 0


def test_a_burst_of_commits_calls_once_until_somebody_listens(redis_url: str) -> None:
    with connect(redis_url) as redis:
        calls, listening = WakeUpCalls(redis), Listening(redis, "one", "me")
        tenants = {new_tenant() for _ in range(3)}
        assert calls.announce(["one", "two"], tenants) == ["one", "two"]
        assert calls.announce(["one", "two"], tenants) == []

        listening.arrive()
        assert listening.take(2)[1] == 1
        assert calls.announce(["one"], tenants) == []
        found, waiting = listening.take(10)
        assert (found <= tenants, waiting) == (True, 0)
        assert listening.wait(0.01) is None

        calls.announce(["one"], tenants)
        assert not listening.leave(), "who was announced meanwhile is not left alone"
        first = listening.wait(PATIENCE)
        assert first in tenants
        listening.take(10)
        assert listening.leave()
        assert calls.announce(["one"], tenants) == ["one"]


def test_a_projector_that_listens_no_more_is_noticed(redis_url: str) -> None:
    with connect(redis_url) as redis:
        calls, dead = WakeUpCalls(redis), Listening(redis, "one", "dead")
        tenant = new_tenant()
        dead.arrive()
        dead.take(1)
        assert calls.announce(["one"], {tenant}) == []
        redis.zincrby(keys("one")[0], -UNHEARD_MILLISECONDS - 1, tenant.bytes)
        assert calls.announce(["one"], {tenant}) == ["one"]
