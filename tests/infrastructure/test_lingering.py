"""A projector that stays: whose turn it is, and that nobody waits for another's long work or for who hangs."""

import contextlib
import threading
from collections.abc import Collection, Generator
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from redis import Redis

from domain.identifiers import tenant_of
from infrastructure.read_models.lingering import LingeringProjector
from infrastructure.read_models.projector import Projector, Unit
from infrastructure.read_models.wake import WakeUpCalls, connect
from projections.job_dashboard import JOB_DASHBOARD
from tests.domain.builders import created
from tests.patience import PATIENCE
from tests.read_models import World, new_id, new_tenant, views, views_of, world


def lingering(
    projector: Projector[Any, Any],
    redis: Redis,
    *,
    linger_seconds: float = 0.01,
    stopping: threading.Event | None = None,
    turn: "threading.Lock | None" = None,
) -> LingeringProjector:
    return LingeringProjector(
        projector,
        redis,
        linger_seconds=linger_seconds,
        call=lambda _name: None,
        stopping=stopping or threading.Event(),
        turn=turn or threading.Lock(),
    )


@contextlib.contextmanager
def running(projector: Projector[Any, Any], redis: Redis) -> Generator[None]:
    """It stays, in a thread of its own, until the end."""
    stopping = threading.Event()
    stays = lingering(projector, redis, linger_seconds=PATIENCE, stopping=stopping)
    thread = threading.Thread(target=stays.run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def announce(redis: Redis, *jobs: UUID) -> None:
    WakeUpCalls(redis).announce([JOB_DASHBOARD.name], [tenant_of(job_id) for job_id in jobs])


def founded(world: World) -> UUID:
    """A job, the first event of its log."""
    job_id = new_id(new_tenant())
    world.append(job_id, created())
    return job_id


def reached(world: World, job_id: UUID) -> int:
    """How far the dashboard has come in the log of a job."""
    rows = world.execute("select position from projection_checkpoint where tenant_id = %s", tenant_of(job_id))
    return int(rows[0][0]) if rows else 0


def until(condition: Any) -> None:
    waited = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if condition():
            return
        waited.wait(0.005)
    raise AssertionError("it did not come")


def test_an_outdated_projector_leaves_read_model_and_wake_ups_to_who_is_of_its_version(
    database_url: str, redis_url: str
) -> None:
    with world(database_url, JOB_DASHBOARD) as here, connect(redis_url) as redis:
        announce(redis, founded(here))
        lingering(here.projector(replace(JOB_DASHBOARD, version=2)), redis, linger_seconds=PATIENCE).run()
        assert here.rows(JOB_DASHBOARD) == {}
        lingering(here.projector(JOB_DASHBOARD), redis).run()
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD) != {}


def test_a_projector_takes_its_turn_for_each_unit_and_gives_it_back(
    database_url: str, redis_url: str
) -> None:
    turn = threading.Lock()
    held: list[bool] = []

    class Watched(Projector[Any, Any]):
        def unit(self, tenants: Collection[UUID], *, patient: bool = False) -> Unit:
            held.append(turn.locked())
            return super().unit(tenants, patient=patient)

    with world(database_url, JOB_DASHBOARD) as here, connect(redis_url) as redis:
        announce(redis, founded(here))
        lingering(Watched(here.pool, JOB_DASHBOARD), redis, turn=turn).run()
    assert held
    assert all(held)
    assert not turn.locked()


def test_a_projector_goes_on_when_whoever_has_the_turn_hangs(database_url: str, redis_url: str) -> None:
    with world(database_url, JOB_DASHBOARD) as here, connect(redis_url) as redis:
        announce(redis, founded(here))
        turn = threading.Lock()
        turn.acquire()
        lingering(here.projector(JOB_DASHBOARD), redis, turn=turn).run()
        assert here.rows(JOB_DASHBOARD) != {}
        assert turn.locked()


def test_a_company_does_not_wait_for_the_backlog_of_another(database_url: str, redis_url: str) -> None:
    with world(database_url, JOB_DASHBOARD) as here, connect(redis_url) as redis:
        long, short = founded(here), founded(here)
        views(here, long, 400)
        with running(here.projector(JOB_DASHBOARD, page_size=1, tenants_per_unit=2), redis):
            announce(redis, long)
            until(lambda: reached(here, long))
            announce(redis, short)
            until(lambda: reached(here, short))
            assert reached(here, long) < 401


def test_whoever_hangs_in_a_unit_holds_up_only_the_companies_that_it_claimed(
    database_url: str, redis_url: str
) -> None:
    with world(database_url, JOB_DASHBOARD) as here, connect(redis_url) as redis:
        claimed, other = founded(here), founded(here)
        here.project(JOB_DASHBOARD)
        views(here, claimed, 1)
        with running(here.projector(JOB_DASHBOARD), redis):
            with here.pool.connection() as hangs, hangs.transaction():
                claims = "select from projection_checkpoint where tenant_id = %s for update"
                hangs.execute(claims, [tenant_of(claimed)])
                announce(redis, claimed)
                for seen in range(1, 4):
                    views(here, other, 1)
                    announce(redis, other)
                    until(lambda seen=seen: reached(here, other) == seen + 1)
                assert reached(here, claimed) == 1
            until(lambda: reached(here, claimed) == 2)
        assert views_of(here, other) == 3
