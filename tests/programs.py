"""Processes of the system, as the command line starts them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping

from tests.patience import PATIENCE


@contextlib.contextmanager
def program(word: str, environment: Mapping[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """A process of the system; stopped in order at the end, or killed if it does not follow."""
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", word], env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def environment(database_url: str, redis_url: str, **settings: str) -> dict[str, str]:
    """The variables of a process on these servers, with settings by their variables' names."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "x" * 40,
        "HIRELOG_SWEEP_SECONDS": "0.2",
        "HIRELOG_LOG_LEVEL": "error",
        **settings,
    }
