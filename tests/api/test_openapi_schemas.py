"""What generators of typed clients read in the OpenAPI document: names for choices, fields that are always there, plain patterns."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.fields import PLAIN_PATTERNS
from tests.api.people import System

pytestmark = pytest.mark.asyncio(loop_scope="session")


def objects(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        yield found
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from objects(inner)


async def test_every_choice_has_a_type_and_one_that_is_made_twice_has_a_name(system: System) -> None:
    document = await system.nobody.sees("/schema")
    choices = [found for found in objects(document) if isinstance(found.get("enum"), list)]
    assert len(choices) > 15
    assert all(choice["type"] in {"string", "boolean"} for choice in choices)
    twice = [
        names
        for names, times in Counter(frozenset(map(str, c["enum"])) for c in choices).items()
        if times > 1
    ]
    assert not twice


async def test_a_choice_is_told_in_the_order_in_which_it_goes(system: System) -> None:
    schemas = (await system.nobody.sees("/schema"))["components"]["schemas"]
    assert schemas["PipelineStage"]["enum"] == ["applied", "screening", "interview", "offer", "hired"]
    assert schemas["Role"]["enum"][0] == "candidate"
    assert schemas["Profile"]["properties"]["role"] == {"$ref": "#/components/schemas/Role"}
    for name in ("Job", "CreateJobBody"):
        told = schemas[name]["properties"]["employment_type"]
        assert told["$ref"] == "#/components/schemas/EmploymentType"


async def test_what_is_always_answered_is_required(system: System) -> None:
    schemas = (await system.nobody.sees("/schema"))["components"]["schemas"]
    for name, field in (
        ("JobPage", "next"),
        ("TokenAnswer", "token_type"),
        ("Application", "moved_to"),
        ("Application", "screening"),
        ("HistoryEntry", "comment"),
        ("OwnProfile", "pending_email"),
    ):
        assert field in schemas[name]["required"], name
    assert "position" not in schemas["JobAnswer"]["required"]
    assert "allowed" not in schemas["Problem"]["required"]
    assert schemas["CreateJobBody"]["required"] == ["title"]


async def test_a_default_says_more_than_that_a_field_may_be_absent(system: System) -> None:
    document = await system.nobody.sees("/schema")
    assert not [found for found in objects(document) if found.get("default", 0) in (None, {})]


async def test_patterns_are_those_of_any_language(system: System) -> None:
    """No look-ahead (Go and Rust have none), and no character beyond 16 bits, which JavaScript and .NET take for two."""
    found = {
        schema["pattern"] for schema in objects(await system.nobody.sees("/schema")) if "pattern" in schema
    }
    assert len(found) > 5
    assert not [pattern for pattern in found if "(?" in pattern or not pattern.isascii() or "\\u" in pattern]


@pytest.mark.parametrize("exact", PLAIN_PATTERNS, ids=PLAIN_PATTERNS.values())
async def test_a_plain_pattern_takes_all_that_is_taken(exact: str) -> None:
    @given(st.from_regex(exact))
    def is_taken(text: str) -> None:
        assert re.search(PLAIN_PATTERNS[exact], text)

    is_taken()


async def test_descriptions_are_text_and_not_code(system: System) -> None:
    """Four blanks at the beginning of a paragraph are code in Markdown."""
    document = await system.nobody.sees("/schema")
    told = [found["description"] for found in objects(document) if isinstance(found.get("description"), str)]
    assert len(told) > 100
    assert not [words for words in told if re.search(r"^ {2}|(?<!-)\bNone\b(?!-)", words, re.MULTILINE)]


async def test_what_may_be_unchanged_can_be_asked_for_so(system: System) -> None:
    paths = (await system.nobody.sees("/schema"))["paths"]
    told = [
        operation for path in paths.values() for operation in path.values() if "304" in operation["responses"]
    ]
    assert told
    for operation in told:
        assert "If-None-Match" in {parameter["name"] for parameter in operation["parameters"]}
