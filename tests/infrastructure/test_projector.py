"""The unit of work: what it claims, that it skips nothing, doubles nothing, and whom it parks."""

import asyncio
import threading
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg_pool import AsyncConnectionPool

from application.recorded import Recorded
from domain.job import PostingEdited
from domain.job_view import JobViewed
from domain.membership import MemberJoined
from infrastructure.build_writer import BuildWriter, Target
from infrastructure.min_position import ReadModelBehind, wait_for
from infrastructure.pipeline import BEGIN
from infrastructure.projector import Outdated, Projector
from infrastructure.read_model import ReadModel, Row
from infrastructure.tenant_walls import Database
from projections.application_list import APPLICATION_LIST
from projections.job_dashboard import JOB_DASHBOARD, DashboardRow, Handled
from projections.job_dashboard import evolve as evolve_dashboard
from projections.job_listing import JOB_LISTING
from tests.domain.builders import POSTING, created, edited, published, submitted
from tests.read_models import World, new_id, new_tenant, world


def views(world: World, job_id: UUID, count: int) -> None:
    for _ in range(count):
        world.append(new_id(job_id), JobViewed(job_id=job_id, viewer_id=uuid4()))


def views_of(world: World, job_id: UUID) -> int:
    ((count,),) = world.execute("select views from rm_job_dashboard where job_id = %s", job_id)
    assert isinstance(count, int)
    return count


def checkpoint(world: World, tenant: UUID) -> int:
    ((position,),) = world.execute(
        "select position from projection_checkpoint where name = 'job_dashboard' and tenant_id = %s", tenant
    )
    assert isinstance(position, int)
    return position


def evolve_until_bob(row: DashboardRow | None, recorded: Recorded[Handled]) -> DashboardRow | None:
    if isinstance(recorded.event, PostingEdited) and recorded.event.posting.title == "Bob":
        raise ZeroDivisionError("bob \0 \ud800 cannot be folded")
    return evolve_dashboard(row, recorded)


FRAGILE = replace(JOB_DASHBOARD, evolve=evolve_until_bob)


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


def test_the_same_wake_up_twice_changes_nothing(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        views(here, job_id, 2)
        projector = here.projector(JOB_DASHBOARD)
        for _ in range(3):
            projector.drain(projector.behind() | {UUID(int=job_id.int), new_tenant()})
        assert views_of(here, job_id) == 2


def test_a_gap_in_a_log_parks_its_tenant_before_the_gap(database_url: str) -> None:
    with world(database_url) as here:
        whole, holed = new_id(new_tenant()), new_id(new_tenant())
        for job_id in (whole, holed):
            here.append(job_id, created())
            views(here, job_id, 4)
        here.project(JOB_DASHBOARD)
        views(here, whole, 2)
        views(here, holed, 3)
        here.execute("delete from event where tenant_id = (select tenant_id from event where stream_id = %s)"
                     " and position = 7", holed)  # fmt: skip
        here.project(JOB_DASHBOARD)
        status = here.status(JOB_DASHBOARD)
        assert views_of(here, whole) == 6
        assert views_of(here, holed) == 4
        assert [(parked.position, "GapDetected" in parked.error) for parked in status.parked] == [(6, True)]


def test_a_poison_event_parks_its_tenant_only_and_keeps_what_came_before(database_url: str) -> None:
    with world(database_url) as here:
        sound, ill = new_id(new_tenant()), new_id(new_tenant())
        for job_id in (sound, ill):
            here.append(job_id, created())
            views(here, job_id, 2)
        here.append(ill, edited(replace(POSTING, title="Bob")))
        views(here, ill, 3)
        here.project(FRAGILE)
        assert (views_of(here, sound), views_of(here, ill)) == (2, 2)
        (parked,) = here.status(FRAGILE).parked
        assert (parked.position, parked.error) == (4, "ZeroDivisionError: bob \\0 \\ud800 cannot be folded")

        views(here, sound, 1)
        views(here, ill, 1)
        here.project(FRAGILE)
        assert (views_of(here, sound), views_of(here, ill)) == (3, 2)
        assert here.status(FRAGILE).tenants_behind == 0


def test_a_parked_tenant_goes_on_after_a_retry(database_url: str) -> None:
    from infrastructure.projection_status import retry_parked

    with world(database_url) as here:
        ill = new_id(new_tenant())
        here.append(ill, created(), edited(replace(POSTING, title="Bob")))
        views(here, ill, 1)
        here.project(FRAGILE)
        with here.pool.connection() as connection:
            assert retry_parked(connection, "job_dashboard") == 1
        here.project(FRAGILE)
        assert len(here.status(FRAGILE).parked) == 1
        with here.pool.connection() as connection:
            assert retry_parked(connection, "job_dashboard", new_tenant()) == 0
            assert retry_parked(connection, "job_dashboard", here.status(FRAGILE).parked[0].tenant_id) == 1
        here.project(JOB_DASHBOARD)
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD)
        assert here.status(JOB_DASHBOARD).parked == []


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"type":"JobViewed"}', b"\xff\x00", b'{"type":"JobViewed","job_id":7}']
)
def test_an_event_that_cannot_be_decoded_is_poison(database_url: str, data: bytes) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created())
        here.append_raw(new_id(job_id), "JobViewed", data)
        views(here, job_id, 1)
        here.project(JOB_DASHBOARD)
        (parked,) = here.status(JOB_DASHBOARD).parked
        assert parked.position == 2
        assert views_of(here, job_id) == 0


def test_rows_that_the_database_refuses_park_the_event_that_made_them(database_url: str) -> None:
    with world(database_url) as here:
        ill, sound = new_id(new_tenant()), new_id(new_tenant())
        for job_id in (ill, sound):
            here.append(job_id, created())
            views(here, job_id, 20)
        here.append(ill, edited(replace(POSTING, title="nul\x00l")))
        for job_id in (ill, sound):
            views(here, job_id, 10)
        here.projector(JOB_DASHBOARD, page_size=50).drain()
        (parked,) = here.status(JOB_DASHBOARD).parked
        assert parked.position == 22
        assert "null" not in parked.error
        assert (views_of(here, ill), views_of(here, sound)) == (20, 30)


class PlaceRow(Row, frozen=True, kw_only=True):
    number: int
    name: str


@pytest.mark.parametrize("key", [(2**63, ""), (-(2**63) - 1, ""), (1, "nul\x00l"), (1, "half \ud800")])
def test_a_key_that_no_row_can_have_parks_its_event(database_url: str, key: tuple[int, str]) -> None:
    def place(recorded: Recorded[JobViewed]) -> tuple[int, str]:
        return (recorded.position, "sound") if recorded.position < 3 else key

    def evolve(_row: PlaceRow | None, recorded: Recorded[JobViewed]) -> PlaceRow:
        number, name = place(recorded)
        return PlaceRow(tenant_id=recorded.tenant_id, number=number, name=name)

    places = ReadModel(
        name="places",
        version=1,
        row=PlaceRow,
        key=("number", "name"),
        handled=JobViewed,
        keys=lambda recorded: (place(recorded),),
        evolve=evolve,
    )
    with world(database_url, places) as here:
        views(here, new_id(new_tenant()), 5)
        here.project()
        (parked,) = here.status(places).parked
        assert parked.position == 3
        assert len(here.rows(places)) == 2


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
