"""Tests share builders, not each other: a file of tests can be moved, split or deleted without a look at the others."""

import re
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]


def test_no_file_of_tests_is_imported() -> None:
    imports = re.compile(r"^\s*(?:from|import) tests\.(?:\w+\.)*test_\w+", re.MULTILINE)
    assert [file.name for file in TESTS.rglob("*.py") if imports.search(file.read_text())] == []
