"""Whom the unit of work parks, where, with which reason, and that the others go on."""

import pytest
from msgspec.structs import replace

from application.recorded import Recorded
from domain.job import PostingEdited
from domain.job_view import JobViewed
from infrastructure.read_models.read_model import ReadModel, Row
from projections.job_dashboard import JOB_DASHBOARD, DashboardRow, Handled
from projections.job_dashboard import evolve as evolve_dashboard
from tests.domain.builders import POSTING, created, edited
from tests.read_models import new_id, new_tenant, views, views_of, world


def evolve_until_bob(row: DashboardRow | None, recorded: Recorded[Handled]) -> DashboardRow | None:
    if isinstance(recorded.event, PostingEdited) and recorded.event.posting.title == "Bob":
        raise ZeroDivisionError("bob \0 \ud800 cannot be folded")
    return evolve_dashboard(row, recorded)


FRAGILE = replace(JOB_DASHBOARD, evolve=evolve_until_bob)


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
    from infrastructure.read_models.status import retry_parked

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
