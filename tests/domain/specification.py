"""Rules as sentences: `given(DECIDER, events).when(command).then(events)`, or `.refused(code)`, or `.nothing()`."""

from typing import Generic, TypeVar

from domain.decision import Decider, Event, Rejected, fold

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")
EventT = TypeVar("EventT", bound=Event)


class Given(Generic[CommandT, StateT, EventT]):
    """What happened before."""

    def __init__(self, decider: Decider[CommandT, StateT, EventT], *events: EventT) -> None:
        self._decider = decider
        self._events = events

    @property
    def state(self) -> StateT:
        """What the events amount to."""
        return fold(self._decider, self._events)

    def when(self, command: CommandT) -> "Decided[EventT]":
        return Decided(self._decider.decide(command, self.state))


class Decided(Generic[EventT]):
    """What was decided, to be compared with what a rule demands."""

    def __init__(self, decision: object) -> None:
        self._decision = decision

    def then(self, *expected: EventT) -> None:
        assert self._decision == list(expected)

    def nothing(self) -> None:
        assert self._decision == []

    def refused(self, code: str, *, allowed: tuple[str, ...] | None = None) -> None:
        """Refused by the rule `code`, with a reason for people; `allowed`, where given, is what it says may be done."""
        assert isinstance(self._decision, Rejected), self._decision
        assert self._decision.code == code
        assert self._decision.reason
        assert allowed is None or self._decision.allowed == allowed


def given(decider: Decider[CommandT, StateT, EventT], *events: EventT) -> Given[CommandT, StateT, EventT]:
    return Given(decider, *events)
