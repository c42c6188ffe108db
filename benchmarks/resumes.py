"""How well real resumes are read: `TEST_DATA=FOLDER python -m benchmarks.resumes [--skills FILE]`.

The folder holds `resumes/` and `odd_files/`, each with an `index.jsonl` that says what a file should give: `expected_skills`
and `expected_years` (None: not said), or `expect` (`reject...`, `accept...`, or free). Without it this is skipped, and says so.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from domain.skills import BUILT_IN, Vocabulary
from infrastructure.resumes.kind import ResumeRefused
from infrastructure.resumes.reader import ResumeReader
from infrastructure.resumes.worker import Answer
from infrastructure.screening.vocabulary import as_skill

VARIABLE: Final = "TEST_DATA"


class Entry(msgspec.Struct, frozen=True):
    """One line of an index."""

    file: str
    format: str = ""
    expected_skills: list[str] | None = None
    expected_years: int | None = None
    kind: str = ""
    expect: str = ""


class Read(msgspec.Struct, frozen=True):
    """What became of a file: an answer, or the reason of a refusal; `seconds` with the start of the process."""

    entry: Entry
    answer: Answer | None
    refused: str
    seconds: float

    @property
    def outcome(self) -> str:
        if self.answer is None:
            return self.refused
        return "text read" if self.answer.text_found else "taken, no text found"


async def read_folder(folder: Path, vocabulary: Vocabulary) -> list[Read]:
    """Every file of an index, one after the other, as the API reads them."""
    found: list[Read] = []
    entries = [msgspec.json.decode(line, type=Entry) for line in (folder / "index.jsonl").open("rb")]
    async with ResumeReader() as reader:
        for entry in entries:
            with (folder / entry.file).open("rb") as file:
                started = time.perf_counter()
                answer, refused = None, ""
                try:
                    answer = await reader.read(file, vocabulary, "benchmark")
                except ResumeRefused as error:
                    refused = error.reason
                found.append(Read(entry, answer, refused, time.perf_counter() - started))
    return found


def tell_outcomes(title: str, reads: list[Read]) -> None:
    print(f"\n{title}: {len(reads)} files")
    for outcome, count in Counter(read.outcome for read in reads).most_common():
        print(f"  {count:4} {outcome}")
    slowest = max(reads, key=lambda read: read.seconds)
    print(f"  slowest: {slowest.seconds:.1f} s, {slowest.entry.file}")


def tell_skills(reads: list[Read], vocabulary: Vocabulary) -> None:
    """Against the index, which lists some skills of a file and not all: what is found beyond it is named."""
    hits, missed, beyond = 0, Counter[str](), Counter[str]()
    judged = [read for read in reads if read.entry.expected_skills and read.answer and read.answer.text_found]
    for read in judged:
        expected = {vocabulary.canonical(name) for name in read.entry.expected_skills or ()}
        found = set(read.answer.skills if read.answer else ())
        hits += len(expected & found)
        missed.update(expected - found)
        beyond.update(found - expected)
    precision = hits / max(1, hits + beyond.total())
    recall = hits / max(1, hits + missed.total())
    print(f"\nSkills in {len(judged)} files whose text was read and whose index names some:")
    print(f"  recall {recall:.3f}: {hits} found, {missed.total()} missed: {_counted(missed)}")
    print(
        f"  precision {precision:.3f} if the index named all; found beyond it: {beyond.total()}: {_counted(beyond)}"
    )


def tell_years(reads: list[Read]) -> None:
    stated = [read for read in reads if read.entry.expected_years is not None and read.answer]
    wrong = [
        read for read in stated if read.answer and read.answer.experience_years != read.entry.expected_years
    ]
    print(f"\nYears of experience: {len(stated) - len(wrong)} of {len(stated)} right")
    for read in wrong:
        said = read.answer.experience_years if read.answer else None
        print(f"  {read.entry.file}: {said}, expected {read.entry.expected_years} ({read.outcome})")


def tell_expectations(reads: list[Read]) -> int:
    """How many odd files were taken that should be refused, or the other way round."""
    against = [
        read
        for read in reads
        if (read.entry.expect.startswith("reject:") or read.entry.expect == "reject")
        == (read.answer is not None)
        and not _is_free(read.entry.expect)
    ]
    bound = sum(not _is_free(read.entry.expect) for read in reads)
    print(f"  {bound - len(against)} of the {bound} whose index says accept or reject came out so")
    for read in against:
        print(
            f"  against the index: {read.entry.file} ({read.entry.kind}): {read.outcome}, {read.entry.expect}"
        )
    return len(against)


def _is_free(expect: str) -> bool:
    return " or " in expect or not expect.startswith(("reject", "accept"))


def _counted(names: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" if count > 1 else name for name, count in names.most_common(30))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--skills", type=Path, metavar="FILE", help="a vocabulary beside the built-in one, as JSONL"
    )
    given = parser.parse_args()
    folder = Path(os.environ.get(VARIABLE, ""))
    if not os.environ.get(VARIABLE) or not (folder / "resumes" / "index.jsonl").exists():
        print(f"skipped: {VARIABLE} names no folder with resumes/index.jsonl")
        sys.exit(0)
    vocabulary = BUILT_IN
    if given.skills:
        lines = map(msgspec.json.decode, given.skills.open("rb"))
        vocabulary = BUILT_IN.extended([as_skill(line["name"], line["aliases"]) for line in lines])
    resumes = asyncio.run(read_folder(folder / "resumes", vocabulary))
    tell_outcomes("Resumes", resumes)
    tell_skills(resumes, vocabulary)
    tell_years(resumes)
    if (folder / "odd_files" / "index.jsonl").exists():
        odd = asyncio.run(read_folder(folder / "odd_files", vocabulary))
        tell_outcomes("Odd files", odd)
        tell_expectations(odd)


if __name__ == "__main__":
    main()
