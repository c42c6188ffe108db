"""The domain has no clock, no chance and no I/O; its modules and the read models know nothing of each other."""

import ast
from pathlib import Path

import pytest

from tests.architecture.syntax import ends_in_assert_never, functions, imported, modules, parse

# What a pure rule may need. Everything else of the standard library is a clock, a source of chance, or I/O.
PURE = frozenset(
    {
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "itertools",
        "math",
        "operator",
        "re",
        "statistics",
        "string",
        "types",
        "typing",
        "unicodedata",
        "uuid",
        "msgspec",
        "rpds",
        "domain",
    }
)
# The impure parts of what is allowed above, and the doors that Python leaves open everywhere.
IMPURE = frozenset(
    {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "hashlib.file_digest"}
    | {"uuid.getnode", "uuid.uuid1", "uuid.uuid4", "uuid.uuid6", "uuid.uuid7"}
    | {"open", "print", "input", "exec", "eval", "breakpoint", "hash", "__import__"}
)


def names(path: Path) -> str:
    return path.stem


every_domain_module = pytest.mark.parametrize("path", modules("domain"), ids=names)


@every_domain_module
def test_domain_imports_only_what_is_pure(path: Path) -> None:
    assert {name.split(".")[0] for name in imported(parse(path))} - PURE == set()


@every_domain_module
def test_domain_uses_no_clock_no_chance_and_no_io(path: Path) -> None:
    tree = parse(path)
    used = {
        ".".join(ast.unparse(node).split(".")[-2:])
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
    }

    assert (used | set(imported(tree))) & IMPURE == set()
    assert [node for node in ast.walk(tree) if isinstance(node, ast.Global | ast.Await | ast.Raise)] == []


@every_domain_module
def test_every_match_in_the_domain_ends_in_assert_never(path: Path) -> None:
    matches = [node for node in ast.walk(parse(path)) if isinstance(node, ast.Match)]

    assert [match.lineno for match in matches if not ends_in_assert_never(match)] == []


@pytest.mark.parametrize("path", modules("domain") + modules("projections"), ids=names)
def test_every_evolve_names_the_events_it_consumes(path: Path) -> None:
    for evolve in functions(parse(path), "evolve"):
        matches = [node for node in ast.walk(evolve) if isinstance(node, ast.Match)]

        assert matches, f"{path}:{evolve.lineno} consumes its events without a match"
        assert [match.lineno for match in matches if not ends_in_assert_never(match)] == []


@pytest.mark.parametrize("room", ["domain", "projections"])
def test_aggregates_and_read_models_do_not_import_their_own_kind(room: str) -> None:
    trees = {f"{room}.{path.stem}": parse(path) for path in modules(room)}
    kind = {name for name, tree in trees.items() if functions(tree, "evolve")}

    meetings = {(name, other) for name in kind for other in imported(trees[name]) if other in kind - {name}}

    assert meetings == set()
