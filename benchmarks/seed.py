"""Large amounts of history, appended straight to the log in big batches (through HTTP they would take hours)."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final
from uuid import UUID, uuid4

from application.commands import application_id, view_id
from application.entity import encode
from application.recorded import Append, StreamPart
from benchmarks.shape import APPLICATIONS_PER_JOB, VIEWS_PER_JOB
from domain.decision import Event
from domain.identifiers import random_id
from domain.job import JobCreated, JobPublished, Posting, Requirements
from domain.job_application import ApplicationSubmitted, Claims
from domain.job_view import JobViewed
from infrastructure.event_store import EventStore

_APPEND_STREAMS: Final = 500
_APPENDS_AT_ONCE: Final = 4
_SKILLS: Final = ("python", "sql", "rust", "kubernetes", "react", "java", "go", "terraform", "excel", "figma")
_CITIES: Final = ("Berlin", "Lisbon", "Oslo", "Lyon", "Gdansk")

Stream = tuple[UUID, Sequence[Event]]


async def store_streams(
    store: EventStore, tenant_id: UUID, streams: Iterable[Stream], actor_id: UUID
) -> None:
    """Append new streams to a tenant's log, in their order as far as batches written at the same time allow."""
    parts = (
        StreamPart(stream_id, 0, tuple(encode(event) for event in events)) for stream_id, events in streams
    )

    async def writer() -> None:
        while batch := tuple(islice(parts, _APPEND_STREAMS)):
            await store.append(Append(tenant_id, batch, command_id=uuid4(), actor_id=actor_id))

    async with asyncio.TaskGroup() as writing:
        for _ in range(_APPENDS_AT_ONCE):
            writing.create_task(writer())


async def open_jobs(store: EventStore, company_id: UUID, created_by: UUID, count: int) -> list[UUID]:
    """Created and published jobs; their ids."""
    ids = [random_id(company_id, uuid4()) for _ in range(count)]
    streams = ((job_id, (_created(number, created_by), JobPublished())) for number, job_id in enumerate(ids))
    await store_streams(store, company_id, streams, created_by)
    return ids


async def traffic(
    store: EventStore, company_id: UUID, jobs: Sequence[UUID], *, views: int, applications: int
) -> list[UUID]:
    """That many views and applications for each job by new people, one job after the other in turns; the applications' ids."""
    submitted: list[UUID] = []

    def streams() -> Iterator[Stream]:
        for turn in range(max(views, applications)):
            for job_id in jobs:
                person = uuid4()
                if turn < views:
                    yield view_id(job_id, person), (JobViewed(job_id=job_id, viewer_id=person),)
                if turn < applications:
                    submitted.append(application_id(job_id, person))
                    yield submitted[-1], (_submitted(job_id, person, turn),)

    await store_streams(store, company_id, streams(), uuid4())
    return submitted


async def history(store: EventStore, company_id: UUID, jobs: int) -> None:
    """The events of so many jobs in the shape that read models are measured on."""
    ids = await open_jobs(store, company_id, uuid4(), jobs)
    await traffic(store, company_id, ids, views=VIEWS_PER_JOB, applications=APPLICATIONS_PER_JOB)


def _created(number: int, created_by: UUID) -> JobCreated:
    first, second = _SKILLS[number % len(_SKILLS)], _SKILLS[number // len(_SKILLS) % len(_SKILLS)]
    return JobCreated(
        created_by=created_by,
        posting=Posting(
            title=f"{first.title()} engineer {number}",
            description=f"We look for somebody who knows {first} and {second}. "
            + "The team is kind and ships. " * 20,
            location=_CITIES[number % len(_CITIES)],
            remote=number % 3 == 0,
        ),
        requirements=Requirements(
            skills=tuple(dict.fromkeys((first, second))),
            min_experience_years=number % 8,
            salary_min=40_000 + number % 50 * 1_000,
            salary_max=70_000 + number % 50 * 1_000,
            currency="EUR",
        ),
        openings=3,
    )


def _submitted(job_id: UUID, candidate_id: UUID, number: int) -> ApplicationSubmitted:
    skills = (_SKILLS[number % len(_SKILLS)], _SKILLS[(number + 3) % len(_SKILLS)])
    return ApplicationSubmitted(
        job_id=job_id,
        candidate_id=candidate_id,
        claims=Claims(
            skills=skills,
            experience_years=number % 12,
            expected_salary=50_000 + number % 40 * 1_000,
            currency="EUR",
        ),
        requirements_revision=1,
    )
