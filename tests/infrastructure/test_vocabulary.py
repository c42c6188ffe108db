"""An operator's skills: imported by the command, taken over by a running process."""

import codecs
from pathlib import Path

import msgspec
import psycopg
import pytest
from click.testing import CliRunner
from psycopg_pool import AsyncConnectionPool

from api.command_line.skills import skills
from domain.skills import BUILT_IN
from infrastructure.database.tenant_walls import Database
from infrastructure.screening.vocabulary import CurrentVocabulary

LINES = b"""{"name": "Quantum Baking", "aliases": ["q-baking"], "category": "odd"}
{"name": "JavaScript", "aliases": ["hot js"]}
{"name": "quantum  baking"}
{"name": ""}
{"aliases": []}
[]
not JSON
{"name": "Ale craft", "aliases": ["Q-Baking", "brewing"]}
"""


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Run":
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 40)
    return Run(tmp_path)


class Run:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "skills.jsonl"

    def imports(self, lines: bytes) -> dict[str, object]:
        self._file.write_bytes(lines)
        result = CliRunner().invoke(skills, ["import", str(self._file), "--json"], catch_exceptions=False)
        assert result.exit_code == 0
        report: dict[str, object] = msgspec.json.decode(result.stdout)
        return report

    def does(self, *words: str) -> str:
        result = CliRunner().invoke(skills, words, catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout


def test_a_byte_order_mark_costs_no_line(run: Run) -> None:
    report = run.imports(codecs.BOM_UTF8 + b'{"name": "Quantum Baking"}')
    assert (report["added"], report["refused"]) == (1, 0)


def test_every_line_is_taken_or_refused_with_a_reason(run: Run) -> None:
    report = run.imports(LINES)
    assert (report["added"], report["refused"], report["total"]) == (3, 5, 3)
    refused = report["refused_lines"]
    assert isinstance(refused, list)
    assert [line["line"] for line in refused] == [3, 4, 5, 6, 7]
    assert all(line["reason"] for line in refused)
    assert report["claimed_twice"] == {"Q-Baking": "Quantum Baking"}
    assert run.does("list").splitlines() == [
        "Ale craft: brewing",
        "JavaScript: hot js",
        "Quantum Baking: q-baking",
    ]


def test_names_may_be_long_and_aliases_many(run: Run) -> None:
    longest, too_long = "\U0001d4b3" * 200, "\U0001d4b3" * 201
    many = [f"{number:0200}" for number in range(1_001)]
    taken = [{"name": longest}, {"name": "Baking", "aliases": many[:-1]}]
    refused = [{"name": too_long}, {"name": "Cooking", "aliases": many}]
    report = run.imports(b"\n".join(msgspec.json.encode(line) for line in (*taken, *refused)))
    assert report["added"] == 2
    assert isinstance(report["refused_lines"], list)
    assert [line["line"] for line in report["refused_lines"]] == [3, 4]


def test_a_second_import_changes_what_differs(run: Run) -> None:
    run.imports(LINES)
    again = run.imports(LINES)
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 3)
    changed = run.imports(b'{"name": "ALE CRAFT", "aliases": ["cervesa"]}')
    assert (changed["changed"], changed["total"]) == (1, 3)
    assert "3 skills forgotten" in run.does("clear", "--yes")
    assert run.does("list") == ""


@pytest.mark.asyncio
async def test_a_process_takes_an_import_over_and_asks_only_whether_there_is_one(
    run: Run, database_url: str
) -> None:
    async with (
        AsyncConnectionPool(database_url, min_size=1, open=False) as pool,
        CurrentVocabulary(Database(pool), reload_seconds=3600) as vocabulary,
    ):
        assert vocabulary.current() is BUILT_IN
        run.imports(LINES)
        await vocabulary.reload()
        current = vocabulary.current()
        assert current.canonical("Q-Baking") == "quantum baking"
        assert current.canonical("hot js") == "javascript"
        await vocabulary.reload()
        assert vocabulary.current() is current
        run.does("clear", "--yes")
        await vocabulary.reload()
        assert vocabulary.current() is BUILT_IN


def test_an_import_that_changes_nothing_makes_no_process_load_again(run: Run, database_url: str) -> None:
    for _ in range(2):
        run.imports(LINES)
        with psycopg.connect(database_url) as connection:
            assert connection.execute("select generation from skill_import").fetchall() == [(1,)]
