"""Lists that no index answers: a page looks at so many applications and says where the next one goes on."""

from uuid import UUID

import psycopg
import pytest

from projections import application_search
from projections.application_list import APPLICATION_LIST, Application
from projections.application_search import LOOKED, ApplicationFilters, Sort
from projections.paging import Page
from tests.read_models import World, new_id, new_tenant, world

_EVERY = 1_000
_ROWS = """
insert into rm_application_list (tenant_id, application_id, job_id, candidate_id, stage, reached, skills, source, screening,
    verdict, score, requirements_revision, applied_at, stage_since, version)
select %s, gen_random_uuid(), %s, gen_random_uuid(), 'applied', 'applied', case when rare then '{Baking}'::text[] else '{}' end,
    case when rare then 'fair' end,
    jsonb_build_object('verdict', verdict, 'score', n %% 101, 'criteria', '[]'::jsonb, 'policy_version', 1),
    verdict, n %% 101, 1, timestamptz '2026-01-01' + n * interval '1 minute', now(), 1
from generate_series(1, %s) as n cross join lateral (select n %% %s = 0 as rare) as how_often
    cross join lateral (select case when rare then 'qualified' else 'not_qualified' end as verdict) as judged
"""


def company_with(world: World, applications: int) -> UUID:
    """A company whose every so many-th application is of a baker, from the fair, and qualified."""
    company = new_tenant()
    world.execute(_ROWS, company, new_id(company), applications, _EVERY)
    return company


async def all_pages(
    connection: psycopg.AsyncConnection, company: UUID, filters: ApplicationFilters, sort: Sort, limit: int
) -> list[Page[Application]]:
    pages: list[Page[Application]] = []
    while not pages or pages[-1].next is not None:
        cursor = pages[-1].next if pages else None
        pages.append(
            await application_search.of_company(
                connection, company, filters, sort=sort, cursor=cursor, limit=limit
            )
        )
    return pages


@pytest.mark.parametrize("sort", ["newest", "score"])
@pytest.mark.parametrize(
    "filters",
    [
        ApplicationFilters(q="baking"),
        ApplicationFilters(source="fair"),
        ApplicationFilters(verdict="qualified"),
    ],
    ids=["q", "source", "verdict"],
)
async def test_what_is_rare_is_found_once_over_pages_that_look_at_so_many_each(
    database_url: str, filters: ApplicationFilters, sort: Sort
) -> None:
    with world(database_url, APPLICATION_LIST) as here:
        company = company_with(here, 3 * LOOKED)
        order = "score desc, applied_at desc" if sort == "score" else "applied_at desc"
        bakers = here.execute(
            f"select application_id from rm_application_list where source = 'fair' order by {order}"
        )
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            for limit in (2, 50):
                pages = await all_pages(connection, company, filters, sort, limit)
                assert [item.id for page in pages for item in page.items] == [found for (found,) in bakers]
                assert max(len(page.items) for page in pages) <= limit
                assert len(pages) >= 3


async def test_words_that_nobody_has_cost_no_page_more_than_so_many_applications(database_url: str) -> None:
    with world(database_url, APPLICATION_LIST) as here:
        company = company_with(here, LOOKED + 1)
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            nobody = ApplicationFilters(q="nowhere")
            first = await application_search.of_company(connection, company, nobody)
            last = await application_search.of_company(connection, company, nobody, cursor=first.next)
    assert (first.items, first.next is None) == ([], False)
    assert (last.items, last.next) == ([], None)
