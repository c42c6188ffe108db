"""Signals that ask us to stop, counted."""

import contextlib
import math
import os
import select
import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self


class StopSignals:
    """While entered, SIGINT and SIGTERM are counted instead of killing us, and end a `wait`.

    The second one raises `KeyboardInterrupt` unless `stopping` is set: a start that hangs can be left. One that
    follows within `settle_seconds` is the same wish: a shell, make or a container sends it to parent and child.
    """

    def __init__(self, settle_seconds: float = 0.5) -> None:
        self._settle_seconds = settle_seconds
        self._last = -math.inf
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
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
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
        now = time.monotonic()
        if now - self._last < self._settle_seconds:
            return
        self._last = now
        self.count += 1
        if self.count > 1 and not self.stopping:
            raise KeyboardInterrupt

    def _woken(self, _number: int, _frame: FrameType | None) -> None:
        pass
