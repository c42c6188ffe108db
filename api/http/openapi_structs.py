"""The structs that the OpenAPI document describes, with the names of their schemas."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_origin

from msgspec import inspect


def structs(types: Iterable[Any]) -> Iterator[tuple[str, inspect.StructType]]:
    """The structs in these types, at any depth: each once, with the name that msgspec gives its schema."""
    seen: set[str] = set()
    waiting: list[inspect.Type] = list(inspect.multi_type_info(types))
    while waiting:
        match waiting.pop():
            case inspect.StructType(fields=fields) as found:
                name = _name(found.cls)
                if name not in seen:
                    seen.add(name)
                    yield name, found
                    waiting += [field.type for field in fields]
            case inspect.Metadata(type=inner) | inspect.CollectionType(item_type=inner):
                waiting.append(inner)
            case inspect.DictType(value_type=inner):
                waiting.append(inner)
            case inspect.UnionType(types=choices):
                waiting += choices
            case _:
                pass


def struct(found: inspect.StructType) -> Any:
    """The class of a struct, of `Page[Job]` that of `Page`."""
    return get_origin(found.cls) or found.cls


def _name(cls: Any) -> str:
    inner = ", ".join(argument.__name__ for argument in get_args(cls))
    return re.sub(r"\W", "_", f"{cls.__name__}[{inner}]" if inner else cls.__name__)
