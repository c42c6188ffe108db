"""What is imported is declared, what is declared is locked and explained, and nothing comes from an index of somebody's own."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS: Final = ("domain", "application", "infrastructure", "projections", "api")
PYTHONS: Final = sys.stdlib_module_names | {"_typeshed"}
"""The standard library, with what type checkers alone know of it."""

LOCKS: Final = ("requirements.lock", "requirements-dev.lock")


def plain(name: str) -> str:
    """A distribution's name as it is compared: without its case, and with one sign between words."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirements: Iterable[str]) -> set[str]:
    """The distributions that these requirements name."""
    return {plain(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}


RUNTIME: Final = named(PROJECT["dependencies"])
DEV: Final = named(PROJECT["optional-dependencies"]["dev"])
BUILD: Final = named(PROJECT["optional-dependencies"]["build"])


def imported(folder: str) -> set[str]:
    """The packages that a folder's modules import, lazily or not, but for Python's own and ours."""
    found: set[str] = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Import(names=names):
                    found |= {alias.name.partition(".")[0] for alias in names}
                case ast.ImportFrom(module=str(module), level=0):
                    found.add(module.partition(".")[0])
                case _:
                    pass
    return found - PYTHONS - {*OURS, "tests", "benchmarks"}


@pytest.mark.parametrize(
    ("folder", "declared"),
    [(folder, RUNTIME) for folder in OURS] + [(folder, RUNTIME | DEV) for folder in ("tests", "benchmarks")],
)
def test_what_is_imported_is_declared(folder: str, declared: set[str]) -> None:
    providers = packages_distributions()
    undeclared = {
        package for package in imported(folder) if not declared & set(map(plain, providers.get(package, ())))
    }
    assert undeclared == set()


@pytest.mark.parametrize(
    ("lock", "declared"), [(LOCKS[0], RUNTIME | BUILD), (LOCKS[1], RUNTIME | BUILD | DEV)]
)
def test_what_is_declared_is_locked(lock: str, declared: set[str]) -> None:
    locked = re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE)
    assert declared <= set(map(plain, locked))


def test_the_locks_name_no_index() -> None:
    assert not [lock for lock in LOCKS if re.search(r"://|index-url|find-links", (ROOT / lock).read_text())]


def test_the_readme_says_what_each_is_for() -> None:
    _, _, section = (ROOT / "README.md").read_text().partition("\n## Dependencies")
    words = set(map(plain, re.findall(r"[\w.-]*\w", section.partition("\n## ")[0])))
    assert (RUNTIME | DEV | BUILD) - words == set()
