"""Resumes: uploading, listing, downloading and deleting them, and who may see one."""

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import msgspec
import psycopg
import structlog
from litestar import Response, delete, get, post
from litestar.params import FromPath
from litestar.response import Stream

from api.http.access import CANDIDATE, SIGNED_IN
from api.http.disconnects import while_connected
from api.http.file_names import attachment, clean
from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError, not_valid
from api.http.requests import AnyRequest, IdempotencyKey, MinPosition, actor_of, at_least, check_once
from api.routes.uploads import FORM, Upload, body_bytes, one_file
from api.services import Services, services_of
from application.refusals import IdempotencyKeyReused, NotFound
from infrastructure.resumes import rows as resume_rows
from infrastructure.resumes.blobs import BlobMissing, Blobs, BlobsUnavailable
from infrastructure.resumes.kind import EXTENSIONS
from infrastructure.resumes.rows import MOST_PER_PERSON, RequestKey, Resume
from projections import sent_resumes
from projections.application_list import APPLICATION_LIST

FILE_BYTES: Final = 5_000_000
_SAFE_DOWNLOAD: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, no-store",
}

ResumeId: TypeAlias = FromPath[UUID]

_NOBODY: Final = UUID(int=0)

_log = structlog.get_logger(__name__)


class ResumeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A resume of the caller. `filename` has the extension of what the content is; `skills` and `experience_years` are hints
    read from its text, which itself is not kept; `text_found` is false for a scan, or for text that could not be had."""

    id: UUID
    filename: str
    media_type: str
    size: int
    sha256: str
    text_found: bool
    skills: list[str]
    experience_years: int | None
    created_at: datetime


class ResumeList(msgspec.Struct, frozen=True):
    """All resumes of the caller, newest first; there is no second page."""

    items: list[ResumeAnswer]
    next: str | None = None


@post(
    "/resumes",
    allow=CANDIDATE,
    media_types=(FORM,),
    upload="file",
    body_bytes=body_bytes(FILE_BYTES),
    request_max_body_size=body_bytes(FILE_BYTES),
    tags=["Resumes"],
    problems=("422",),
    headers=("Location",),
    operation_id="upload_resume",
    rules=("too_many_resumes", "resume_deleted"),
)
async def upload_resume(
    request: AnyRequest, idempotency_key: IdempotencyKey = None
) -> Response[ResumeAnswer]:
    """Upload a resume: PDF, DOCX, ODT or plain text, 5 MB (5,000,000 bytes) at most, judged by content, not by name.

    Refused with 415: every other kind of file. Refused with 422, by `code`: `resume_empty`, `resume_corrupt`,
    `resume_encrypted` (it needs a password), `resume_macros`, `resume_too_complex` (it unpacks to too much). Taken with
    `text_found: false`: a scan, or a file whose text cannot be had within the limits of time and memory. A person has 20
    resumes at most (409 `too_many_resumes`). A repeated request does not bring back what was deleted since (409
    `resume_deleted`). The file is kept outside the log and goes with `DELETE`.
    """
    check_once(request)
    services = services_of(request)
    owner_id = actor_of(request).account_id
    await services.throttle.upload(request, actor_of(request))
    upload = await one_file(request, "file", FILE_BYTES)
    with upload.file:
        key = _request_key(idempotency_key, upload)
        resume = await _repeated(services, owner_id, key) or await _kept(request, owner_id, upload, key)
    return Response(_answer(resume), status_code=201, headers={"Location": f"/resumes/{resume.resume_id}"})


@get("/resumes", allow=SIGNED_IN, tags=["Resumes"], operation_id="list_resumes")
async def list_resumes(request: AnyRequest) -> ResumeList:
    """The caller's own resumes, newest first."""
    services = services_of(request)
    owner_id = actor_of(request).account_id
    async with services.database.of_account(owner_id) as connection:
        found = await resume_rows.of_owner(connection, owner_id)
    return ResumeList([_answer(resume) for resume in found])


@get(
    "/resumes/{resume_id:uuid}",
    allow=SIGNED_IN,
    tags=["Resumes"],
    answers=tuple(EXTENSIONS),
    operation_id="read_resume",
)
async def read_resume(resume_id: ResumeId, request: AnyRequest, min_position: MinPosition = None) -> Stream:
    """The file itself, for its owner, and for staff of a company that it was sent to with an application.

    It comes as an attachment. `min_position` is for staff: a position of their company's log.
    """
    services = services_of(request)
    actor = actor_of(request)
    if actor.company_id is not None:
        await at_least(services, APPLICATION_LIST, actor.company_id, min_position, actor)
    resume = await _of(services, actor.account_id, resume_id)
    if actor.company_id is not None:
        async with services.database.of(actor) as connection:
            sender_id = await sent_resumes.sender(connection, actor.company_id, resume_id)
        # Asked also when nobody sent it, so that the time of a no tells nothing.
        resume = await _of(services, sender_id or _NOBODY, resume_id) or resume
    if resume is None:
        raise NotFound
    try:
        size, pieces = await services.blobs.open(resume.blob_name)
    except BlobMissing:
        _log.error("resume file missing", resume_id=str(resume_id))
        raise ProblemError(404, "resume_file_missing", "The file of this resume is lost.") from None
    headers = {
        **_SAFE_DOWNLOAD,
        "Content-Length": str(size),
        "Content-Disposition": attachment(resume.filename),
    }
    return Stream(pieces, media_type=resume.media_type, headers=headers)


