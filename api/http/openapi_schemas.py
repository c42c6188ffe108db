"""Schemas as generators of clients read them: choices that have names, fields that are always there, patterns of any language."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import cleandoc
from typing import Any, Final, TypeAlias, get_args

from api.http.fields import PLAIN_PATTERNS
from api.http.openapi_structs import struct, structs
from application.actor import Role
from application.effects import Kind, Recipient
from domain.assessment import Recommendation
from domain.job import EmploymentType, Status
from domain.job_application import PipelineStage, Stage
from domain.membership import StaffRole
from domain.screening import CriterionName, CriterionOutcome, Verdict
from infrastructure.identity.invitations import InvitationStatus
from infrastructure.mail.outcomes import MailStatus

Schema: TypeAlias = dict[str, Any]

_CHOICES: Final[Mapping[str, Any]] = {
    "CriterionName": CriterionName,
    "CriterionOutcome": CriterionOutcome,
    "EmploymentType": EmploymentType,
    "InvitationStatus": InvitationStatus,
    "JobStatus": Status,
    "MailRecipient": Recipient,
    "MailStatus": MailStatus,
    "NotificationKind": Kind,
    "PipelineStage": PipelineStage,
    "Recommendation": Recommendation,
    "Role": Role,
    "Stage": Stage,
    "StaffRole": StaffRole,
    "Verdict": Verdict,
}
"""What is used in several places, so that it is one type there: by its name in the description."""


def name_choices(document: Schema, reference: str) -> None:
    """Give the choices in a document that have names a schema of their own, and each other one its type."""
    values = {name: list(_values(choice)) for name, choice in _CHOICES.items()}
    names = {frozenset(found): name for name, found in values.items()}

    def named(schema: Schema) -> None:
        _merge(schema)
        found = schema.get("enum")
        if not isinstance(found, list) or not all(isinstance(value, str) for value in found):
            return
        if name := names.get(frozenset(found)):
            del schema["enum"]
            schema.pop("type", None)
            schema["$ref"] = reference.format(name=name)
        else:
            schema["type"] = "string"

    _each(document, named)
    schemas = document["components"]["schemas"]
    schemas.update({name: {"title": name, "type": "string", "enum": found} for name, found in values.items()})


def _values(choice: Any) -> Iterator[str]:
    """Those of a `Literal`, or of a union of some, in the order in which they were written."""
    for value in get_args(choice):
        if isinstance(value, str):
            yield value
        else:
            yield from _values(value)


def _merge(schema: Schema) -> None:
    """One choice of a union of several, which msgspec describes side by side."""
    several = [choice for choice in schema.get("anyOf", ()) if set(choice) == {"enum"}]
    if len(several) < 2:
        return
    merged = {"enum": [value for choice in several for value in choice["enum"]]}
    rest = [choice for choice in schema.pop("anyOf") if choice not in several]
    schema.update({"anyOf": [merged, *rest]} if rest else merged)


def require_answered(types: Iterable[Any], schemas: Schema) -> None:
    """What an answer always has is required in its schema: msgspec calls a field with a default one that may be absent."""
    for name, found in structs(types):
        if struct(found).__struct_config__.omit_defaults:
            continue
        told: Schema = schemas[name]["properties"]
        always = [
            field.encode_name
            for field in found.fields
            if field.required or "default" in told[field.encode_name]
        ]
        for field in always:
            told[field].pop("default", None)
        schemas[name]["required"] = always


def plain_fields(document: Schema) -> None:
    """Patterns as every language reads them, and no default that says no more than that the field may be absent."""

    def plain(schema: Schema) -> None:
        found = schema.get("pattern")
        if isinstance(found, str):
            schema["pattern"] = PLAIN_PATTERNS.get(found, found)
        if "default" in schema and schema["default"] in (None, {}):
            del schema["default"]

    _each(document, plain)


def plain_words(schemas: Schema) -> None:
    """Docstrings without their indentation, which Markdown would take for code."""
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])


def _each(found: Any, change: Callable[[Schema], None]) -> None:
    """Every object in a document, the outer ones first."""
    if isinstance(found, dict):
        change(found)
        for inner in list(found.values()):
            _each(inner, change)
    elif isinstance(found, list):
        for inner in found:
            _each(inner, change)
