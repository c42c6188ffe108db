"""What holds for every decider, present and future, whatever its rules are."""

from types import ModuleType

import msgspec
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from domain.assessment import CommentAdded, CommentRemoved, ScorecardRevised, ScorecardSubmitted
from domain.decision import Event, Rejected, fold
from domain.job_application import (
    ApplicationMoved,
    ApplicationRejected,
    ApplicationScreened,
    ApplicationWithdrawn,
    StageAdvanced,
)
from domain.job_view import JobViewed
from domain.membership import MemberJoined, MemberRoleChanged
from tests.domain.catalogue import AGGREGATES, EVENTS, commands_of, decider_of, events_of, members
from tests.domain.strategies import any_command, any_event, structs, values

every_aggregate = pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda module: module.__name__)

# What only readers of the log need: these fields leave no trace in the state that decides.
FOR_READERS: dict[type[Event], frozenset[str]] = {
    ApplicationScreened: frozenset({"requirements_revision", "aliases"}),
    StageAdvanced: frozenset({"from_stage", "note_text_id"}),
    ApplicationRejected: frozenset({"from_stage", "reason_text_id"}),
    ApplicationWithdrawn: frozenset({"from_stage"}),
    ApplicationMoved: frozenset({"from_stage", "to_job_id", "note_text_id"}),
    CommentAdded: frozenset({"application_id"}),
    CommentRemoved: frozenset({"application_id"}),
    ScorecardSubmitted: frozenset({"application_id"}),
    ScorecardRevised: frozenset({"application_id"}),
    JobViewed: frozenset({"job_id", "viewer_id"}),
    MemberJoined: frozenset({"invited_by"}),
    MemberRoleChanged: frozenset({"from_role"}),
}
FACTS = [
    (aggregate, event, field)
    for aggregate in AGGREGATES
    for event in events_of(aggregate)
    for field in msgspec.structs.fields(event)
    if field.name not in FOR_READERS.get(event, ())
]


def test_the_aggregates_are_found() -> None:
    assert {decider_of(aggregate).name for aggregate in AGGREGATES} >= {
        "job",
        "job_application",
        "job_view",
        "membership",
    }


@every_aggregate
def test_a_decider_knows_every_event_of_its_module(aggregate: ModuleType) -> None:
    assert members(decider_of(aggregate).event_type) == set(events_of(aggregate))


def test_every_event_belongs_to_an_aggregate() -> None:
    assert {event for aggregate in AGGREGATES for event in events_of(aggregate)} == set(EVENTS)


@every_aggregate
@given(data=st.data())
def test_any_events_in_any_order_evolve_and_can_be_decided_on(
    aggregate: ModuleType, data: st.DataObject
) -> None:
    decider = decider_of(aggregate)
    history = data.draw(st.lists(any_event(events_of(aggregate)), max_size=12))
    command = data.draw(any_command(commands_of(aggregate)))

    state = fold(decider, history)
    decision = decider.decide(command, state)

    assert type(state) is type(decider.initial)
    if not isinstance(decision, Rejected):
        assert {type(event) for event in decision} <= members(decider.event_type)
        assert type(fold(decider, decision, state)) is type(decider.initial)


@every_aggregate
@given(data=st.data())
def test_what_was_decided_shows_so_that_its_repetition_adds_nothing(
    aggregate: ModuleType, data: st.DataObject
) -> None:
    decider = decider_of(aggregate)
    state = decider.initial
    for command in data.draw(st.lists(any_command(commands_of(aggregate)), max_size=12)):
        decision = decider.decide(command, state)
        if isinstance(decision, Rejected) or not decision:
            continue
        state_before, state = state, fold(decider, decision, state)
        assert state != state_before

        again = decider.decide(command, state)
        assert isinstance(again, Rejected) or not again


@pytest.mark.parametrize(
    ("aggregate", "event", "field"),
    FACTS,
    ids=lambda value: getattr(value, "__name__", getattr(value, "name", None)),
)
def test_every_fact_of_an_event_reaches_the_state(
    aggregate: ModuleType, event: type[Event], field: msgspec.structs.FieldInfo
) -> None:
    decider = decider_of(aggregate)

    def differs(drawn: tuple[list[Event], Event, object]) -> bool:
        history, one, value = drawn
        state = fold(decider, history)
        another = msgspec.structs.replace(one, **{field.name: value})
        return decider.evolve(state, one) != decider.evolve(state, another)

    histories = st.lists(any_event(events_of(aggregate)), max_size=3)
    # Raises NoSuchExample when no state and no two values of the field make a difference.
    find(
        st.tuples(histories, structs(event), values(field.type)),
        differs,
        settings=settings(max_examples=2000, derandomize=True, database=None, phases=[Phase.generate]),
    )
