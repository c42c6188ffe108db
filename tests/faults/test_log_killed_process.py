"""A process that is killed under load, or whose server is, loses no event that it acknowledged."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from infrastructure.database.migrate import migrate
from infrastructure.servers.embedded import embedded
from tests.infrastructure.logs import all_logs

_ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def writer(database_url: str) -> Generator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-m", "tests.faults.acknowledging_writer", database_url]
    with subprocess.Popen(arguments, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def acknowledged(process: subprocess.Popen[str], count: int) -> set[tuple[str, int, int]]:
    """So many lines of a writer, or all that it has left to say."""
    assert process.stdout is not None
    lines: set[tuple[str, int, int]] = set()
    for line in process.stdout:
        stream, version, position = line.split()
        lines.add((stream, int(version), int(position)))
        if len(lines) == count:
            break
    return lines


@pytest.mark.parametrize("count", [1, 300, 2000])
def test_a_killed_process_loses_no_acknowledged_event(database_url: str, count: int) -> None:
    with writer(database_url) as process:
        told = acknowledged(process, count)
        assert len(told) == count
        os.kill(process.pid, signal.SIGKILL)
        told |= acknowledged(process, -1)
    stored = {(str(row.stream_id), row.version, row.position) for row in all_logs(database_url)}
    assert told <= stored
    with psycopg.connect(database_url) as connection:
        query = "select count(*) from event group by stream_id, version having count(*) > 1"
        assert connection.execute(query).fetchall() == []


def test_a_killed_server_loses_no_acknowledged_event() -> None:
    home = Path(tempfile.mkdtemp(prefix="hirelog-test-"))
    home.chmod(0o711)
    try:
        with embedded(home, valkey=False) as servers:
            migrate(servers.database_url)
            with writer(servers.database_url) as process:
                told = acknowledged(process, 500)
                postmaster = next(home.glob("**/postmaster.pid")).read_text(encoding="utf-8").split()[0]
                os.kill(int(postmaster), signal.SIGKILL)
                os.waitid(os.P_PID, int(postmaster), os.WEXITED | os.WNOWAIT)
                process.kill()
                told |= acknowledged(process, -1)
            assert servers.revive() == ["PostgreSQL"]
            stored = {
                (str(row.stream_id), row.version, row.position) for row in all_logs(servers.database_url)
            }
            assert told <= stored
    finally:
        shutil.rmtree(home, ignore_errors=True)
