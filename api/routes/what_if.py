"""What another screening policy would make of a job's applications."""

from typing import Any

from litestar import post
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from api.http.access import STAFF
from api.http.fields import Body, Currency, Money, Skills, SkillsBody, Years
from api.http.requests import AnyRequest, Cursor, Limit, MinPosition, actor_of, at_least, company_of
from api.routes.job_answer import JobId, load_own
from api.routes.screening_policy import ScreeningBody, Threshold, WeightsBody, given, screened_by
from api.services import services_of
from application.refusals import Refused
from domain.job import Requirements, completed, refusal
from projections.application_list import APPLICATION_LIST
from projections.screening_what_if import WhatIf, what_if


class PolicyBody(SkillsBody, frozen=True):
    """What would be asked otherwise; what is not given is as the job asks it now."""

    weights: WeightsBody | UnsetType = UNSET
    threshold: Threshold | UnsetType = UNSET
    must_have_skills: Skills | UnsetType = UNSET
    skills: Skills | UnsetType = UNSET
    min_experience_years: Years | UnsetType = UNSET
    salary_min: Money | None | UnsetType = UNSET
    salary_max: Money | None | UnsetType = UNSET
    currency: Currency | None | UnsetType = UNSET


class WhatIfBody(Body, frozen=True):
    policy: PolicyBody = PolicyBody()


@post(
    "/jobs/{job_id:uuid}/screening/what-if",
    allow=STAFF,
    status_code=200,
    tags=["Applications"],
    operation_id="screening_what_if",
    rules=("weights_invalid", "salary_range_invalid", "currency_missing"),
)
async def ask(
    job_id: JobId,
    request: AnyRequest,
    data: JSONBody[WhatIfBody],
    limit: Limit = 50,
    cursor: Cursor = None,
    min_position: MinPosition = None,
) -> WhatIf:
    """How the verdicts of all applications of the job would be by another policy. Changes and stores nothing, so it may be
    repeated as it is. The counts are of all applications; `changed` lists those whose verdict would be another, newest first,
    a page at a time. 409 `weights_invalid`, `salary_range_invalid` or `currency_missing` for a policy that no job may have."""
    services = services_of(request)
    company_id = company_of(request)
    job = await load_own(services, job_id, company_id)
    wanted = _asked(job.state.requirements, data.policy)
    if (refused := refusal(wanted)) is not None:
        raise Refused(refused)
    await at_least(services, APPLICATION_LIST, company_id, min_position, actor_of(request))
    async with services.database.of(actor_of(request)) as connection:
        words = services.vocabulary.current()
        return await what_if(connection, company_id, job_id, wanted, words, cursor=cursor, limit=limit)


def _asked(requirements: Requirements, policy: PolicyBody) -> Requirements:
    fields = given(policy)
    how = ScreeningBody(weights=policy.weights, threshold=policy.threshold)
    for field in ("weights", "threshold"):
        fields.pop(field, None)
    return completed(screened_by(replace(requirements, **fields), how))


HANDLERS: list[Any] = [ask]
