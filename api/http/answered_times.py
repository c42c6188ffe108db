"""Times in the OpenAPI document: msgspec calls one a string as long as its type does not say that it has a time zone."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import inspect

_TIME: Final = {"type": "string", "format": "date-time"}


def tell_times(types: Iterable[Any], schemas: dict[str, Any]) -> None:
    """Give every time in the schemas of these types its format. All that is answered is RFC 3339 in UTC."""
    seen: set[type] = set()
    for found in inspect.multi_type_info(types):
        _tell(found, schemas, seen)


def _tell(found: inspect.Type, schemas: dict[str, Any], seen: set[type]) -> None:
    match found:
        case inspect.StructType(cls=cls, fields=fields) if cls not in seen:
            seen.add(cls)
            for field in fields:
                if _is_time(field.type):
                    _format(schemas[cls.__name__]["properties"][field.encode_name])
                _tell(field.type, schemas, seen)
        case inspect.Metadata(type=inner) | inspect.CollectionType(item_type=inner):
            _tell(inner, schemas, seen)
        case inspect.DictType(value_type=inner):
            _tell(inner, schemas, seen)
        case inspect.UnionType(types=choices):
            for choice in choices:
                _tell(choice, schemas, seen)
        case _:
            return


def _is_time(found: inspect.Type) -> bool:
    if isinstance(found, inspect.UnionType):
        return any(map(_is_time, found.types))
    return isinstance(found, inspect.DateTimeType)


def _format(schema: dict[str, Any]) -> None:
    for choice in (schema, *schema.get("anyOf", ())):
        if choice.get("type") == "string":
            choice.update(_TIME)
