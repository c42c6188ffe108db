"""Reads resumes in child processes, a few at a time, with little memory and time and no secrets: a hostile one hurts nobody."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Hashable
from types import TracebackType
from typing import IO, Final, Self

import msgspec
import structlog

from domain.skills import BUILT_IN, Vocabulary
from infrastructure.processes.fair_turns import FairTurns, NoTurn
from infrastructure.resumes.kind import ResumeRefused
from infrastructure.resumes.worker import TOO_COMPLEX, Answer

_ANSWER_BYTES: Final = 64_000
_WAITING_PER_PERSON: Final = 2
_WAITING_SECONDS: Final = 10.0

_log = structlog.get_logger(__name__)


class ResumesBusy(Exception):
    """Too many resumes are being read; worth a retry (503)."""


class ResumeReader:
    """Reads resumes, `at_once` of them at the same time and one of a person, each for `seconds` at most.

    `waiting` callers may wait, in turns person by person. Use it as a context manager.
    """

    def __init__(self, *, at_once: int = 2, waiting: int = 32, seconds: float = 15.0) -> None:
        self._turns = FairTurns(
            at_once=at_once, waiting=waiting, waiting_per_key=_WAITING_PER_PERSON, seconds=_WAITING_SECONDS
        )
        self._seconds = seconds
        self._vocabulary: Vocabulary = BUILT_IN
        self._vocabulary_file: IO[bytes] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._vocabulary_file is not None:
            self._vocabulary_file.close()

    async def read(self, file: IO[bytes], vocabulary: Vocabulary, owner_id: Hashable) -> Answer:
        """What a file (an open one with a descriptor) of a person is, and what its text hints at.

        A file whose text cannot be had within the limits is `text_found=False`. Who is cancelled gives up the place, and the
        reading. Raises `ResumeRefused` and `ResumesBusy`.
        """
        try:
            async with self._turns.turn(owner_id):
                lines = await self._ask(file, vocabulary)
        except NoTurn:
            raise ResumesBusy("Too many resumes are being read; try again shortly.") from None
        answer = msgspec.json.decode(lines[-1], type=Answer) if lines else Answer(reason="resume_too_complex")
        if answer.media_type is None:
            raise ResumeRefused(answer.reason or "resume_too_complex", answer.detail or TOO_COMPLEX)
        return answer

    async def _ask(self, file: IO[bytes], vocabulary: Vocabulary) -> list[bytes]:
        """The lines that a child said before it ended, or was ended."""
        await asyncio.to_thread(file.seek, 0)
        # Nothing is awaited between this and the child's start: another caller's vocabulary would close the file.
        written = self._shared(vocabulary)
        shared = () if written is None else (written.fileno(),)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-B", "-m", "infrastructure.resumes.worker", *(map(str, shared) if shared else "-")),
            stdin=file.fileno(),
            stdout=PIPE,
            stderr=DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
            pass_fds=shared,
            start_new_session=True,
        )
        said = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                await _listen(process, said)
                code = await process.wait()
        except TimeoutError:
            code = None
        finally:
            _end(process)
            await process.wait()
        if code != 0:
            _log.warning("resume_not_read", code=code, seconds=self._seconds, lines=said.count(b"\n"))
        return bytes(said).split(b"\n")[:-1]

    def _shared(self, vocabulary: Vocabulary) -> IO[bytes] | None:
        """A vocabulary beside the built-in one reaches the children as a file that is written once."""
        if vocabulary is BUILT_IN:
            return None
        if vocabulary is not self._vocabulary or self._vocabulary_file is None:
            if self._vocabulary_file is not None:
                self._vocabulary_file.close()
            self._vocabulary_file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this reader
            self._vocabulary_file.write(msgspec.msgpack.encode(vocabulary))
            self._vocabulary_file.flush()
            self._vocabulary = vocabulary
        return self._vocabulary_file


async def _listen(process: Process, said: bytearray) -> None:
    if process.stdout is None:
        return
    while len(said) < _ANSWER_BYTES and (piece := await process.stdout.read(8192)):
        said += piece


def _end(process: Process) -> None:
    """Kill its whole session, whether it has ended or not."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
