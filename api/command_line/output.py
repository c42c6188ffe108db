"""Standard output that says when it takes nothing more: a full disk, or none at all, is one line and no traceback."""

import io
import os
import sys
from typing import TYPE_CHECKING

from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputLost(OperatorError, OSError):
    """What a command said could not be written. An `OSError` too, so that a pipe that nobody reads ends a command quietly."""

    def __str__(self) -> str:
        return f"the output cannot be written: {self.strerror}"


def use_output() -> None:
    """Make `sys.stdout` one that raises `OutputLost`, and that can write every name, whatever letters a terminal has."""
    old = sys.stdout
    if not isinstance(old, io.TextIOWrapper | None):
        return  # a test's own
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(_nowhere() if old is None else old.fileno(), "w", closefd=False)),
        encoding="utf-8" if old is None else old.encoding,
        errors="backslashreplace",
        line_buffering=old is not None and old.line_buffering,
        write_through=old is not None and old.write_through,
    )


def drop_output() -> None:
    """Forget what could not be written: Python tries again at its end, and would say so there."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Output(io.FileIO):
    def write(self, b: "ReadableBuffer", /) -> int:
        try:
            return super().write(b)
        except OSError as error:
            raise OutputLost(error.errno, error.strerror) from error


def _nowhere() -> int:
    """What nothing can be written to, in the place of an output that was closed."""
    return os.open(os.devnull, os.O_RDONLY)
