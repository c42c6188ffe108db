"""Server processes that are measured from outside: started on a free port, waited for, stopped in order."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_ROOT: Final = Path(__file__).parent.parent


def free_port() -> int:
    """A port on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def python(*arguments: str) -> list[str]:
    """This interpreter with arguments."""
    return [sys.executable, *arguments]


def uvicorn(factory: str, port: int) -> list[str]:
    """One uvicorn process on an application factory, as fast as it comes, without an access log."""
    return python(
        *("-m", "uvicorn", "--factory", factory, "--host=127.0.0.1", f"--port={port}"),
        *("--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning"),
    )


@contextmanager
def process(command: Sequence[str], environment: Mapping[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """A running process, ended with SIGTERM. Raises `RuntimeError` with its output when it has failed meanwhile."""
    with TemporaryFile() as output:
        started = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield started
            if started.poll() is not None:
                raise RuntimeError(f"{command} ended with {started.returncode}: {_tail(output)}")
        except (TimeoutError, ConnectionError) as error:
            raise RuntimeError(f"{error}; {command} said: {_tail(output)}") from error
        finally:
            started.terminate()
            try:
                started.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def wait_for(url: str, started: subprocess.Popen[bytes]) -> None:
    """Until `url` answers anything but 503. Raises `TimeoutError`, or `ConnectionError` when the process ended."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if started.poll() is not None:
            raise ConnectionError(f"the server ended with {started.returncode}")
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own address
                return
        except HTTPError as answer:
            if answer.code != HTTPStatus.SERVICE_UNAVAILABLE:
                return
        except (URLError, ConnectionError):
            pass
        time.sleep(0.05)
    raise TimeoutError(f"{url} is not ready after {_START_SECONDS:g} s")


def _tail(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read()[-2000:].decode(errors="replace")
