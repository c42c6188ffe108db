"""A new build beside the live one: equal to it, switched at once, and gone without a trace when it fails."""

import select
import threading
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict

from application.recorded import Recorded
from domain.job_view import JobViewed
from infrastructure.read_models.new_build import BuildFailed, new_build
from infrastructure.read_models.rebuild import rebuild
from infrastructure.read_models.verify import verify
from projections.application_list import APPLICATION_LIST
from projections.job_dashboard import JOB_DASHBOARD, DashboardRow, Handled
from projections.job_dashboard import evolve as evolve_dashboard
from projections.menu import MENU
from tests.domain.builders import POSTING, advanced, created, edited, published, submitted
from tests.read_models import World, new_id, new_tenant, world


def season(world: World, *, companies: int = 3, applications: int = 7) -> list[UUID]:
    """A job per company with views and applications; the jobs."""
    jobs = [new_id(new_tenant()) for _ in range(companies)]
    for job_id in jobs:
        world.append(job_id, created(), published())
        for _ in range(applications):
            hire(world, job_id)
    return jobs


def hire(world: World, job_id: UUID) -> None:
    candidate, application = uuid4(), new_id(job_id)
    world.append(new_id(job_id), JobViewed(job_id=job_id, viewer_id=candidate))
    world.append(
        application,
        submitted(job_id, candidate),
        advanced("applied", "screening"),
    )


def tables(world: World) -> set[str]:
    found = world.execute("select tablename from pg_tables where tablename like 'rm%%'")
    return {name for (name,) in found}


def builds(world: World) -> dict[str, int]:
    return dict(world.execute("select name, build from projection"))


def evolve_differently(row: DashboardRow | None, recorded: Recorded[Handled]) -> DashboardRow | None:
    evolved = evolve_dashboard(row, recorded)
    return replace(evolved, title=evolved.title.upper()) if evolved else None


def evolve_until_bob(row: DashboardRow | None, recorded: Recorded[Handled]) -> DashboardRow | None:
    evolved = evolve_dashboard(row, recorded)
    if evolved is not None and evolved.title == "Bob":
        raise ZeroDivisionError("bob cannot be folded")
    return evolved


def test_a_rebuild_equals_the_live_one_and_is_live_then(database_url: str) -> None:
    with world(database_url) as here:
        jobs = season(here)
        here.project()
        before = {model.name: here.rows(model) for model in MENU}
        told: list[tuple[int, int]] = []
        for model in MENU:
            done = rebuild(
                database_url, model, page_size=10, progress=lambda read, total: told.append((read, total))
            )
            assert (done.build, done.events) == (2, 3 * (2 + 7 * 3))
        assert {model.name: here.rows(model) for model in MENU} == before
        assert builds(here) == {**{model.name: 2 for model in MENU}, "effects": 1}
        assert tables(here) == {f"rm_{model.name}__2" for model in MENU}
        assert here.execute("select distinct build from projection_checkpoint") == [(2,)]
        assert told[-1] == (69, 69)

        hire(here, jobs[0])
        here.project()
        for model in MENU:
            assert here.rows(model) == here.expected(model)


def test_rows_beyond_memory_spill_into_the_table(database_url: str) -> None:
    with world(database_url) as here:
        jobs = season(here, companies=2, applications=12)
        for application, company in here.execute(
            "select stream_id, tenant_id from event where type = 'ApplicationSubmitted'"
        ):
            here.append(application, advanced("screening", "interview"), tenant=company)
        for rows_in_memory in (0, 5):
            rebuild(database_url, APPLICATION_LIST, page_size=4, rows_in_memory=rows_in_memory)
            assert here.rows(APPLICATION_LIST) == here.expected(APPLICATION_LIST)
        assert len(jobs) == 2


def test_writes_go_on_while_it_is_rebuilt(database_url: str) -> None:
    with world(database_url) as here:
        jobs = season(here)
        here.project()
        building = threading.Event()
        finished = threading.Event()

        def write_on() -> None:
            projector = here.projector(JOB_DASHBOARD, page_size=5)
            building.wait()
            while not finished.is_set():
                for job_id in jobs:
                    hire(here, job_id)
                projector.drain()

        writer = threading.Thread(target=write_on)
        writer.start()
        try:
            for number in range(3):
                done = rebuild(
                    database_url, JOB_DASHBOARD, page_size=5, progress=lambda _read, _total: building.set()
                )
                assert done.build == number + 2
        finally:
            building.set()
            finished.set()
            writer.join()
        here.project()
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD)
        assert verify(database_url, JOB_DASHBOARD).different == 0


def test_a_changed_read_model_becomes_live_by_a_rebuild(database_url: str) -> None:
    with world(database_url) as here:
        jobs = season(here)
        here.project()
        shouting = replace(JOB_DASHBOARD, version=2, evolve=evolve_differently)
        assert here.status(shouting).outdated
        rebuild(database_url, shouting)
        assert not here.status(shouting).outdated
        assert here.status(JOB_DASHBOARD).outdated
        here.append(jobs[0], edited(replace(POSTING, title="Miller")))
        here.project(shouting)
        assert sorted(title for (title,) in here.execute("select title from rm_job_dashboard")) == [
            "BAKER",
            "BAKER",
            "MILLER",
        ]


