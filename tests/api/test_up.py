"""`hirelog up`: one command that starts everything, says what is wrong in one line, and leaves nothing behind."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import psycopg
import pytest

_STAND_IN = """
import sys
from api import cli
from api.command_line import up
from infrastructure.processes.tree import Program

API = '''
import http.server, os, signal, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
    def log_message(self, *_):
        pass
assert os.environ["DATABASE_URL"] and os.environ["REDIS_URL"] and len(os.environ["SECRET_KEY"]) >= 32
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
http.server.HTTPServer(("127.0.0.1", int(os.environ["HIRELOG_PORT"])), Ready).serve_forever()
'''
BROKEN = "raise SystemExit(7)"
ANNOUNCED = "import os, sys\\nprint('worker', os.getpid(), file=sys.stderr, flush=True)\\n"
WAITING = "import signal, sys\\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit())\\nsignal.pause()"

KIND = sys.argv.pop()

def program(name, code):
    return Program(name, (sys.executable, "-c", code))

up.programs = lambda: (
    program("api", API),
    program("worker", {"broken": BROKEN, "announced": ANNOUNCED + WAITING}.get(KIND, WAITING)),
    program("scheduler", WAITING),
)
cli.main()
"""


class System:
    """`hirelog up` in a process of its own, with the real servers and small programs in place of ours."""

    def __init__(self, home: Path, port: int, kind: str = "waiting", **environ: str) -> None:
        clean = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL", "SECRET_KEY"}}
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-c", _STAND_IN, "up", kind],
            env={**clean, "HIRELOG_HOME": str(home), "HIRELOG_PORT": str(port), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "Hirelog is ready\n", self.process.communicate()

    def ends(self) -> list[int]:
        """A descriptor for each process of the tree, readable when it has ended."""
        processes = psutil.Process(self.process.pid).children(recursive=True)
        return [os.pidfd_open(process.pid) for process in processes]

    def stops(self) -> tuple[int, str]:
        """The exit code and the errors, once it has ended."""
        _, errors = self.process.communicate()
        return self.process.returncode, errors


def all_ended(ends: list[int]) -> bool:
    ended = [bool(select.select([end], [], [], 30)[0]) for end in ends]
    for end in ends:
        os.close(end)
    return len(ended) >= 5 and all(ended)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def systems() -> Iterator[list[System]]:
    started: list[System] = []
    yield started
    for system in started:
        system.process.kill()
        system.process.communicate()


def test_it_starts_stops_in_order_and_starts_again(home: Path, port: int, systems: list[System]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        systems.append(System(home, port))
        systems[-1].ready()
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/health/ready")
        assert connection.getresponse().status == 200
        connection.close()
        ends = systems[-1].ends()
        systems[-1].process.send_signal(number)
        assert systems[-1].stops() == (0, "")
        assert all_ended(ends)
    assert list((home / "run").iterdir()) == []


def test_killed_it_takes_everything_with_it_and_starts_again(
    home: Path, port: int, systems: list[System]
) -> None:
    systems.append(System(home, port))
    systems[0].ready()
    ends = systems[0].ends()
    systems[0].process.kill()
    systems.append(System(home, port))
    systems[1].ready()
    assert all_ended(ends)
    systems[1].process.terminate()
    assert systems[1].stops() == (0, "")


def test_it_goes_on_when_nobody_reads_what_it_says(home: Path, port: int, systems: list[System]) -> None:
    systems.append(System(home, port, "announced"))
    systems[0].ready()
    process = systems[0].process
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    workers = set[str]()
    for _ in range(3):
        line = process.stderr.readline()
        assert line.startswith("worker ")
        os.kill(int(line.split()[1]), signal.SIGKILL)
        workers.add(line)
    assert len(workers) == 3
    process.terminate()
    assert process.wait() == 0


def test_a_second_one_on_the_same_home_is_refused(home: Path, port: int, systems: list[System]) -> None:
    systems.append(System(home, port))
    systems[0].ready()
    systems.append(System(home, port + 1))
    assert systems[1].stops() == (1, f"hirelog: {home} is in use: `hirelog up` runs there already\n")


def test_a_port_in_use_is_one_line(home: Path, port: int, systems: list[System]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        systems.append(System(home, port))
        line = f"hirelog: port {port} of 127.0.0.1 is in use: stop what listens there, or set HIRELOG_PORT\n"
        assert systems[0].stops() == (1, line)


def test_a_host_that_is_not_ours_is_one_line(home: Path, port: int, systems: list[System]) -> None:
    systems.append(System(home, port, HIRELOG_HOST="no such host"))
    line = "hirelog: HIRELOG_HOST 'no such host' is no address of this machine\n"
    assert systems[0].stops() == (1, line)


def test_a_database_that_does_not_answer_is_one_line(home: Path, port: int, systems: list[System]) -> None:
    systems.append(System(home, port, DATABASE_URL=f"postgresql://x@127.0.0.1:{port}/x", SECRET_KEY="k" * 32))
    status, errors = systems[0].stops()
    assert status == 1
    assert errors.startswith("hirelog: cannot migrate the database: ")
    assert errors.count("\n") == 1


def test_a_database_of_a_newer_version_is_one_line(
    home: Path, port: int, systems: list[System], database_url: str, redis_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update schema_migration set version_num = '9999'")
    systems.append(System(home, port, DATABASE_URL=database_url, REDIS_URL=redis_url, SECRET_KEY="k" * 32))
    line = "hirelog: the database is of a newer version of Hirelog: run that one, or give this one another database\n"
    assert systems[0].stops() == (1, line)


def test_a_program_that_cannot_start_is_one_line(home: Path, port: int, systems: list[System]) -> None:
    systems.append(System(home, port, "broken"))
    line = "hirelog: the worker ended with status 7 before the system was ready: see above\n"
    assert systems[0].stops() == (1, line)


def test_a_folder_that_cannot_be_made_is_one_line(home: Path, port: int, systems: list[System]) -> None:
    home.write_text("")
    systems.append(System(home, port))
    status, errors = systems[0].stops()
    assert (status, errors.count("\n")) == (1, 1)


def test_configured_servers_are_used_and_nothing_embedded_starts(
    home: Path, port: int, systems: list[System], database_url: str, redis_url: str
) -> None:
    systems.append(System(home, port, DATABASE_URL=database_url, REDIS_URL=redis_url, SECRET_KEY="k" * 32))
    systems[0].ready()
    assert len(psutil.Process(systems[0].process.pid).children()) == 3
    assert not home.exists()
    systems[0].process.terminate()
    assert systems[0].stops() == (0, "")
