"""Reads one resume in a process of its own, which has little memory and time: the file may be hostile.

The file comes as standard input. Two lines of JSON go out, each as soon as it is known: what the file is (or why it is
refused), then what its text hints at. Whoever kills this process in between still has the first.
"""

import os
import resource
import signal
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Final

import msgspec

from domain.experience import years_of_experience
from domain.skills import BUILT_IN, Vocabulary
from infrastructure.resume_kind import PDF, PLAIN, MediaType, Reason, ResumeRefused, container

MEMORY_BYTES: Final = 768_000_000
CPU_SECONDS: Final = 8
_MOST_TEXT: Final = 300_000
_MOST_SKILLS: Final = 200


class Judged(msgspec.Struct, frozen=True):
    """The first line: a media type, or a reason for the refusal."""

    media_type: MediaType | None = None
    reason: Reason | None = None
    detail: str = ""


class Hints(msgspec.Struct, frozen=True):
    """The second line: what the text says of skills and years of experience, and of nothing else."""

    text_found: bool = False
    skills: tuple[str, ...] = ()
    experience_years: int | None = None


class _OutOfTime(BaseException):
    """The processor time is used up; no handler of a library's errors may catch this."""


def main() -> None:
    """`argv[1]`: the descriptor of a vocabulary in MessagePack, or `-` for the built-in one."""
    _limit()
    content = sys.stdin.buffer.read()
    try:
        media_type, text = _opened(content)
    except ResumeRefused as refused:
        _say(Judged(reason=refused.reason, detail=refused.detail))
        return
    except (MemoryError, RecursionError, _OutOfTime):
        _say(Judged(reason="resume_too_complex", detail="The file takes too much memory or time to open."))
        return
    taken: list[str] = []
    try:
        _take(text, taken)
    except ResumeRefused as refused:
        _say(Judged(reason=refused.reason, detail=refused.detail))
        return
    except (MemoryError, RecursionError, _OutOfTime):
        pass
    _say(Judged(media_type=media_type))
    _say(_hints("".join(taken)[:_MOST_TEXT], _vocabulary(sys.argv[1])))


def _limit() -> None:
    """The process dies of what it exceeds, except that it hears of its processor time a little before."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 4))
    signal.signal(signal.SIGXCPU, _out_of_time)


def _out_of_time(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise _OutOfTime


def _opened(content: bytes) -> tuple[MediaType, Iterable[str]]:
    match container(content):
        case "pdf":
            from infrastructure.pdf_text import PdfFile

            return PDF, PdfFile(content).text()
        case "zip":
            from infrastructure.office_text import OfficeFile

            office = OfficeFile(content)
            return office.media_type, office.text()
        case "text":
            from infrastructure.plain_text import decoded

            return PLAIN, [decoded(content)]


def _take(text: Iterable[str], taken: list[str]) -> None:
    length = 0
    for piece in text:
        taken.append(piece)
        length += len(piece)
        if length > _MOST_TEXT:
            return


def _hints(text: str, vocabulary: Vocabulary) -> Hints:
    try:
        if not any(map(str.isalpha, text)):
            return Hints()
        today = datetime.now(UTC)
        skills = vocabulary.find(text)[:_MOST_SKILLS]
        return Hints(True, skills, years_of_experience(text, today.year, today.month))  # noqa: FBT003
    except (MemoryError, _OutOfTime):
        return Hints(text_found=True)


def _vocabulary(descriptor: str) -> Vocabulary:
    if descriptor == "-":
        return BUILT_IN
    number = int(descriptor)
    return msgspec.msgpack.decode(os.pread(number, os.fstat(number).st_size, 0), type=Vocabulary)


def _say(line: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
