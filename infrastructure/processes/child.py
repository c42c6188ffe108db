"""Child processes that never outlive us."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Final

import msgspec

_PR_SET_PDEATHSIG: Final = 1


class Account(msgspec.Struct, frozen=True):
    """The system user a child runs as, with the command that gives it up root (empty: a plain setuid)."""

    uid: int
    gid: int
    prefix: tuple[str, ...] = ()


def spawn(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
    account: Account | None = None,
    on_our_death: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, so that a Ctrl-C reaches only us.

    On Linux it gets the signal `on_our_death` even when we are killed. `output` takes both its streams; without
    it, they are ours. Call it from a thread that lives as long as the child should. Raises `OSError` when it cannot start.
    """
    prefix = account.prefix if account else ()
    if prefix:
        prefix = (*prefix, "--pdeathsig", on_our_death.name.removeprefix("SIG"), "--")
    change = account is not None and not prefix
    return subprocess.Popen(
        [*prefix, *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        env=dict(environ) if environ is not None else None,
        start_new_session=True,
        user=account.uid if account and change else None,
        group=account.gid if account and change else None,
        extra_groups=[] if change else None,
        preexec_fn=_dying_with(os.getpid(), on_our_death) if sys.platform == "linux" else None,  # noqa: PLW1509
    )


def _dying_with(parent: int, last_signal: signal.Signals) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def in_the_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(last_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_the_child


def stop(
    process: subprocess.Popen[bytes],
    *,
    politely: signal.Signals | None = signal.SIGTERM,
    patience: float = 15.0,
    hurry: Callable[[], bool] = lambda: False,
) -> bool:
    """Ask a child to end, wait up to `patience` seconds, then kill its whole group.

    Without `politely` it was asked already. Once `hurry()` it is neither asked nor waited for. True when it ended by itself.
    """
    if politely is not None and process.poll() is None and not hurry():
        process.send_signal(politely)
    until = time.monotonic() + patience
    while process.poll() is None and time.monotonic() < until and not hurry():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    ended = process.poll() is not None
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return ended
