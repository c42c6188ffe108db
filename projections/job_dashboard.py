"""How do a company's jobs perform? One row of counters per job: unique views, applications, hires."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString, TypeAlias, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace
from psycopg import AsyncConnection

from application.recorded import Recorded
from domain.job import (
    JobArchived,
    JobClosed,
    JobCreated,
    JobPublished,
    JobReopened,
    OpeningFilled,
    PostingEdited,
    Status,
)
from domain.job_application import ApplicationSubmitted
from domain.job_view import JobViewed
from infrastructure.read_models.read_model import Key, ReadModel, Row

Handled: TypeAlias = (
    JobCreated
    | JobPublished
    | JobClosed
    | JobReopened
    | JobArchived
    | PostingEdited
    | OpeningFilled
    | JobViewed
    | ApplicationSubmitted
)


class DashboardRow(Row, frozen=True, kw_only=True):
    job_id: UUID
    title: str
    status: Status
    views: int = 0
    applications: int = 0
    hires: int = 0


def keys(recorded: Recorded[Handled]) -> tuple[Key, ...]:
    match recorded.event:
        case JobViewed(job_id=job_id) | ApplicationSubmitted(job_id=job_id):
            return ((job_id,),)
        case (
            JobCreated()
            | JobPublished()
            | JobClosed()
            | JobReopened()
            | JobArchived()
            | PostingEdited()
            | OpeningFilled()
        ):
            return ((recorded.stream_id,),)
        case _:
            assert_never(recorded.event)


def evolve(row: DashboardRow | None, recorded: Recorded[Handled]) -> DashboardRow | None:
    event = recorded.event
    if isinstance(event, JobCreated):
        return DashboardRow(
            tenant_id=recorded.tenant_id,
            job_id=recorded.stream_id,
            title=event.posting.title,
            status="draft",
        )
    if row is None:
        return None
    match event:
        case JobViewed():
            return replace(row, views=row.views + 1)
        case ApplicationSubmitted():
            return replace(row, applications=row.applications + 1)
        case OpeningFilled():
            return replace(row, hires=row.hires + 1)
        case JobPublished() | JobReopened():
            return replace(row, status="open")
        case JobClosed():
            return replace(row, status="closed")
        case JobArchived():
            return replace(row, status="archived")
        case PostingEdited():
            return replace(row, title=event.posting.title)
        case _:
            assert_never(event)


JOB_DASHBOARD: Final = ReadModel(
    name="job_dashboard",
    version=1,
    row=DashboardRow,
    key=("job_id",),
    handled=Handled,
    keys=keys,
    evolve=evolve,
)

# Queries


class JobFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A job's counters. `conversion_rate` is applications / views x 100, rounded to 2 places; null without views."""

    job_id: UUID
    title: str
    status: Status
    views: int
    applications: int
    hires: int
    conversion_rate: float | None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over all the jobs that were asked for, also those beyond `top`."""

    jobs: int
    views: int
    applications: int
    hires: int
    conversion_rate: float | None


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    items: list[JobFigures]
    totals: Totals


_CONVERSION: Final[LiteralString] = "round(applications * 100.0 / nullif(views, 0), 2)::float8"
_FIGURES: Final[LiteralString] = (
    f"job_id, title, status, views, applications, hires, {_CONVERSION} as conversion_rate"
)
_SUMS: Final[LiteralString] = """
    count(*) as jobs, coalesce(sum(views), 0)::bigint as views, coalesce(sum(applications), 0)::bigint as applications,
    coalesce(sum(hires), 0)::bigint as hires"""


async def of_company(
    connection: AsyncConnection[Any],
    company_id: UUID,
    *,
    job_ids: Sequence[UUID] | None = None,
    top: int | None = None,
) -> Dashboard:
    """A company's jobs, those with most applications (then views) first, and totals; all of one moment.

    `job_ids` narrows both; `top` cuts the items only.
    """
    chosen: LiteralString = "tenant_id = %(tenant_id)s"
    if job_ids is not None:
        chosen += " and job_id = any(%(job_ids)s)"
    found = await connection.execute(
        f"""with chosen as (select * from rm_job_dashboard where {chosen}),
                 items as (select {_FIGURES} from chosen
                           order by applications desc, views desc, job_id limit %(top)s),
                 totals as (select *, {_CONVERSION} as conversion_rate from (select {_SUMS} from chosen) as summed)
            select json_build_object(
                'items', (select coalesce(json_agg(items), '[]') from items),
                'totals', (select to_json(totals) from totals))::text""",
        {"tenant_id": company_id, "job_ids": list(job_ids or ()), "top": top},
    )
    ((dashboard,),) = await found.fetchall()
    return msgspec.json.decode(dashboard, type=Dashboard)
