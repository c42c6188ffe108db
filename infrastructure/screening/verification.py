"""Is every stored verdict what the policy says? Screened again from the log alone, a page at a time, while writes go on."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg import Connection

from domain.job import JobCreated, Requirements, RequirementsRevised
from domain.job_application import ApplicationScreened, ApplicationSubmitted, screening_of
from domain.screening import POLICY_VERSION, Screening, screen
from infrastructure.database.long_session import events_in_all_logs, long_session
from infrastructure.read_models.rebuild import ReportProgress

SHOWN: Final = 20
_PAGE: Final = 5_000
_JOBS_IN_MEMORY: Final = 1_000

_SCREENED: Final[LiteralString] = """
with page as materialized (
    select tenant_id, position, stream_id, version, type, data from event
    where (tenant_id, position) > (%(tenant_id)s::uuid, %(position)s::bigint)
    order by tenant_id, position limit %(limit)s
)
select page.tenant_id, page.position, page.stream_id, page.type,
    case when page.type = 'ApplicationScreened' then page.data end, first.type, first.data
from page
left join event as first on page.type = 'ApplicationScreened'
     and first.tenant_id = page.tenant_id and first.stream_id = page.stream_id and first.version = 1
order by page.tenant_id, page.position
"""
_REQUIREMENTS: Final[LiteralString] = """
select data from event
where tenant_id = %(tenant_id)s and stream_id = %(job_id)s and type in ('JobCreated', 'RequirementsRevised')
order by version
"""

_screened: Final = msgspec.json.Decoder(ApplicationScreened)
_submitted: Final = msgspec.json.Decoder(ApplicationSubmitted)
_about_job: Final = msgspec.json.Decoder(JobCreated | RequirementsRevised)


class Difference(msgspec.Struct, frozen=True):
    """A verdict that is not what the log leads to: where it stands, and what is wrong with it."""

    tenant_id: UUID
    application_id: UUID
    position: int
    reason: str
    stored: Screening | None = None
    recomputed: Screening | None = None


class Verified(msgspec.Struct, kw_only=True):
    """How much was read, how many verdicts were recomputed, how many differ, and the first of those.

    `unscreened` are applications of before there was a policy.
    """

    events: int = 0
    verdicts: int = 0
    unscreened: int = 0
    different: int = 0
    differences: list[Difference] = []


def verify_screening(database_url: str, *, progress: ReportProgress | None = None) -> Verified:
    """Recompute every verdict of every log: from the claims, the job's requirements of that revision and the stored aliases."""
    told: ReportProgress = progress or (lambda _read, _total: None)
    found = Verified()
    with long_session(database_url) as connection:
        total = events_in_all_logs(connection)
        requirements = _RequirementsOf(connection)
        tenant_id, position = UUID(int=0), 0
        while True:
            page = connection.execute(
                _SCREENED, {"tenant_id": tenant_id, "position": position, "limit": _PAGE}
            ).fetchall()
            for row in page:
                _verify(found, requirements, row)
            found.events += len(page)
            told(found.events, max(total, found.events))
            if len(page) < _PAGE:
                break
            tenant_id, position = page[-1][:2]
    found.unscreened -= found.verdicts
    return found


def _verify(found: Verified, requirements: "_RequirementsOf", row: tuple[Any, ...]) -> None:
    tenant_id, position, application_id, event_type, data, first_type, first_data = row
    if event_type == "ApplicationSubmitted":
        found.unscreened += 1
    if event_type != "ApplicationScreened":
        return
    found.verdicts += 1
    stored: Screening | None = None
    recomputed: Screening | None = None
    try:
        event = _screened.decode(data)
        stored = screening_of(event)
        if first_type != "ApplicationSubmitted":
            reason = "no application was submitted before it"
        else:
            submitted = _submitted.decode(first_data)
            asked = requirements(tenant_id, submitted.job_id, event.requirements_revision)
            reason, recomputed = _compared(event, stored, submitted, asked)
    except msgspec.MsgspecError as error:
        reason = f"it cannot be read: {error}"
    if not reason:
        return
    found.different += 1
    if len(found.differences) < SHOWN:
        found.differences.append(Difference(tenant_id, application_id, position, reason, stored, recomputed))


def _compared(
    event: ApplicationScreened,
    stored: Screening,
    submitted: ApplicationSubmitted,
    asked: Requirements | None,
) -> tuple[str, Screening | None]:
    """What is wrong, or nothing; and what the policy says."""
    if event.requirements_revision != submitted.requirements_revision:
        return "it is by another revision of the requirements than the application", None
    if asked is None:
        return f"the job has no revision {event.requirements_revision} of its requirements", None
    policy = _POLICIES.get(event.policy_version)
    if policy is None:
        return f"policy version {event.policy_version} is not known here", None
    recomputed = policy(asked, submitted.claims, event.aliases)
    return ("" if recomputed == stored else "the policy comes to something else"), recomputed


_POLICIES: Final[dict[int, Callable[..., Screening]]] = {POLICY_VERSION: screen}


class _RequirementsOf:
    """The revisions of the jobs that were asked for last."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._jobs: OrderedDict[UUID, dict[int, Requirements]] = OrderedDict()

    def __call__(self, tenant_id: UUID, job_id: UUID, revision: int) -> Requirements | None:
        known = self._jobs.get(job_id)
        if known is None or revision not in known:
            known = self._jobs[job_id] = self._load(tenant_id, job_id)
            if len(self._jobs) > _JOBS_IN_MEMORY:
                self._jobs.popitem(last=False)
        self._jobs.move_to_end(job_id)
        return known.get(revision)

    def _load(self, tenant_id: UUID, job_id: UUID) -> dict[int, Requirements]:
        rows = self._connection.execute(_REQUIREMENTS, {"tenant_id": tenant_id, "job_id": job_id})
        events = [_about_job.decode(data) for (data,) in rows]
        return {
            1 if isinstance(event, JobCreated) else event.revision: event.requirements for event in events
        }
