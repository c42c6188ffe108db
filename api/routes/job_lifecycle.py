"""A job's life cycle: each of its verbs is one call."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from api.http.access import HIRING
from api.http.requests import AnyRequest, IdempotencyKey, IfMatch, metadata
from api.routes.job_answer import JobAnswer, JobId, carried_out
from api.services import services_of
from domain.decision import Command
from domain.job import ArchiveJob, CloseJob, PublishJob, ReopenJob


def _verb(
    name: str, command: Callable[[UUID], Command], description: str, rules: tuple[str, ...]
) -> HTTPRouteHandler:
    @post(
        f"/jobs/{{job_id:uuid}}/{name}",
        allow=HIRING,
        status_code=200,
        tags=["Jobs"],
        operation_id=f"{name}_job",
        description=description,
        rules=rules,
    )
    async def carry_out(
        job_id: JobId,
        request: AnyRequest,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response[JobAnswer]:
        how = await metadata(request, if_match, idempotency_key)
        return await carried_out(services_of(request), command(job_id), how)

    return carry_out


HANDLERS: Final = [
    _verb("publish", PublishJob, "Open a draft to applications.", ("job_archived", "job_closed")),
    _verb(
        "close",
        CloseJob,
        "Take no more applications; those that are there go on.",
        ("job_archived", "job_not_open"),
    ),
    _verb(
        "reopen",
        ReopenJob,
        "Open a closed job again, as long as an opening is left.",
        ("job_archived", "job_not_closed", "openings_filled"),
    ),
    _verb("archive", ArchiveJob, "Put a draft or a closed job away for good.", ("job_open",)),
]
