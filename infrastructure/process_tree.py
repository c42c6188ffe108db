"""Child processes that never outlive us: started, restarted when they crash, stopped in order."""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import IO, Final, Self

import msgspec

_PR_SET_PDEATHSIG: Final = 1
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_LONG_LIFE: Final = 60.0


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
    politely: signal.Signals = signal.SIGTERM,
    patience: float = 15.0,
    hurry: Callable[[], bool] = lambda: False,
) -> bool:
    """Ask a child to end, wait up to `patience` seconds (less when `hurry()`), then kill its whole group.

    True when it ended by itself.
    """
    if process.poll() is None:
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


class StopSignals:
    """While entered, SIGINT and SIGTERM are counted instead of killing us, and end a `wait`.

    The second one raises `KeyboardInterrupt` unless `stopping` is set: a start that hangs can be left.
    """

    def __init__(self) -> None:
        self.count = 0
        self.stopping = False
        self._reader, self._writer = os.pipe()
        self._before: dict[
            signal.Signals, signal.Handlers | Callable[[int, FrameType | None], object] | int | None
        ] = {}

    def __enter__(self) -> Self:
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._asked)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, self._woken)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float | None) -> None:
        """Sleep until a signal comes, a child ends, or the time is over (None: for ever)."""
        if select.select([self._reader], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._reader, 4096)

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1 and not self.stopping:
            raise KeyboardInterrupt

    def _woken(self, _number: int, _frame: FrameType | None) -> None:
        pass


class Program(msgspec.Struct, frozen=True):
    """One child of the tree: its name in messages, its command, and the seconds it may take to drain."""

    name: str
    command: tuple[str, ...]
    patience: float = 15.0


class _Running:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.since = 0.0
        self.delay = _FIRST_DELAY
        self.again_at = 0.0


class ProcessTree:
    """Programs that run until a stop is asked for; stopped one after the other in the given order."""

    def __init__(
        self,
        programs: Sequence[Program],
        signals: StopSignals,
        report: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._children = [_Running(program) for program in programs]
        self._signals = signals
        self._report = report
        self._environ = environ

    def start(self) -> None:
        """Start every program. Raises `OSError` when one cannot start."""
        for child in self._children:
            self._start(child)

    def crashed(self) -> list[str]:
        """The programs that have ended although nobody asked them to."""
        return [
            c.program.name for c in self._children if c.process is not None and c.process.poll() is not None
        ]

    def supervise(self, also: Callable[[], object] = lambda: None) -> None:
        """Restart what crashes, sooner the first time and later each further time, until a stop is asked for.

        `also` is called at each wake-up (a signal, a child's end), for what else must be kept alive.
        """
        while not self._signals.count:
            also()
            self._signals.wait(self._revive())

    def stop(self) -> bool:
        """Stop each program in turn; True when all ended by themselves. A second signal kills at once."""
        self._signals.stopping = True
        enough = self._signals.count
        ended = True
        for child in self._children:
            if child.process is not None:
                ended &= stop(
                    child.process,
                    patience=child.program.patience,
                    hurry=lambda: self._signals.count > max(1, enough),
                )
                child.process = None
        return ended

    def _start(self, child: _Running) -> None:
        child.process = spawn(child.program.command, environ=self._environ)
        child.since = time.monotonic()

    def _revive(self) -> float | None:
        """Restart what is due; the seconds until the next restart, if one is waiting."""
        now = time.monotonic()
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                stop(child.process)
                child.delay = _FIRST_DELAY if now - child.since > _LONG_LIFE else child.delay
                self._report(
                    f"{child.program.name} ended with status {child.process.returncode}; again in {child.delay:g} s"
                )
                child.again_at = now + child.delay
                child.delay = min(child.delay * 2, _LONGEST_DELAY)
                child.process = None
            elif child.process is None and child.again_at <= now:
                self._start(child)
        return min((c.again_at - now for c in self._children if c.process is None), default=None)