def test_a_rebuild_that_fails_changes_nothing(database_url: str) -> None:
    with world(database_url) as here:
        jobs = season(here)
        here.append(jobs[1], edited(replace(POSTING, title="Bob")))
        here.project()
        before, tables_before = here.rows(JOB_DASHBOARD), tables(here)
        broken = replace(JOB_DASHBOARD, version=2, evolve=evolve_until_bob)
        with pytest.raises(BuildFailed, match="position 24: ZeroDivisionError: bob"):
            rebuild(database_url, broken)
        assert (here.rows(JOB_DASHBOARD), tables(here)) == (before, tables_before)
        assert builds(here)["job_dashboard"] == 1
        assert here.execute("select distinct build from projection_checkpoint") == [(1,)]
        hire(here, jobs[0])
        here.project()
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD)


def test_rows_that_the_database_refuses_fail_the_rebuild(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created(posting=replace(POSTING, title="nul\x00l")))
        with pytest.raises(BuildFailed):
            rebuild(database_url, JOB_DASHBOARD)
        assert "rm_job_dashboard__2" not in tables(here)


def test_a_rebuild_whose_connection_is_killed_leaves_nothing_behind(database_url: str) -> None:
    with world(database_url) as here:
        season(here)
        here.project()
        tables_before = tables(here)

        def kill(_read: int, _total: int) -> None:
            here.execute(
                """select pg_terminate_backend(pid, 10000) from pg_locks
                   where locktype = 'advisory' and classid = 7265002 and granted"""
            )

        with pytest.raises(psycopg.OperationalError):
            rebuild(database_url, JOB_DASHBOARD, page_size=5, progress=kill)
        assert tables(here) == tables_before
        assert rebuild(database_url, JOB_DASHBOARD).build == 2


def test_sessions_that_may_not_idle_for_long_do_not_hinder_a_rebuild(database_url: str) -> None:
    with world(database_url) as here:
        season(here, companies=2, applications=3)
        here.project()
        name = conninfo_to_dict(database_url)["dbname"]
        here.execute(f"alter database {name} set idle_session_timeout = '500ms'")
        called: list[int] = []

        def idle(read: int, _total: int) -> None:
            """As long as another session, which idles no longer than those of the rebuild, is let live."""
            called.append(read)
            if len(called) < 4:
                with psycopg.connect(database_url) as another:
                    assert select.select([another.fileno()], [], [], 30)[0]

        assert rebuild(database_url, JOB_DASHBOARD, page_size=5, progress=idle).build == 2
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD)


def test_what_a_killed_rebuild_left_is_removed_by_the_next(database_url: str) -> None:
    with world(database_url) as here:
        season(here)
        here.project()
        here.execute("create table rm_job_dashboard__2 (half integer)")
        here.execute(
            "insert into projection_checkpoint (name, build, tenant_id) values ('job_dashboard', 2, %s)",
            uuid4(),
        )
        rebuild(database_url, JOB_DASHBOARD)
        assert here.rows(JOB_DASHBOARD) == here.expected(JOB_DASHBOARD)
        assert len(here.execute("select 1 from projection_checkpoint where name = 'job_dashboard'")) == 3


def test_only_one_rebuild_of_a_read_model_at_a_time(database_url: str) -> None:
    with world(database_url) as here:
        season(here)
        with new_build(database_url, JOB_DASHBOARD):
            with pytest.raises(BuildFailed, match="already"):
                rebuild(database_url, JOB_DASHBOARD)
            rebuild(database_url, APPLICATION_LIST)
        assert builds(here)["job_dashboard"] == 1


def test_queries_see_the_old_build_or_the_new_one_and_never_none(database_url: str) -> None:
    with world(database_url) as here:
        season(here)
        here.project()
        stop = threading.Event()
        seen: list[int] = []
        failures: list[BaseException] = []

        def ask() -> None:
            try:
                with psycopg.connect(database_url, autocommit=True) as connection:
                    while not stop.is_set():
                        row = connection.execute("select sum(views)::int from rm_job_dashboard").fetchone()
                        seen.append(row[0] if row else -1)
            except BaseException as error:  # noqa: BLE001 (told to the test)
                failures.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            for _ in range(4):
                rebuild(database_url, JOB_DASHBOARD)
        finally:
            stop.set()
            asking.join()
        assert failures == []
        assert set(seen) == {21}


def test_verify_finds_a_row_that_was_tampered_with(database_url: str) -> None:
    with world(database_url) as here:
        jobs = season(here)
        here.project()
        for model in MENU:
            verified = verify(database_url, model)
            assert (verified.different, verified.rows) == (0, len(here.rows(model)))
        tables_before = tables(here)
        here.execute("update rm_job_dashboard__1 set views = views + 1 where job_id = %s", jobs[1])
        verified = verify(database_url, JOB_DASHBOARD)
        assert (verified.different, {difference.side for difference in verified.differences}) == (
            2,
            {"live", "log"},
        )
        here.execute("delete from rm_job_dashboard__1 where job_id = %s", jobs[1])
        assert [one.side for one in verify(database_url, JOB_DASHBOARD).differences] == ["log"]
        assert tables(here) == tables_before


def test_verify_compares_at_the_same_positions(database_url: str) -> None:
    with world(database_url) as here:
        jobs = season(here)
        here.projector(JOB_DASHBOARD, page_size=4).unit(here.projector(JOB_DASHBOARD).behind())
        hire(here, jobs[0])
        verified = verify(database_url, JOB_DASHBOARD)
        assert verified.different == 0
        assert verified.events < 69


def test_verify_needs_the_live_version(database_url: str) -> None:
    with world(database_url), pytest.raises(BuildFailed, match="rebuild it"):
        verify(database_url, replace(JOB_DASHBOARD, version=2))
