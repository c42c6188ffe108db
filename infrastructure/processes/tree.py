"""A tree of programs: started together, restarted when they crash, stopped in order."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from infrastructure.processes.child import spawn, stop
from infrastructure.processes.stop_signals import StopSignals

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_LONG_LIFE: Final = 60.0


class Program(msgspec.Struct, frozen=True):
    """One child of the tree: its name in messages, its command, and the seconds it may take to drain.

    One that runs `once` is not started again when it ends.
    """

    name: str
    command: tuple[str, ...]
    patience: float = 15.0
    once: bool = False


class _Child:
    """A program with its process, if it has one now; without one it is due again at `again_at`."""

    def __init__(self, program: Program, environ: Mapping[str, str] | None) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.again_at = 0.0
        self._environ = environ
        self._delay = _FIRST_DELAY
        self._since = 0.0

    def start(self) -> None:
        self.process = spawn(self.program.command, environ=self._environ)
        self._since = time.monotonic()

    def ended(self) -> int | None:
        """The status of a process that has ended."""
        return self.process.poll() if self.process is not None else None

    def plan_restart(self) -> float:
        """Clear away what is left of the process; the seconds until the program is due again."""
        if self.process is not None:
            stop(self.process)
            self.process = None
        now = time.monotonic()
        delay = _FIRST_DELAY if now - self._since > _LONG_LIFE else self._delay
        self._delay = min(delay * 2, _LONGEST_DELAY)
        self.again_at = now + delay
        return delay


class ProcessTree:
    """Programs that run until a stop is asked for; stopped one after the other in the given order, or all `at_once`."""

    def __init__(
        self,
        programs: Sequence[Program],
        signals: StopSignals,
        report: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
        *,
        at_once: bool = False,
    ) -> None:
        self._environ = environ
        self._at_once = at_once
        self._children = [_Child(program, environ) for program in programs]
        self._signals = signals
        self._report = report

    def start(self) -> None:
        """Start every program. Raises `OSError` when one cannot start."""
        for child in self._children:
            child.start()

    def add(self, program: Program) -> None:
        """Start one more, which will be stopped before all others."""
        child = _Child(program, self._environ)
        self._children.insert(0, child)
        child.start()

    def crashed(self) -> dict[str, int]:
        """The programs that have ended although nobody asked them to, with their exit status."""
        ended = {child.program.name: child.ended() for child in self._children}
        return {name: status for name, status in ended.items() if status is not None}

    def supervise(self, also: Callable[[], object] = lambda: None) -> None:
        """Restart what crashes, sooner the first time and later each further time, until a stop is asked for.

        `also` is called at each wake-up (a signal, a child's end), for what else must be kept alive.
        """
        while not self._signals.count:
            also()
            self._signals.wait(self._revive())

    def stop(self) -> bool:
        """Stop every program; True when all ended by themselves. A second signal kills at once."""
        self._signals.stopping = True
        patient_until = max(1, self._signals.count)
        began = time.monotonic()
        if self._at_once:
            for child in self._children:
                if child.process is not None and child.process.poll() is None:
                    child.process.terminate()
        ended = True
        for child in self._children:
            if child.process is not None:
                waited = time.monotonic() - began if self._at_once else 0.0
                ended &= stop(
                    child.process,
                    politely=None if self._at_once else signal.SIGTERM,
                    patience=child.program.patience - waited,
                    hurry=lambda: self._signals.count > patient_until,
                )
                child.process = None
        return ended

    def _revive(self) -> float | None:
        """Restart what is due; the seconds until the next restart, if one is waiting."""
        for child in list(self._children):
            status = child.ended()
            if status is not None and child.program.once:
                self._children.remove(child)
            elif status is not None:
                delay = child.plan_restart()
                self._report(f"{child.program.name} ended with status {status}; again in {delay:g} s")
            elif child.process is None and child.again_at <= time.monotonic():
                try:
                    child.start()
                except OSError as error:
                    delay = child.plan_restart()
                    self._report(
                        f"{child.program.name} cannot start ({error.strerror}); again in {delay:g} s"
                    )
        waiting = [child.again_at for child in self._children if child.process is None]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None
