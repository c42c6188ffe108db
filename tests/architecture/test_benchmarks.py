"""Every benchmark can be found: `make bench` runs it, `make help` names it, and the README names no other."""

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


def run_by_all() -> set[str]:
    """The modules whose measures `python -m benchmarks` runs."""
    tree = ast.parse((ROOT / "benchmarks/__main__.py").read_text())
    return {
        node.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id != "report"
    }


def test_each_benchmark_that_the_readme_names_is_run_with_the_others() -> None:
    named = set(re.findall(r"BENCH=(\w+)", (ROOT / "README.md").read_text()))
    assert named == run_by_all()


def test_help_names_each_of_them() -> None:
    (line,) = re.findall(r"^bench:.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    _, _, names = line.partition("BENCH=")
    assert set(re.findall(r"\w+", names)) >= run_by_all()


def test_each_is_a_program_of_its_own() -> None:
    for name in run_by_all():
        assert "report.run(" in (ROOT / f"benchmarks/{name}.py").read_text()
