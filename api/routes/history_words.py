"""What happened to an application, and what was written about it, in words."""

from typing import TypeAlias, assert_never
from uuid import UUID

import msgspec

from domain.assessment import (
    AssessmentEvent,
    CommentAdded,
    CommentRemoved,
    Rating,
    ScorecardRevised,
    ScorecardSubmitted,
)
from domain.job_application import (
    ApplicationMoved,
    ApplicationReinstated,
    ApplicationRejected,
    ApplicationScreened,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    JobApplicationEvent,
    Stage,
    StageAdvanced,
)

HistoryEvent: TypeAlias = JobApplicationEvent | AssessmentEvent


class EventDescription(msgspec.Struct, frozen=True):
    """An event in words; `to_stage` is where the application stands after it, None for where it stood. `text_id` names what
    was written with it, `other_id` the application that it came from or went on as. `to_candidate` is what a candidate reads
    instead, for whom scores are not."""

    what: str
    from_stage: Stage | None = None
    to_stage: Stage | None = None
    text_id: UUID | None = None
    other_id: UUID | None = None
    to_candidate: str | None = None


def describe(event: HistoryEvent) -> EventDescription:
    """One event, as staff read it."""
    match event:
        case ApplicationSubmitted(moved_from=None):
            return EventDescription("Applied for the job", None, "applied")
        case ApplicationSubmitted(moved_from=before):
            return EventDescription("Moved here from another job", None, "applied", other_id=before)
        case ApplicationScreened(verdict=verdict, score=score):
            judged = f"Screened: {verdict.replace('_', ' ')}"
            return EventDescription(f"{judged}, {score} of 100 points", to_candidate=judged)
        case StageAdvanced(from_stage=before, to_stage=stage, note_text_id=note):
            what = "Hired" if stage == "hired" else f"Moved from {before} to {stage}"
            return EventDescription(what, before, stage, note)
        case ApplicationRejected(from_stage=before, reason_text_id=reason):
            return EventDescription(f"Rejected at {before}", before, "rejected", reason)
        case ApplicationReinstated(to_stage=stage):
            return EventDescription(f"Rejection taken back, at {stage} again", "rejected", stage)
        case ApplicationWithdrawn(from_stage=before):
            return EventDescription(f"Withdrawn by the candidate at {before}", before, "withdrawn")
        case ApplicationMoved(from_stage=before, to_application_id=further, note_text_id=note):
            return EventDescription(
                f"Moved to another job, from {before}", before, "withdrawn", note, further
            )
        case CommentAdded(text_id=text_id):
            return EventDescription("Commented", text_id=text_id)
        case CommentRemoved():
            return EventDescription("Took a comment back")
        case ScorecardSubmitted(note_text_id=note):
            return EventDescription(f"Scored at {event.stage}: {_judged(event)}", text_id=note)
        case ScorecardRevised(note_text_id=note):
            return EventDescription(f"Revised the score at {event.stage}: {_judged(event)}", text_id=note)
        case _:
            assert_never(event)


def _judged(card: ScorecardSubmitted | ScorecardRevised) -> str:
    return f"{card.recommendation.replace('_', ' ')} ({', '.join(map(_rated, card.ratings))})"


def _rated(rating: Rating) -> str:
    return f"{rating.criterion} {rating.points} of 5"