@delete("/resumes/{resume_id:uuid}", allow=SIGNED_IN, tags=["Resumes"], operation_id="delete_resume")
async def delete_resume(resume_id: ResumeId, request: AnyRequest) -> None:
    """Delete an own resume: the file and everything read from it. Those it was sent to cannot read it any more either."""
    services = services_of(request)
    owner_id = actor_of(request).account_id
    async with services.database.of_account(owner_id) as connection:
        names = await resume_rows.delete(connection, owner_id, resume_id)
    if not names:
        raise NotFound
    for name in names:
        await _removed(services, name)


async def _of(services: Services, owner_id: UUID, resume_id: UUID) -> Resume | None:
    """A resume, if it is that person's."""
    async with services.database.of_account(owner_id) as connection:
        resume = await resume_rows.by_id(connection, resume_id)
    return resume if resume is not None and resume.owner_id == owner_id else None


async def check_own(services: Services, resume_id: UUID, candidate_id: UUID) -> None:
    """Raise a 400 problem unless this is a resume of the candidate."""
    async with services.database.of_account(candidate_id) as connection:
        if not await resume_rows.belongs_to(connection, resume_id, candidate_id):
            raise not_valid(InvalidField("resume_id", "not a resume of yours"))


def _request_key(idempotency_key: str | None, upload: Upload) -> RequestKey | None:
    if idempotency_key is None:
        return None
    said = f"{upload.filename}\n{upload.sha256}".encode()
    return RequestKey(hashlib.sha256(idempotency_key.encode()).digest(), hashlib.sha256(said).digest())


async def _repeated(services: Services, owner_id: UUID, key: RequestKey | None) -> Resume | None:
    """What the same request made before. Raises `IdempotencyKeyReused`, and a 409 problem for what its owner has deleted since."""
    if key is None:
        return None
    async with services.database.of_account(owner_id) as connection:
        found = await resume_rows.of_request(connection, owner_id, key.key)
    if found is None:
        return None
    resume, request = found
    if request != key.request:
        raise IdempotencyKeyReused
    if resume is None:
        raise ProblemError(
            409, "resume_deleted", "This was uploaded before and deleted since; another key uploads it anew."
        )
    return resume


async def _kept(request: AnyRequest, owner_id: UUID, upload: Upload, key: RequestKey | None) -> Resume:
    """Read the file, store it, and write its row; a file that no row comes to name is removed again, at the latest by the sweep.

    Who has too many resumes is refused before the file is read, and again when the row is written: others may upload too.
    """
    services = services_of(request)
    async with services.database.of_account(owner_id) as connection:
        has_most = await resume_rows.has_most(connection, owner_id)
    if has_most:
        return await _made_meanwhile(services, owner_id, key)
    reading = services.resumes.read(upload.file, services.vocabulary.current(), owner_id)
    read = await while_connected(request, reading)
    resume = Resume(
        resume_id=uuid4(),
        owner_id=owner_id,
        blob_name=Blobs.new_name(),
        filename=clean(upload.filename, EXTENSIONS[str(read.media_type)]),
        media_type=str(read.media_type),
        size=upload.size,
        sha256=upload.sha256,
        text_found=read.text_found,
        skills=list(read.skills),
        experience_years=read.experience_years,
        created_at=datetime.now(UTC),
    )
    async with services.database.identity() as connection:
        await resume_rows.announce(connection, resume.blob_name)
    # What fails from here on is left to the sweep: the row may be there, or the file still come, though nobody hears of it.
    await services.blobs.put(resume.blob_name, upload.file)
    async with services.database.of_account(owner_id) as connection:
        stored = await resume_rows.store(connection, resume, key)
    if stored:
        return resume
    await asyncio.shield(_removed(services, resume.blob_name))
    return await _made_meanwhile(services, owner_id, key)


async def _made_meanwhile(services: Services, owner_id: UUID, key: RequestKey | None) -> Resume:
    """What the same request, sent twice at once, has made; else the person has too many resumes."""
    repeated = await _repeated(services, owner_id, key)
    if repeated is None:
        raise ProblemError(
            409, "too_many_resumes", f"You have {MOST_PER_PERSON} resumes already; delete one first."
        )
    return repeated


async def _removed(services: Services, blob_name: str) -> None:
    """Remove a file that no row names; what cannot be removed now is swept later."""
    with contextlib.suppress(BlobsUnavailable, psycopg.Error):
        await services.blobs.remove(blob_name)
        async with services.database.identity() as connection:
            await resume_rows.removed(connection, blob_name)


def _answer(resume: Resume) -> ResumeAnswer:
    return ResumeAnswer(
        id=resume.resume_id,
        filename=resume.filename,
        media_type=resume.media_type,
        size=resume.size,
        sha256=resume.sha256,
        text_found=resume.text_found,
        skills=resume.skills,
        experience_years=resume.experience_years,
        created_at=resume.created_at,
    )


HANDLERS: list[Any] = [upload_resume, list_resumes, read_resume, delete_resume]
