"""Times in the OpenAPI document: msgspec calls one a string as long as its type does not say that it has a time zone."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import inspect

from api.http.openapi_structs import structs

_TIME: Final = {"type": "string", "format": "date-time"}


def tell_times(types: Iterable[Any], schemas: dict[str, Any]) -> None:
    """Give every time in the schemas of these types its format. All that is answered is RFC 3339 in UTC."""
    for name, found in structs(types):
        for field in found.fields:
            if _is_time(field.type):
                _format(schemas[name]["properties"][field.encode_name])


def _is_time(found: inspect.Type) -> bool:
    if isinstance(found, inspect.UnionType):
        return any(map(_is_time, found.types))
    return isinstance(found, inspect.DateTimeType)


def _format(schema: dict[str, Any]) -> None:
    for choice in (schema, *schema.get("anyOf", ())):
        if choice.get("type") == "string":
            choice.update(_TIME)
