"""The domain has no clock, no chance and no I/O; its modules and the read models know nothing of each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

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


def modules(room: str) -> list[Path]:
    return sorted(path for path in (ROOT / room).rglob("*.py") if path.name != "__init__.py")


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def imported(tree: ast.Module) -> Iterator[str]:
    """The full names of the modules that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(tree: ast.Module, *names: str) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]


def ends_in_assert_never(match: ast.Match) -> bool:
    last = match.cases[-1]
    return (
        isinstance(last.pattern, ast.MatchAs)
        and last.pattern.pattern is None
        and any(isinstance(node, ast.Name) and node.id == "assert_never" for node in ast.walk(last))
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
