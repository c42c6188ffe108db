"""Events come into a log by a command that was decided, and in no other way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# `Work` is what `handle` carries out; the recorder is for other applications, which the library `eventsourcing` runs.
WRITERS = {"application/work.py", "infrastructure/recorders/recorder.py"}


def makes_appends(path: Path) -> bool:
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(isinstance(call.func, ast.Name) and call.func.id == "Append" for call in calls)


@pytest.mark.parametrize("room", ["application", "infrastructure", "projections", "api"])
def test_appends_are_made_where_a_command_is_carried_out(room: str) -> None:
    made = {path.relative_to(ROOT).as_posix() for path in (ROOT / room).rglob("*.py") if makes_appends(path)}
    assert made == {writer for writer in WRITERS if writer.startswith(room)}
