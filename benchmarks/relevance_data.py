"""Real postings in a database of their own, and the ways of searching them that are compared."""

import asyncio
from pathlib import Path
from typing import Any, Final, LiteralString, TypeAlias
from uuid import UUID, uuid4

import msgspec
import psycopg

from api.loading.postings import MappedPosting, map_line
from benchmarks.seed import store_streams
from benchmarks.servers import migrated_database
from domain.identifiers import random_id, tenant_id
from domain.job import JobCreated, JobPublished, Posting, Requirements
from infrastructure.database.connection_pools import projection_pool
from infrastructure.event_store import EventStore
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.servers.embedded import Servers
from projections.job_listing import JOB_LISTING
from projections.job_search import JobFilters, browse

DEPTH: Final = 10

Found: TypeAlias = list[str]
"""Ids of postings, as their file has them, the best first."""

EVERY_WORD: Final[LiteralString] = """
(select bool_and(concat_ws(' ', title, skill_words, description) ilike '%%' || word || '%%')
 from regexp_split_to_table(%(q)s, '\\s+') as word)"""
"""Whether a job has every word of `q`: what a search is without a search engine."""

_LISTED: Final[LiteralString] = f"""
select job_id from rm_job_listing where status = 'open' and {EVERY_WORD}
order by {{first}} listed_at desc, job_id desc limit %(limit)s
"""
_TITLES_FIRST: Final[LiteralString] = """
    (select count(*) from regexp_split_to_table(%(q)s, '\\s+') as word where title ilike '%%' || word || '%%') desc,"""

ILIKE: Final[dict[str, LiteralString]] = {
    "ILIKE, newest first": _LISTED.format(first=""),
    "ILIKE, words in the title first": _LISTED.format(first=_TITLES_FIRST),
}


class _Named(msgspec.Struct):
    id: str


class Postings:
    """The loaded postings of one file: job ids and the file's ids of them."""

    def __init__(self, database_url: str, ids: dict[UUID, str]) -> None:
        self._database_url = database_url
        self.ids = ids

    async def ours(self, q: str) -> Found:
        """The first jobs as `GET /jobs?q=` has them."""
        async with await psycopg.AsyncConnection.connect(self._database_url, autocommit=True) as connection:
            page = await browse(connection, JobFilters(q=q), limit=DEPTH)
        return [self.ids[job.id] for job in page.items]

    async def ilike(self, statement: LiteralString, q: str) -> Found:
        """The first jobs that have every word of `q` as a part of title, skills or description."""
        async with await psycopg.AsyncConnection.connect(self._database_url, autocommit=True) as connection:
            found = await connection.execute(statement, {"q": q, "limit": DEPTH})
            return [self.ids[job_id] for (job_id,) in await found.fetchall()]


def load(running: Servers, path: Path) -> Postings:
    """Every posting of a JSONL file that `hirelog load` would take, open, in a new database."""
    database_url = migrated_database(running, "relevance")
    ensure_read_models(database_url, [JOB_LISTING])
    company, creator = tenant_id(uuid4()), uuid4()
    ids: dict[UUID, str] = {}
    streams: list[tuple[UUID, tuple[Any, ...]]] = []
    for line in path.read_bytes().splitlines():
        mapped = map_line(line)
        if not isinstance(mapped, MappedPosting):
            continue
        body, job_id = mapped.body, random_id(company, uuid4())
        ids[job_id] = msgspec.json.decode(line, type=_Named).id
        posting = Posting(
            title=body.title, description=body.description, location=body.location, remote=body.remote
        )
        streams.append(
            (
                job_id,
                (
                    JobCreated(
                        created_by=creator,
                        posting=posting,
                        requirements=Requirements(skills=body.skills),
                        openings=1,
                    ),
                    JobPublished(),
                ),
            )
        )

    async def store() -> None:
        async with EventStore(database_url) as log:
            await store_streams(log, company, streams, creator)

    asyncio.run(store())
    with projection_pool(database_url, 2) as pool:
        Projector(pool, JOB_LISTING, page_size=2_000, tenants_per_unit=1).drain()
    return Postings(database_url, ids)
