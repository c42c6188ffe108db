"""Reads one resume in a process of its own, which has little memory and time: the file may be hostile.

The file comes as standard input; lines of JSON go out, each an answer, each better than the one before, as soon as it is
known. Whoever ends this process early has the last one.
"""

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Final

import msgspec
from msgspec.structs import replace

from domain.experience import years_of_experience
from domain.skills import BUILT_IN, Vocabulary
from infrastructure.resumes.kind import PDF, PLAIN, MediaType, Reason, ResumeRefused, container

MEMORY_BYTES: Final = 768_000_000
CPU_SECONDS: Final = 5
TOO_COMPLEX: Final = "The file takes too much memory or time to open."
_MOST_TEXT: Final = 300_000
_MOST_SKILLS: Final = 200


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a file is and what its text hints at (skills, years of experience, and nothing else); or why it is refused."""

    media_type: MediaType | None = None
    text_found: bool = False
    skills: tuple[str, ...] = ()
    experience_years: int | None = None
    reason: Reason | None = None
    detail: str = ""


class _OutOfTime(BaseException):
    """The processor time is used up; no handler of a library's errors may catch this."""


def main() -> None:
    """`argv[1]`: the descriptor of a vocabulary in MessagePack, or `-` for the built-in one."""
    _limit()
    vocabulary = _vocabulary(sys.argv[1])
    for answer in answers(sys.stdin.buffer.read(), vocabulary):
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def answers(content: bytes, vocabulary: Vocabulary) -> Iterator[Answer]:
    """The answers about a file; the last one counts."""
    taken: list[str] = []
    try:
        media_type, text = _opened(content)
        yield Answer(media_type=media_type)
        with contextlib.suppress(MemoryError, RecursionError, _OutOfTime):
            _take(text, taken)
        yield from _hints(media_type, "".join(taken)[:_MOST_TEXT], vocabulary)
    except ResumeRefused as refused:
        yield Answer(reason=refused.reason, detail=refused.detail)
    except (MemoryError, RecursionError, _OutOfTime):
        yield Answer(reason="resume_too_complex", detail=TOO_COMPLEX)


def _limit() -> None:
    """The process dies of what it exceeds, except that it hears of its processor time a little before."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # macOS bounds no address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 2))
    signal.signal(signal.SIGXCPU, _out_of_time)


def _out_of_time(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise _OutOfTime


def _opened(content: bytes) -> tuple[MediaType, Iterable[str]]:
    match container(content):
        case "pdf":
            from infrastructure.resumes.pdf_text import PdfFile

            return PDF, PdfFile(content).text()
        case "zip":
            from infrastructure.resumes.office_text import OfficeFile

            office = OfficeFile(content)
            return office.media_type, office.text()
        case "text":
            from infrastructure.resumes.plain_text import decoded

            return PLAIN, [decoded(content)]


def _take(text: Iterable[str], taken: list[str]) -> None:
    length = 0
    for piece in text:
        taken.append(piece)
        length += len(piece)
        if length > _MOST_TEXT:
            return


def _hints(media_type: MediaType, text: str, vocabulary: Vocabulary) -> Iterator[Answer]:
    """The skills as soon as they are known, then the years: years that run out of time lose no skills."""
    if not any(map(str.isalpha, text)):
        yield Answer(media_type=media_type)
        return
    found = Answer(media_type=media_type, text_found=True)
    with contextlib.suppress(MemoryError, _OutOfTime):
        found = replace(found, skills=vocabulary.find(text)[:_MOST_SKILLS])
        yield found
        today = datetime.now(UTC)
        found = replace(found, experience_years=years_of_experience(text, today.year, today.month))
    yield found


def _vocabulary(descriptor: str) -> Vocabulary:
    if descriptor == "-":
        return BUILT_IN
    number = int(descriptor)
    return msgspec.msgpack.decode(os.pread(number, os.fstat(number).st_size, 0), type=Vocabulary)


if __name__ == "__main__":
    main()
