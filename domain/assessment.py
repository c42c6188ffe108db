"""What staff think of an application: comments and scorecards. A stream of its own, so that the application's version tells
a candidate nothing of them, and a comment never gets in the way of a decision."""

from typing import Literal, TypeAlias, assert_never
from uuid import UUID

import msgspec
from msgspec.structs import replace
from rpds import HashTrieMap

from domain.decision import Command, Decider, Decision, Event, Rejected

ScoredStage: TypeAlias = Literal["applied", "screening", "interview", "offer", "hired"]
Recommendation: TypeAlias = Literal["strong_no", "no", "yes", "strong_yes"]


class Rating(msgspec.Struct, frozen=True):
    """How somebody meets a criterion, from 1 to 5. A criterion is a name (`communication`); remarks go into the note."""

    criterion: str
    points: int


# Events. Free text about a person lives outside the log; `*text_id` points to it.


class CommentAdded(Event, frozen=True):
    application_id: UUID
    author_id: UUID
    text_id: UUID


class CommentRemoved(Event, frozen=True):
    application_id: UUID
    text_id: UUID


class ScorecardSubmitted(Event, frozen=True):
    application_id: UUID
    author_id: UUID
    stage: ScoredStage
    ratings: tuple[Rating, ...]
    recommendation: Recommendation
    note_text_id: UUID | None = None


class ScorecardRevised(Event, frozen=True):
    """Replaces the author's scorecard for the stage; the log keeps both."""

    application_id: UUID
    author_id: UUID
    stage: ScoredStage
    ratings: tuple[Rating, ...]
    recommendation: Recommendation
    note_text_id: UUID | None = None


AssessmentEvent: TypeAlias = CommentAdded | CommentRemoved | ScorecardSubmitted | ScorecardRevised


# State


class Scorecard(msgspec.Struct, frozen=True, kw_only=True):
    """One person's judgement at one stage."""

    ratings: tuple[Rating, ...]
    recommendation: Recommendation
    note_text_id: UUID | None = None
    revision: int = 1


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The comments that stand (text id -> author), and the scorecards, by person and stage."""

    comments: "HashTrieMap[UUID, UUID]" = HashTrieMap()
    scorecards: "HashTrieMap[tuple[UUID, ScoredStage], Scorecard]" = HashTrieMap()


def evolve(state: Assessment, event: AssessmentEvent) -> Assessment:
    match event:
        case CommentAdded():
            return replace(state, comments=state.comments.insert(event.text_id, event.author_id))
        case CommentRemoved():
            return replace(state, comments=state.comments.discard(event.text_id))
        case ScorecardSubmitted() | ScorecardRevised():
            whose = (event.author_id, event.stage)
            before = state.scorecards.get(whose)
            card = Scorecard(
                ratings=event.ratings,
                recommendation=event.recommendation,
                note_text_id=event.note_text_id,
                revision=1 if before is None else before.revision + 1,
            )
            return replace(state, scorecards=state.scorecards.insert(whose, card))
        case _:
            assert_never(event)


# Commands


class AddComment(Command, frozen=True):
    application_id: UUID
    author_id: UUID
    text_id: UUID


class RemoveComment(Command, frozen=True):
    application_id: UUID
    author_id: UUID
    text_id: UUID


class SubmitScorecard(Command, frozen=True):
    """`reached` are the stages that the application has come to, in order; without a `stage` the last of them is scored."""

    application_id: UUID
    author_id: UUID
    ratings: tuple[Rating, ...]
    recommendation: Recommendation
    stage: ScoredStage | None = None
    note_text_id: UUID | None = None
    reached: tuple[ScoredStage, ...] = ()


AssessmentCommand: TypeAlias = AddComment | RemoveComment | SubmitScorecard

_COMMENT_NOT_FOUND = Rejected("comment_not_found", "There is no such comment.")
_NOT_THE_AUTHOR = Rejected("not_the_author", "A comment is removed by whoever wrote it.")
_RATINGS = Rejected("ratings_invalid", "A scorecard rates 1 to 20 different criteria, each from 1 to 5.")


def decide(command: AssessmentCommand, state: Assessment) -> Decision[AssessmentEvent]:
    match command:
        case AddComment():
            return _add(command, state)
        case RemoveComment():
            return _remove(command, state)
        case SubmitScorecard():
            return _score(command, state)
        case _:
            assert_never(command)


def _add(command: AddComment, state: Assessment) -> Decision[AssessmentEvent]:
    if command.text_id in state.comments:
        return []
    added = CommentAdded(
        application_id=command.application_id, author_id=command.author_id, text_id=command.text_id
    )
    return [added]


def _remove(command: RemoveComment, state: Assessment) -> Decision[AssessmentEvent]:
    author = state.comments.get(command.text_id)
    if author is None:
        return _COMMENT_NOT_FOUND
    if author != command.author_id:
        return _NOT_THE_AUTHOR
    return [CommentRemoved(application_id=command.application_id, text_id=command.text_id)]


def _score(command: SubmitScorecard, state: Assessment) -> Decision[AssessmentEvent]:
    """A stage that the application has come to may be scored, also late: after it went on or ended."""
    if not _are_ratings(command.ratings):
        return _RATINGS
    stage = command.stage or (command.reached[-1] if command.reached else None)
    if stage is None or stage not in command.reached:
        return Rejected("stage_not_reached", "The application has not come to this stage.", command.reached)
    before = state.scorecards.get((command.author_id, stage))
    event = ScorecardSubmitted if before is None else ScorecardRevised
    card = event(
        application_id=command.application_id,
        author_id=command.author_id,
        stage=stage,
        ratings=command.ratings,
        recommendation=command.recommendation,
        note_text_id=command.note_text_id,
    )
    return [] if before is not None and _same(before, card) else [card]


def _are_ratings(ratings: tuple[Rating, ...]) -> bool:
    names = {rating.criterion for rating in ratings}
    return 1 <= len(ratings) <= 20 and len(names) == len(ratings) and all(1 <= r.points <= 5 for r in ratings)


def _same(before: Scorecard, card: ScorecardSubmitted | ScorecardRevised) -> bool:
    return (before.ratings, before.recommendation, before.note_text_id) == (
        card.ratings,
        card.recommendation,
        card.note_text_id,
    )


ASSESSMENT: Decider[AssessmentCommand, Assessment, AssessmentEvent] = Decider(
    name="assessment", initial=Assessment(), decide=decide, evolve=evolve, event_type=AssessmentEvent
)
