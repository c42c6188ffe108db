"""The unit of work: what it claims, that it skips nothing and doubles nothing."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg_pool import AsyncConnectionPool

from domain.membership import MemberJoined
from infrastructure.database.tenant_walls import Database
from infrastructure.log.pipeline import BEGIN
from infrastructure.read_models.build_writer import BuildWriter, Target
from infrastructure.read_models.min_position import ReadModelBehind, wait_for
from infrastructure.read_models.projector import Outdated, Projector
from projections.application_list import APPLICATION_LIST
from projections.job_dashboard import JOB_DASHBOARD
from projections.job_listing import JOB_LISTING
from tests.domain.builders import POSTING, created, edited, published, submitted
from tests.read_models import World, new_id, new_tenant, views, views_of, world


def checkpoint(world: World, tenant: UUID) -> int:
    ((position,),) = world.execute(
        "select position from projection_checkpoint where name = 'job_dashboard' and tenant_id = %s", tenant
    )
    assert isinstance(position, int)
    return position


def test_a_unit_takes_a_page_of_each_tenant_and_says_who_is_still_behind(database_url: str) -> None:
    with world(database_url) as here:
        jobs = [new_id(new_tenant()) for _ in range(3)]
        for job_id, count in zip(jobs, (1, 4, 5), strict=True):
            here.append(job_id, created())
            views(here, job_id, count)
        tenants = here.projector(JOB_DASHBOARD).behind()
        projector = here.projector(JOB_DASHBOARD, page_size=4)
        unit = projector.unit(tenants)
        assert (unit.events, unit.handled, unit.moved, unit.parked) == (2 + 4 + 4, 2 + 4 + 4, 3, 0)
        assert unit.behind < tenants
        assert projector.drain() == 1 + 2
        assert [views_of(here, job_id) for job_id in jobs] == [1, 4, 5]
        assert projector.behind() == set()


def test_events_that_nobody_handles_move_the_checkpoint(database_url: str) -> None:
    with world(database_url) as here:
        tenant = new_tenant()
        here.append(new_id(tenant), *[MemberJoined(account_id=uuid4(), role="admin")] * 5, tenant=tenant)
        unit = here.projector(JOB_DASHBOARD, page_size=2).unit([tenant])
        assert (unit.events, unit.handled) == (2, 0)
        assert here.projector(JOB_DASHBOARD, page_size=2).drain() == 3
        assert checkpoint(here, tenant) == 5
        assert here.rows(JOB_DASHBOARD) == {}


def test_who_hangs_in_a_unit_loses_its_claim_and_what_it_folded(database_url: str) -> None:
    here_it_is, may_go_on = threading.Event(), threading.Event()

    def hangs(*_: Any) -> None:
        here_it_is.set()
        may_go_on.wait(30)

    class Hanging(Projector[Any, Any]):
        claim_seconds = 0.2

    with world(database_url, JOB_DASHBOARD) as here, ThreadPoolExecutor(1) as aside:
        tenant = new_tenant()
        here.append(new_id(tenant), created())
        hanging = aside.submit(Hanging(here.pool, replace(JOB_DASHBOARD, evolve=hangs)).unit, [tenant])
        assert here_it_is.wait(30)
        try:
            assert here.projector(JOB_DASHBOARD).unit([tenant], patient=True).moved == 1
        finally:
            may_go_on.set()
        with pytest.raises(psycopg.OperationalError):
            hanging.result()
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD) != {}


def test_a_page_of_large_events_is_shorter_and_nothing_is_left_out(database_url: str) -> None:
    with world(database_url) as here:
        tenant = new_tenant()
        job_id = new_id(tenant)
        here.append(job_id, created())
        here.append(job_id, *[edited(replace(POSTING, description=f"{n}" + "x" * 8_000)) for n in range(10)])
        projector = here.projector(JOB_LISTING, page_size=10)
        first = projector.unit([tenant])
        assert (first.events, first.behind) == (4, frozenset({tenant})), (
            "10 events of 2 KiB are 20 KiB, which the fourth exceeds"
        )
        assert projector.drain() == 7
        assert here.rows(JOB_LISTING) == here.expected(JOB_LISTING)
        huge = here.projector(JOB_LISTING, page_size=1)
        here.append(job_id, edited(replace(POSTING, description="y" * 20_000)))
        assert huge.drain() == 1


def test_the_same_wake_up_twice_changes_nothing(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        views(here, job_id, 2)
        projector = here.projector(JOB_DASHBOARD)
        for _ in range(3):
            projector.drain(projector.behind() | {UUID(int=job_id.int), new_tenant()})
        assert views_of(here, job_id) == 2


def test_two_projectors_at_once_double_nothing(database_url: str) -> None:
    with world(database_url) as here:
        jobs = [new_id(new_tenant()) for _ in range(6)]
        for job_id in jobs:
            here.append(job_id, created())
        start = threading.Barrier(4)
        failures: list[BaseException] = []

        def project() -> None:
            projector = Projector(here.pool, JOB_DASHBOARD, page_size=3, tenants_per_unit=4)
            start.wait()
            try:
                for _ in range(15):
                    projector.drain()
            except BaseException as error:  # noqa: BLE001 (told to the test)
                failures.append(error)

        threads = [threading.Thread(target=project) for _ in range(3)]
        for thread in threads:
            thread.start()
        start.wait()
        for _ in range(5):
            for job_id in jobs:
                views(here, job_id, 1)
        for thread in threads:
            thread.join()
        here.project(JOB_DASHBOARD)
        assert failures == []
        assert [views_of(here, job_id) for job_id in jobs] == [5] * 6


def test_a_projector_that_is_patient_waits_for_the_other_to_commit(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        here.project(JOB_DASHBOARD)
        views(here, job_id, 1)
        tenants = here.projector(JOB_DASHBOARD).behind()
        with psycopg.connect(database_url) as other:
            writer = BuildWriter(JOB_DASHBOARD, 1)
            pages = writer.claim(
                other, [Target(tenant) for tenant in tenants], 10, patient=True, first=[BEGIN]
            )
            writer.write(other, pages)
            unit = here.projector(JOB_DASHBOARD).unit(tenants)
            assert (unit.moved, set(unit.behind)) == (0, tenants)
            views(here, job_id, 1)
            waiting = threading.Thread(target=here.projector(JOB_DASHBOARD).drain, args=[tenants])
            waiting.start()
            other.commit()
            waiting.join()
        assert views_of(here, job_id) == 2
        assert checkpoint(here, next(iter(tenants))) == 3


def test_a_backend_killed_between_write_and_commit_loses_and_doubles_nothing(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        views(here, job_id, 3)
        tenants = here.projector(JOB_DASHBOARD).behind()
        other = psycopg.connect(database_url)
        writer = BuildWriter(JOB_DASHBOARD, 1)
        pages = writer.claim(other, [Target(tenant) for tenant in tenants], 10, patient=True, first=[BEGIN])
        writer.write(other, pages)
        here.execute("select pg_terminate_backend(%s)", other.info.backend_pid)
        with pytest.raises(psycopg.OperationalError):
            other.commit()
        other.close()
        here.project(JOB_DASHBOARD)
        assert views_of(here, job_id) == 3


def test_a_tenant_whose_first_units_a_crash_took_back_is_projected_again(database_url: str) -> None:
    """Units do not wait for the disk, so that PostgreSQL may forget the last ones together, while the worker goes on."""
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        views(here, job_id, 3)
        (tenant,) = here.projector(JOB_DASHBOARD).behind()
        projector = here.projector(JOB_DASHBOARD, page_size=2)
        assert [projector.unit({tenant}).events, projector.unit({tenant}).events] == [2, 2]
        here.execute("delete from rm_job_dashboard where tenant_id = %s", tenant)
        here.execute("delete from projection_checkpoint where tenant_id = %s", tenant)
        views(here, job_id, 1)
        projector.unit({tenant})
        assert projector.behind() == {tenant}
        projector.drain({tenant})
        assert views_of(here, job_id) == 4
        assert projector.behind() == set()


def test_a_model_of_another_version_is_not_projected(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        newer = replace(JOB_DASHBOARD, version=2)
        assert here.projector(newer).behind() == set()
        with pytest.raises(Outdated, match="version 2"):
            here.projector(newer).unit(here.projector(JOB_DASHBOARD).behind())
        status = here.status(newer)
        assert (status.outdated, status.version, status.wanted_version) == (True, 1, 2)
        assert here.rows(JOB_DASHBOARD) == {}


def test_the_status_tells_how_far_behind(database_url: str) -> None:
    with world(database_url) as here:
        assert here.status(JOB_LISTING).lag_seconds == 0
        behind, level = new_id(new_tenant()), new_id(new_tenant())
        here.append(level, created())
        here.project(JOB_LISTING)
        here.append(behind, created(), published())
        status = here.status(JOB_LISTING)
        assert (status.tenants, status.tenants_behind, status.events_behind) == (2, 1, 2)
        assert status.lag_seconds > 0
        assert (status.version, status.build, status.outdated) == (JOB_LISTING.version, 1, False)


async def test_a_query_can_wait_for_a_position(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        (tenant,) = here.projector(JOB_DASHBOARD).behind()
        async with AsyncConnectionPool(database_url, min_size=1, max_size=2) as pool:
            with pytest.raises(ReadModelBehind, match="position 1"):
                await wait_for(Database(pool), JOB_DASHBOARD, tenant, 1, 0.01)
            reached = asyncio.create_task(wait_for(Database(pool), JOB_DASHBOARD, tenant, 1, 30))
            await asyncio.to_thread(here.project, JOB_DASHBOARD)
            await reached
            await wait_for(Database(pool), JOB_DASHBOARD, tenant, 1, 0)
            with pytest.raises(ReadModelBehind):
                await wait_for(Database(pool), APPLICATION_LIST, tenant, 1, 0)


def test_one_tenant_per_unit_comes_to_the_same(database_url: str) -> None:
    with world(database_url) as here:
        jobs = [new_id(new_tenant()) for _ in range(3)]
        for job_id in jobs:
            here.append(job_id, created())
            here.append(new_id(job_id), submitted(job_id, uuid4()))
        assert here.projector(JOB_DASHBOARD, tenants_per_unit=1).drain() == 6
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD)
