"""The rows of resumes, and of the files that no row names: those being written, and those to be removed."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

MOST_PER_PERSON: Final = 20
_WRITING_SECONDS: Final = 3600
_AT_ONCE: Final = 100


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    """A resume file of a candidate, and what its text hints at; `size` is in bytes, `sha256` in hexadecimal."""

    resume_id: UUID
    owner_id: UUID
    blob_name: str
    filename: str
    media_type: str
    size: int
    sha256: str
    text_found: bool
    skills: list[str]
    experience_years: int | None
    created_at: datetime


class RequestKey(msgspec.Struct, frozen=True):
    """What an Idempotency-Key makes of a request: `key` names its owner's key, `request` what came with it."""

    key: bytes
    request: bytes


_COLUMNS: Final = """resume_id, owner_id, blob_name, filename, media_type, size, sha256, text_found, skills,
    experience_years, created_at"""


async def announce(connection: AsyncConnection[Any], blob_name: str) -> None:
    """Note a file that is about to be written: should no row come to name it, it is removed."""
    await connection.execute(
        "insert into unowned_blob (name, remove_after) values (%s, now() + make_interval(secs => %s))",
        (blob_name, _WRITING_SECONDS),
    )


async def has_most(connection: AsyncConnection[Any], owner_id: UUID) -> bool:
    """Whether a person has `MOST_PER_PERSON` already."""
    cursor = await connection.execute(
        "select 1 from resume where owner_id = %s offset %s limit 1", (owner_id, MOST_PER_PERSON - 1)
    )
    return await cursor.fetchone() is not None


async def store(connection: AsyncConnection[Any], resume: Resume, request: RequestKey | None) -> bool:
    """Write the row of a file that was announced and written; False when the same key came with another request first,
    or the person has `MOST_PER_PERSON` already, or was erased, or deleted what came with the key: then nothing is written."""
    async with connection.transaction():
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(resume.owner_id),)
        )
        cursor = await connection.execute(
            """insert into resume (resume_id, owner_id, blob_name, filename, media_type, size, sha256, text_found, skills,
                                   experience_years, created_at, request_key, request_hash)
               select %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
               where (select count(*) from resume where owner_id = %s) < %s
               and exists (select from account where account_id = %s for key share)
               and not exists (select from request_key where account_id = %s and key_hash = %s)
               on conflict do nothing""",
            (
                *(resume.resume_id, resume.owner_id, resume.blob_name, resume.filename, resume.media_type),
                *(resume.size, resume.sha256, resume.text_found, resume.skills, resume.experience_years),
                *(resume.created_at, request and request.key, request and request.request),
                *(resume.owner_id, MOST_PER_PERSON, resume.owner_id),
                *(resume.owner_id, request and request.key),
            ),
        )
        if cursor.rowcount:
            await connection.execute("delete from unowned_blob where name = %s", (resume.blob_name,))
        return bool(cursor.rowcount)


async def of_request(
    connection: AsyncConnection[Any], owner_id: UUID, key: bytes
) -> tuple[Resume | None, bytes] | None:
    """What an earlier request with this key made, and its hash; None instead of what its owner deleted."""
    cursor = await connection.execute(
        """select resume_id, request_hash from resume where owner_id = %(owner)s and request_key = %(key)s
           union all select null, request_hash from request_key where account_id = %(owner)s and key_hash = %(key)s""",
        {"owner": owner_id, "key": key},
    )
    found = await cursor.fetchone()
    if found is None:
        return None
    resume_id, request_hash = found
    return (None if resume_id is None else await by_id(connection, resume_id)), bytes(request_hash)


async def by_id(connection: AsyncConnection[Any], resume_id: UUID) -> Resume | None:
    async with connection.cursor(row_factory=class_row(Resume)) as cursor:
        await cursor.execute(f"select {_COLUMNS} from resume where resume_id = %s", (resume_id,))
        return await cursor.fetchone()


async def of_owner(connection: AsyncConnection[Any], owner_id: UUID) -> list[Resume]:
    """A person's resumes, newest first."""
    async with connection.cursor(row_factory=class_row(Resume)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from resume where owner_id = %s order by created_at desc, resume_id",
            (owner_id,),
        )
        return await cursor.fetchall()


async def belongs_to(connection: AsyncConnection[Any], resume_id: UUID, owner_id: UUID) -> bool:
    cursor = await connection.execute(
        "select 1 from resume where resume_id = %s and owner_id = %s", (resume_id, owner_id)
    )
    return await cursor.fetchone() is not None


async def delete(
    connection: AsyncConnection[Any], owner_id: UUID, resume_id: UUID | None = None
) -> list[str]:
    """Delete a person's resume, or without an id all of them; answers the names of files that must be removed now.

    The key that one was uploaded with is kept with other keys of requests: repeating that request brings nothing back.
    """
    cursor = await connection.execute(
        """with gone as (
             delete from resume where owner_id = %s and resume_id = coalesce(%s, resume_id)
             returning blob_name, owner_id, request_key, request_hash
           ), kept as (
             insert into request_key (account_id, key_hash, request_hash)
             select account_id, request_key, request_hash from gone join account on account_id = owner_id
             where request_key is not null on conflict do nothing
           )
           insert into unowned_blob (name, remove_after) select blob_name, now() from gone returning name""",
        (owner_id, resume_id),
    )
    return [name for (name,) in await cursor.fetchall()]


async def removed(connection: AsyncConnection[Any], blob_name: str) -> None:
    """Note that a file which no row names was removed."""
    await connection.execute("delete from unowned_blob where name = %s", (blob_name,))


async def to_remove(connection: AsyncConnection[Any]) -> list[str]:
    """The next files to remove: those that no row names and that nobody is writing any more."""
    cursor = await connection.execute(
        "select name from unowned_blob where remove_after < now() order by remove_after limit %s", (_AT_ONCE,)
    )
    return [name for (name,) in await cursor.fetchall()]
