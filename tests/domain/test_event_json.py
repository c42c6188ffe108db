"""The log is JSON for ever: what was written once is read, today and after every change of the code."""

from collections import Counter
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decision import Event
from tests.domain.catalogue import AGGREGATES, EVENTS, decider_of, events_of
from tests.domain.golden_events import GOLDEN
from tests.domain.strategies import structs

FOLDER = Path(__file__).parent / "golden"

EVENTS_BY_AGGREGATE = [(aggregate, event) for aggregate in AGGREGATES for event in events_of(aggregate)]


def decode(event: type[Event], data: bytes) -> Event:
    """As the log does it: from the union of the aggregate that the event belongs to."""
    (aggregate,) = (aggregate for aggregate in AGGREGATES if event in events_of(aggregate))
    return msgspec.json.decode(data, type=decider_of(aggregate).event_type)  # type: ignore[no-any-return]


MAPPINGS = frozenset({"aliases."})
"""Fields whose keys are data."""


def stored(value: object, prefix: str = "") -> set[str]:
    """The fields that a JSON object names, those of nested objects included: `posting.title`."""
    if not isinstance(value, dict) or prefix in MAPPINGS:
        return set()
    fields = {f"{prefix}{name}": inner for name, inner in value.items()}
    return set(fields).union(*(stored(inner, f"{path}.") for path, inner in fields.items()))


def declared(struct: object, prefix: str = "", *, required: bool) -> set[str]:
    """The fields of a Struct, those of nested Structs included; or only those without a default."""
    if not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
        return set()
    fields = {
        f"{prefix}{field.encode_name}": field.type
        for field in msgspec.structs.fields(struct)
        if field.required or not required
    }
    return set(fields).union(
        *(declared(inner, f"{path}.", required=required) for path, inner in fields.items())
    )


@pytest.mark.parametrize(("aggregate", "event"), EVENTS_BY_AGGREGATE, ids=lambda value: value.__name__)
@given(data=st.data())
def test_decoding_gives_back_what_was_encoded(
    aggregate: ModuleType, event: type[Event], data: st.DataObject
) -> None:
    written = data.draw(structs(event))

    encoded = msgspec.json.encode(written)

    assert decode(event, encoded) == written
    assert msgspec.json.decode(encoded)["type"] == event.__name__


def test_no_two_events_share_a_name() -> None:
    assert [name for name, count in Counter(event.__name__ for event in EVENTS).items() if count > 1] == []


@pytest.mark.parametrize("name", GOLDEN)
def test_what_a_log_holds_still_means_the_same(name: str) -> None:
    event = GOLDEN[name]

    assert decode(type(event), (FOLDER / f"{name}.json").read_bytes()) == event


def test_every_golden_file_is_read() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(GOLDEN)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_golden_files_show_every_field_with_and_without_its_default(event: type[Event]) -> None:
    files = [FOLDER / f"{name}.json" for name, golden in GOLDEN.items() if type(golden) is event]
    named = [stored(msgspec.json.decode(file.read_bytes())) for file in files]

    assert set[str]().union(*named) == declared(event, required=False) | {"type"}
    assert named[0].intersection(*named) == declared(event, required=True) | {"type"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_a_field_that_later_code_adds_does_not_stop_earlier_code(event: type[Event]) -> None:
    written = msgspec.to_builtins(GOLDEN[event.__name__])

    assert decode(event, msgspec.json.encode(written | {"added_later": 1})) == GOLDEN[event.__name__]


def test_what_is_at_its_default_takes_no_room_in_the_log() -> None:
    event = GOLDEN["StageAdvanced.least"]

    assert msgspec.json.encode(event) == b'{"type":"StageAdvanced","from_stage":"offer","to_stage":"hired"}'
