"""What every decider is made of: events, commands, a refusal, and the pair of pure functions around a state."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeAlias, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, tag=True, tag_field="type", omit_defaults=True):
    """A fact that was decided. Ids of streams, versions, time and actor live in `Recorded`, not here."""


class Command(msgspec.Struct, frozen=True):
    """A wish, carrying everything that `decide` needs."""


class Rejected(msgspec.Struct, frozen=True):
    """A refusal by a rule: `code` is stable and names the rule, `reason` is for people; `allowed` is what could be chosen
    instead, where the rule is about a choice (empty: nothing)."""

    code: str
    reason: str
    allowed: tuple[str, ...] | None = None


StateT = TypeVar("StateT")
CommandT = TypeVar("CommandT")
EventT = TypeVar("EventT", bound=Event)

Decision: TypeAlias = Sequence[EventT] | Rejected


class Decider(msgspec.Struct, Generic[CommandT, StateT, EventT], frozen=True):
    """One kind of aggregate.

    `decide(command, state)` answers the new events (none: nothing changes) or `Rejected`; `evolve(state, event)` never
    raises; `event_type` is the union of its events, from which they are decoded.
    """

    name: str
    initial: StateT
    decide: Callable[[CommandT, StateT], Decision[EventT]]
    evolve: Callable[[StateT, EventT], StateT]
    event_type: object


def fold(
    decider: Decider[CommandT, StateT, EventT], events: Iterable[EventT], state: StateT | None = None
) -> StateT:
    """The state after `events`, from `state` (default: the initial one)."""
    current = decider.initial if state is None else state
    for event in events:
        current = decider.evolve(current, event)
    return current
