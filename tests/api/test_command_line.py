"""What every command does when its output takes nothing, or its login sees nothing: one line, exit code 1, no traceback."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from infrastructure.read_models.setup import ensure_read_models
from infrastructure.servers.embedded import Servers
from projections.menu import MENU


def hirelog(command: str, output: str, **environment: str) -> tuple[int, str]:
    """A command with its output to a place that a shell can name; its exit code, and what it said on standard error."""
    inherited = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "SECRET_KEY": "x" * 40}
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" -m api.cli {command} {output}', sys.executable],
        env=inherited | environment,
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("command", ["settings", "settings --json", "openapi", "load --help"])
@pytest.mark.parametrize(
    ("output", "reason"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_an_output_that_takes_nothing_is_one_line(
    command: str, output: str, reason: str, tmp_path: Path
) -> None:
    said = hirelog(command, output, HIRELOG_HOME=str(tmp_path))
    assert said == (1, f"hirelog: the output cannot be written: {reason}\n")


def test_a_table_on_a_full_disk_is_one_line(database_url: str, tmp_path: Path) -> None:
    ensure_read_models(database_url, MENU)
    environment = {"HIRELOG_HOME": str(tmp_path), "DATABASE_URL": database_url, "REDIS_URL": "redis://x"}
    for command in ("projections", "projections verify job_listing", "verify screening --json"):
        code, said = hirelog(command, "> /dev/full", **environment)
        assert (code, said.splitlines()[-1:]) == (
            1,
            ["hirelog: the output cannot be written: No space left on device"],
        )
        assert "Traceback" not in said


def test_a_login_that_is_not_shown_all_rows_is_refused_by_what_reads_them_all(
    database_url: str, servers: Servers, tmp_path: Path
) -> None:
    ensure_read_models(database_url, MENU)
    with psycopg.connect(database_url) as owner:
        api_url = servers.api_database(owner.info.dbname)
    environment = {"HIRELOG_HOME": str(tmp_path), "DATABASE_URL": api_url, "REDIS_URL": "redis://x"}
    for command in ("verify screening", "projections verify", "mail list", f"replay {UUID(int=1)}"):
        code, said = hirelog(command, "> /dev/null", **environment)
        assert code == 1, said
        assert said.splitlines()[-1].startswith("hirelog: this login is the API's"), said


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(tmp_path: Path) -> None:
    assert hirelog("openapi", "| head -c 1 > /dev/null", HIRELOG_HOME=str(tmp_path)) == (0, "")
