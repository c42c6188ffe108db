"""Waiting for a server that was just started, and ending one of an earlier run."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.servers.process import ServerError, stop_leftovers, wait_until


def started(status: int) -> subprocess.Popen[bytes]:
    """A program that ends with `status` once its input has ended."""
    program = f"import sys; sys.stdin.read(); sys.exit({status})"
    return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)


def end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "server.log"
    log.write_text("FATAL:  of an earlier run\n", encoding="utf-8")
    return log


def test_a_program_that_ends_while_it_is_asked_has_done_its_work(log: Path) -> None:
    with started(0) as process:

        def done() -> bool:
            before = process.poll() == 0
            end(process)
            return before

        wait_until(done, process, "PostgreSQL", log, log.stat().st_size)


def test_a_server_that_ends_before_it_is_ready_says_why(log: Path) -> None:
    logged = log.stat().st_size
    with log.open("a", encoding="utf-8") as file:
        file.write("LOG:  starting\nFATAL:  the port is taken\n")
    with started(1) as process:
        end(process)
        with pytest.raises(ServerError, match=r"^PostgreSQL did not start: the port is taken$"):
            wait_until(lambda: False, process, "PostgreSQL", log, logged)


def test_a_leftover_of_another_user_is_one_line_at_once() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be two users")
    with subprocess.Popen(["sleep", "3600.25"], user=1) as process:
        os.seteuid(65534)
        try:
            with pytest.raises(
                ServerError, match=rf"^sleep of another user \(process {process.pid}\) runs here"
            ):
                stop_leftovers("sleep", ("3600.25",), signal.SIGTERM)
        finally:
            os.seteuid(0)
            process.kill()
