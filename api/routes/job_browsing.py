"""Browsing jobs: the open ones of all companies, by words and filters; for staff those of their own company in any status."""

from typing import Annotated, TypeAlias
from uuid import UUID

from litestar import get
from litestar.params import QueryParameter

from api.http.access import VISITOR, caller
from api.http.fields import NO_NUL, Word, plain_letters
from api.http.requests import AnyRequest, Cursor, Limit, MinPosition, at_least
from api.services import services_of
from application.actor import Actor
from application.refusals import Forbidden
from domain.job import Status
from projections import job_listing, job_search
from projections.job_listing import JOB_LISTING
from projections.job_search import RANKED, JobFilters, Sort, StaffView
from projections.job_words import SpellingsOf
from projections.paging import Page

_spellings_of = SpellingsOf()

Q: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        max_length=200,
        pattern=NO_NUL,
        description=(
            "Words in title, skills and description, in any form and with or without accents: all of them. "
            '`"in quotes"`: in this order; `-word`: without it; `or` between two: either. Other spellings of a known skill '
            "count (`js` is JavaScript). Where hardly any job has the words, those are found as well that have similar "
            "ones in title or skills (`enginer`)."
        ),
    ),
]
SkillFilter: TypeAlias = Annotated[
    list[Word] | None,
    QueryParameter(
        max_items=20,
        description="Repeatable: jobs that ask for all of them. Any spelling of a known skill counts.",
        schema_extra={"items": {"type": "string", "maxLength": 200, "pattern": NO_NUL}},
    ),
]
LocationFilter: TypeAlias = Annotated[
    str | None,
    QueryParameter(
        max_length=200,
        pattern=NO_NUL,
        description="A part of the location, in capitals or not; every character means itself.",
    ),
]
SortFilter: TypeAlias = Annotated[
    Sort | None,
    QueryParameter(
        description=(
            "`relevance` (the default with `q`): title before skills before description, then the newest; judged among "
            f"about {RANKED} of the newest jobs that have the words in title and skills, and as many that have them "
            "anywhere. `newest` (the default without `q`) and `salary` (the upper end, whatever the currency) list all."
        )
    ),
]
Remote: TypeAlias = Annotated[
    bool | None, QueryParameter(description="Only jobs that are, or are not, done remotely.")
]
Company: TypeAlias = Annotated[UUID | None, QueryParameter(description="Only jobs of this company.")]
SalaryAtLeast: TypeAlias = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=1_000_000_000,
        description="Only jobs whose range of pay reaches so high, in whatever currency; those without one are left out.",
    ),
]
ExperienceAtMost: TypeAlias = Annotated[
    int | None,
    QueryParameter(
        ge=0, le=1_000_000_000, description="Only jobs that ask for no more years of experience than these."
    ),
]
OwnStatus: TypeAlias = Annotated[
    Status | None,
    QueryParameter(description="For staff: jobs of the own company in this status, drafts too."),
]
Mine: TypeAlias = Annotated[
    bool,
    QueryParameter(description="For staff: jobs of the own company that the caller created, in any status."),
]


@get(
    "/jobs",
    allow=VISITOR,
    tags=["Jobs"],
    security=[{}, {"bearer": []}],
    problems=("403",),
    operation_id="browse_jobs",
)
async def browse(
    request: AnyRequest,
    q: Q = None,
    skill: SkillFilter = None,
    location: LocationFilter = None,
    remote: Remote = None,
    company_id: Company = None,
    salary_at_least: SalaryAtLeast = None,
    experience_at_most: ExperienceAtMost = None,
    sort: SortFilter = None,
    status: OwnStatus = None,
    mine: Mine = False,
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> Page[job_listing.Job]:
    """Open jobs of all companies. Staff add `status` and `mine` for those of their own company."""
    services = services_of(request)
    actor = caller(request.scope)
    staff = _staff_view(actor, status, mine) if status is not None or mine else None
    filters = JobFilters(
        q=q,
        skills=tuple(map(plain_letters, skill or ())),
        location=location,
        remote=remote,
        company_id=company_id,
        salary_at_least=salary_at_least,
        experience_at_most=experience_at_most,
    )
    whose = company_id or (actor.company_id if actor else None)
    await at_least(services, JOB_LISTING, whose, min_position, actor)
    async with services.database.of(actor) as connection:
        return await job_search.browse(
            connection,
            filters,
            staff=staff,
            sort=sort,
            cursor=cursor,
            limit=limit,
            spellings=_spellings_of(services.vocabulary.current()),
        )


def _staff_view(actor: Actor | None, status: Status | None, mine: bool) -> StaffView:
    if actor is None or actor.company_id is None:
        raise Forbidden("status and mine are for members of a company.")
    return StaffView(
        company_id=actor.company_id, status=status, created_by=actor.account_id if mine else None
    )


HANDLERS = [browse]
