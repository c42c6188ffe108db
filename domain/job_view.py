"""A candidate's first sight of a job: one stream per job and viewer, whose first version is the uniqueness."""

from typing import TypeAlias, assert_never
from uuid import UUID

import msgspec

from domain.decision import Command, Decider, Decision, Event


class JobViewed(Event, frozen=True):
    job_id: UUID
    viewer_id: UUID


JobViewEvent: TypeAlias = JobViewed


class JobView(msgspec.Struct, frozen=True):
    seen: bool = False


def evolve(state: JobView, event: JobViewEvent) -> JobView:
    match event:
        case JobViewed():
            return JobView(seen=True)
        case _:
            assert_never(event)


class RecordView(Command, frozen=True):
    job_id: UUID
    viewer_id: UUID


def decide(command: RecordView, state: JobView) -> Decision[JobViewEvent]:
    return [] if state.seen else [JobViewed(job_id=command.job_id, viewer_id=command.viewer_id)]


JOB_VIEW: Decider[RecordView, JobView, JobViewEvent] = Decider(
    name="job_view", initial=JobView(), decide=decide, evolve=evolve, event_type=JobViewEvent
)
