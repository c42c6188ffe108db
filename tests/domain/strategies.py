"""Any value of a domain type, generated from its annotations; a kind of field not met before is an error here."""

from collections.abc import Mapping
from types import UnionType
from typing import Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from domain.decision import Command, Event

StructT = TypeVar("StructT", bound=msgspec.Struct)

# Few accounts, applications and so on, so that what one event names meets what another does.
_IDS = st.integers(1, 4).map(lambda number: UUID(int=number))
_SIMPLE: dict[object, st.SearchStrategy[object]] = {
    int: st.integers(-(2**63), 2**63 - 1) | st.integers(-1, 4),
    str: st.text(max_size=20),
    bool: st.booleans(),
    type(None): st.none(),
    UUID: _IDS | st.uuids(),
}


def values(annotation: object) -> st.SearchStrategy[object]:
    """Any value of an annotated field."""
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of(*(values(argument) for argument in arguments))
    if origin is tuple and arguments[1:] == (...,):
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return structs(annotation)
    raise TypeError(f"teach tests/domain/strategies.py to make a {annotation}")


def structs(struct: type[StructT]) -> st.SearchStrategy[StructT]:
    """Any instance of a Struct, every field chosen."""
    return st.builds(struct, **{field.name: values(field.type) for field in msgspec.structs.fields(struct)})


def any_event(events: tuple[type[Event], ...]) -> st.SearchStrategy[Event]:
    return st.one_of(*(structs(event) for event in events))


def any_command(commands: tuple[type[Command], ...]) -> st.SearchStrategy[Command]:
    return st.one_of(*(structs(command) for command in commands))
