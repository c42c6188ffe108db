"""What follows from an event: who is told what. Pure: an event in, effects out; `infrastructure` carries them out once each."""

from typing import TypeAlias, assert_never
from uuid import UUID

from application.effects import Effect, Kind, Recipient
from application.recorded import Recorded
from domain.job_application import (
    ApplicationMoved,
    ApplicationReinstated,
    ApplicationRejected,
    ApplicationScreened,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    JobApplicationEvent,
    StageAdvanced,
)
from domain.membership import Membership

Handled: TypeAlias = JobApplicationEvent
"""The events of an application; they stand in its stream, so `stream_id` is the application."""


def effects(recorded: Recorded[Handled]) -> tuple[Effect, ...]:
    """What follows from one event, in a fixed order: what one person is told is known by its event's position and its place in it.

    The order and the number of effects of an event that was recorded once must not change in a later release, and the one for the
    recruiter comes last: several people may be told it.
    """
    event = recorded.event
    match event:
        case ApplicationSubmitted(moved_from=moved_from):
            arrival: Kind = "application_received" if moved_from is None else "application_moved"
            return (
                _tell(recorded, "candidate", arrival),
                _tell(recorded, "recruiter", "new_application"),
            )
        case ApplicationScreened(verdict=verdict):
            return (_tell(recorded, "candidate", "qualified"),) if verdict == "qualified" else ()
        case StageAdvanced():
            return (_tell(recorded, "candidate", "stage_changed"),)
        case ApplicationRejected():
            return (_tell(recorded, "candidate", "application_rejected"),)
        case ApplicationReinstated():
            return (_tell(recorded, "candidate", "application_reinstated"),)
        case ApplicationWithdrawn():
            return (_tell(recorded, "recruiter", "application_withdrawn"),)
        case ApplicationMoved():
            # Where it goes on, the candidate is told; here it would be the same news once more.
            return ()
        case _:
            assert_never(event)


def _tell(recorded: Recorded[Handled], recipient: Recipient, kind: Kind) -> Effect:
    return Effect(kind=kind, recipient=recipient, application_id=recorded.stream_id)


def recruiters(created_by: UUID, membership: Membership) -> tuple[UUID, ...]:
    """Who is told what is for the recruiter of a job, with the company's members as they were at the event: whoever created the
    job; once they have left, the admins. Where there is nobody, it is kept for whoever left, and no mail goes out."""
    if created_by in membership.roles:
        return (created_by,)
    admins = sorted(member for member, role in membership.roles.items() if role == "admin")
    return tuple(admins) or (created_by,)
