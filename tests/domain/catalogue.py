"""Everything that `domain/` defines, found by looking and not by a list that can be forgotten."""

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import TypeVar, get_args

import msgspec

import domain
from domain.decision import Command, Decider, Event

StructT = TypeVar("StructT", bound=msgspec.Struct)

MODULES: tuple[ModuleType, ...] = tuple(
    import_module(f"domain.{found.name}") for found in pkgutil.iter_modules(domain.__path__)
)


def _defined(module: ModuleType, base: type[StructT]) -> tuple[type[StructT], ...]:
    return tuple(
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, base)
        and value is not base
        and (value.__module__, value.__name__) == (module.__name__, name)
    )


def events_of(module: ModuleType) -> tuple[type[Event], ...]:
    return _defined(module, Event)


def commands_of(module: ModuleType) -> tuple[type[Command], ...]:
    return _defined(module, Command)


def members(union: object) -> frozenset[object]:
    """The classes of a union, or the one class that it is so far."""
    return frozenset(get_args(union) or (union,))


EVENTS: tuple[type[Event], ...] = tuple(event for module in MODULES for event in events_of(module))
AGGREGATES: tuple[ModuleType, ...] = tuple(
    module for module in MODULES if any(isinstance(value, Decider) for value in vars(module).values())
)


def decider_of(module: ModuleType) -> Decider[Command, object, Event]:
    """The one decider that an aggregate's module defines."""
    (decider,) = (value for value in vars(module).values() if isinstance(value, Decider))
    return decider
