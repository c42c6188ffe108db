"""Events of several applications in; a candidate's list, a company's list and a job's board out."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace

from domain.identifiers import derived_id
from projections import application_search
from projections.application_list import APPLICATION_LIST, Application
from projections.application_search import ApplicationFilters
from projections.paging import Page
from tests.domain.builders import advanced, reinstated, rejected, submitted, withdrawn
from tests.read_models import World, at, new_id, new_tenant, world


def apply(world: World, job_id: UUID, candidate: UUID) -> UUID:
    application_id = derived_id(job_id, "application", job_id, candidate)
    world.append(application_id, replace(submitted(job_id, candidate, revision=2), source="fair"))
    return application_id


async def all_pages(page_after: Callable[[str | None], Awaitable[Page[Application]]]) -> list[UUID]:
    found: list[UUID] = []
    cursor: str | None = None
    while True:
        page = await page_after(cursor)
        found += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            return found


async def test_rows_follow_two_applications_through_their_stages(database_url: str) -> None:
    with world(database_url) as here:
        company, candidate, other = new_tenant(), uuid4(), uuid4()
        job_id = new_id(company)
        first = apply(here, job_id, candidate)
        second = apply(here, job_id, other)
        here.append(first, advanced("applied", "screening"))
        here.append(second, rejected("applied"))
        here.append(second, reinstated("applied"))
        here.append(second, withdrawn("applied"))
        here.project(APPLICATION_LIST)
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            page = await application_search.of_company(connection, company)
            own = await application_search.of_candidate(connection, candidate)
    newest, oldest = page.items
    assert (newest.id, newest.stage, newest.reached, newest.version) == (second, "withdrawn", "applied", 4)
    assert (newest.applied_at, newest.stage_since) == (at(2), at(6))
    assert (oldest.id, oldest.stage, oldest.reached, oldest.version) == (first, "screening", "screening", 2)
    assert (oldest.skills, oldest.expected_salary, oldest.source) == (["baking", "pastry"], 35_000, "fair")
    assert (oldest.company_id, oldest.job_id, oldest.requirements_revision) == (company, job_id, 2)
    assert [item.id for item in own.items] == [first]


async def test_lists_filter_page_and_keep_companies_apart(database_url: str) -> None:
    with world(database_url) as here:
        company, stranger = new_tenant(), new_tenant()
        baker, smith = new_id(company), new_id(company)
        bakers = [apply(here, baker, uuid4()) for _ in range(5)]
        smiths = [apply(here, smith, uuid4()) for _ in range(2)]
        apply(here, new_id(stranger), uuid4())
        here.append(bakers[0], advanced("applied", "screening"))
        here.project(APPLICATION_LIST)
        async with await psycopg.AsyncConnection.connect(database_url) as connection:

            async def of_job(cursor: str | None) -> Page[Application]:
                return await application_search.of_company(
                    connection, company, ApplicationFilters(job_id=baker), cursor=cursor, limit=2
                )

            async def everything(cursor: str | None) -> Page[Application]:
                return await application_search.of_company(connection, company, cursor=cursor, limit=3)

            in_screening = await application_search.of_company(
                connection, company, ApplicationFilters(stage="screening")
            )
            assert await all_pages(of_job) == bakers[::-1]
            assert await all_pages(everything) == (bakers + smiths)[::-1]
            assert [item.id for item in in_screening.items] == [bakers[0]]


async def test_a_candidates_list_spans_companies(database_url: str) -> None:
    with world(database_url) as here:
        candidate = uuid4()
        here_too, there = new_id(new_tenant()), new_id(new_tenant())
        applications = {apply(here, here_too, candidate), apply(here, there, candidate)}
        apply(here, there, uuid4())
        here.project(APPLICATION_LIST)
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            page = await application_search.of_candidate(connection, candidate)
            of_one = await application_search.of_candidate(
                connection, candidate, ApplicationFilters(job_id=there)
            )
    assert {item.id for item in page.items} == applications
    assert [item.job_id for item in of_one.items] == [there]


async def test_the_board_has_every_stage_with_its_count_and_newest(database_url: str) -> None:
    with world(database_url) as here:
        company = new_tenant()
        job_id, other_job = new_id(company), new_id(company)
        applications = [apply(here, job_id, uuid4()) for _ in range(4)]
        apply(here, other_job, uuid4())
        here.append(applications[1], advanced("applied", "screening"))
        here.append(applications[2], rejected("applied"))
        here.project(APPLICATION_LIST)
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            board = await application_search.board(connection, company, job_id, per_stage=1)
            foreign = await application_search.board(connection, new_tenant(), job_id)
    assert [column.stage for column in board] == [
        "applied",
        "screening",
        "interview",
        "offer",
        "hired",
        "rejected",
        "withdrawn",
    ]
    assert [column.count for column in board] == [2, 1, 0, 0, 0, 1, 0]
    assert [item.id for item in board[0].items] == [applications[3]]
    assert [item.id for item in board[1].items] == [applications[1]]
    assert sum(column.count for column in foreign) == 0


async def test_a_board_is_of_one_moment(database_url: str) -> None:
    move = "update rm_application_list__1 set stage = case stage when 'applied' then 'screening' else 'applied' end"
    with world(database_url) as here:
        company = new_tenant()
        job_id = new_id(company)
        apply(here, job_id, uuid4())
        here.project(APPLICATION_LIST)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            with here.changing(move):
                for _ in range(200):
                    board = await application_search.board(connection, company, job_id)
                    assert [(column.count, len(column.items)) for column in board[:2]] in (
                        [(1, 1), (0, 0)],
                        [(0, 0), (1, 1)],
                    )


@pytest.mark.parametrize("cursor", ["", "x", "bm9uc2Vuc2U", "WyJuZXdlc3QiLCJub3cgb3IgbGF0ZXIiLG51bGxd", "é"])
async def test_a_tampered_cursor_is_refused(database_url: str, cursor: str) -> None:
    with world(database_url):
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            with pytest.raises(ValueError, match="cursor"):
                await application_search.of_company(connection, new_tenant(), cursor=cursor)
