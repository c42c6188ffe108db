"""Reading resumes: what is taken of each kind of file, and what becomes of hostile ones."""

import asyncio
import contextlib
import os
import tempfile
import time
from typing import IO

import psutil
import pytest

from domain.skills import BUILT_IN, Skill
from infrastructure.resumes.kind import DOCX, ODT, PDF, PLAIN, MediaType, ResumeRefused
from infrastructure.resumes.reader import ResumeReader, ResumesBusy
from infrastructure.resumes.worker import CPU_SECONDS, MEMORY_BYTES, Answer, answers
from tests import resume_files
from tests.resume_files import SKILLS, TEXT


def opened(content: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(content)
    file.flush()
    return file


def read(content: bytes) -> Answer:
    """The last answer, in this process."""
    return list(answers(content, BUILT_IN))[-1]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (resume_files.pdf(), PDF),
        (b"\n\n" + resume_files.pdf(), PDF),
        (b"From: a scanner\n\n" + resume_files.pdf(), PDF),
        (b"I write files that begin with %PDF-1.7.\n" + TEXT.encode(), PLAIN),
        (resume_files.docx(), DOCX),
        (resume_files.odt(), ODT),
        (TEXT.encode(), PLAIN),
        (TEXT.encode("utf-16"), PLAIN),
        (TEXT.encode("utf-16-le"), PLAIN),
        (TEXT.replace("Cleo", "Cl\u00e9o").encode("cp1252"), PLAIN),
    ],
    ids=[
        "pdf",
        "pdf after blank lines",
        "pdf after a header",
        "text about PDF",
        "docx",
        "odt",
        "utf-8",
        "utf-16",
        "utf-16 unmarked",
        "cp1252",
    ],
)
def test_every_kind_tells_its_skills_and_years(content: bytes, media_type: MediaType) -> None:
    assert read(content) == Answer(media_type, text_found=True, skills=tuple(SKILLS), experience_years=7)


def test_a_docx_is_read_where_people_write_and_not_where_it_is_hidden_or_deleted() -> None:
    body = (
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Python</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        "<w:p><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>Terraform</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>"
        "<w:p><w:ins><w:r><w:t>Kubernetes</w:t></w:r></w:ins><w:del><w:r><w:delText>COBOL</w:delText></w:r></w:del></w:p>"
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Haskell</w:t></w:r></w:p>"
        '<w:p><w:r><w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:t>Fortran</w:t></w:r></w:p>'
    )
    assert read(resume_files.docx(body=body)).skills == ("kubernetes", "python", "terraform")


@pytest.mark.asyncio
async def test_an_imported_vocabulary_reaches_the_reader() -> None:
    vocabulary = BUILT_IN.extended([Skill("Quantum Baking", ("q-baking",))])
    async with ResumeReader() as reader:
        with opened(b"Skills: Q-Baking, Python") as file:
            assert (await reader.read(file, vocabulary, "cleo")).skills == ("python", "quantum baking")


@pytest.mark.asyncio
async def test_uploads_on_both_sides_of_an_import_keep_their_vocabularies() -> None:
    before = BUILT_IN.extended([Skill("Quantum Baking", ("q-baking",))])
    after = BUILT_IN.extended([Skill("Quantum Frying", ("q-frying",))])
    files = [opened(b"Skills: Q-Baking, Q-Frying") for _ in range(4)]
    async with ResumeReader() as reader:
        vocabularies = [before, after] * 2
        reads = map(reader.read, files, vocabularies, range(4))
        skills = [answer.skills for answer in await asyncio.gather(*reads)]
    for file in files:
        file.close()
    assert skills == [("quantum baking",), ("quantum frying",)] * 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "resume_empty"),
        (b" \r\n\t", "resume_empty"),
        (resume_files.locked_pdf(), "resume_encrypted"),
        (b"%PDF-1.7\nnothing more", "resume_corrupt"),
        (b"\xef\xbb\xbf\r\n%PDF-1.7\nnothing more", "resume_corrupt"),
        (resume_files.pdf()[:300], "resume_corrupt"),
        (resume_files.looping_pdf(), "resume_corrupt"),
        (resume_files.docx()[:-40], "resume_corrupt"),
        (resume_files.docx(document=b"<w:document>"), "resume_corrupt"),
        (resume_files.laughing_docx(), "resume_corrupt"),
        (resume_files.deep_docx(), "resume_corrupt"),
        (resume_files.bomb_docx(), "resume_too_complex"),
        (resume_files.docx(macros=True), "resume_macros"),
        (resume_files.archive({"a.txt": b"a"}), "unsupported_media_type"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "unsupported_media_type"),
        (b"{\\rtf1 Python}", "unsupported_media_type"),
        (b"  <!DOCTYPE html><p>Python", "unsupported_media_type"),
        (b"MZ\x90\x00" + os.urandom(500), "unsupported_media_type"),
    ],
)
def test_what_is_no_resume_is_refused_with_its_reason(content: bytes, expected: str) -> None:
    answer = read(content)
    assert answer.media_type is None
    assert answer.reason == expected
    assert answer.detail


def test_a_scan_is_taken_without_text() -> None:
    assert read(resume_files.scan_pdf()) == Answer(PDF)


def test_the_skills_are_told_before_the_years_are_sought() -> None:
    told = [(answer.skills, answer.experience_years) for answer in answers(TEXT.encode(), BUILT_IN)]
    assert told == [((), None), (tuple(SKILLS), None), (tuple(SKILLS), 7)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "hostile",
    [
        "experience" + " " * 20_000 + "x",
        " " * 20_000 + "of experience" + " " * 20_000,
        "react" + " " * 100_000 + "! x",
    ],
    ids=["experience of", "of experience", "inside a name"],
)
async def test_blanks_do_not_take_the_time_for_skills_and_years(hostile: str) -> None:
    async with ResumeReader(seconds=60) as reader:
        with opened(f"{TEXT}{hostile}".encode()) as file:
            answer = await reader.read(file, BUILT_IN, "cleo")
    assert set(SKILLS) <= set(answer.skills)
    assert answer.experience_years == 7


def test_of_a_thousand_pages_the_first_are_read() -> None:
    assert read(resume_files.pdf(pages=1000)).skills == tuple(SKILLS)


@pytest.mark.asyncio
async def test_what_takes_forever_ends_with_its_time_and_others_go_on_meanwhile() -> None:
    async with ResumeReader(seconds=4) as reader:
        with opened(resume_files.endless_pdf()) as file:
            started, beats = time.monotonic(), 0
            reading = asyncio.create_task(reader.read(file, BUILT_IN, "cleo"))
            while not reading.done():
                await asyncio.sleep(0.01)
                beats += 1
            assert await reading == Answer(PDF)
        assert time.monotonic() - started < 12
        assert beats > 50
        with opened(TEXT.encode()) as file:
            assert (await reader.read(file, BUILT_IN, "cleo")).text_found


@pytest.mark.asyncio
async def test_who_would_wait_behind_too_many_is_sent_away() -> None:
    async with ResumeReader(at_once=1, waiting=1) as reader:
        with opened(TEXT.encode()) as file:
            reading = [reader.read(file, BUILT_IN, owner) for owner in range(3)]
            first, second, third = await asyncio.gather(*reading, return_exceptions=True)
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert isinstance(third, ResumesBusy)


@pytest.mark.asyncio
async def test_who_sends_many_that_take_long_keeps_nobody_waiting() -> None:
    async with ResumeReader(seconds=60) as reader:
        with opened(resume_files.endless_pdf()) as endless, opened(TEXT.encode()) as file:
            hog = [asyncio.create_task(reader.read(endless, BUILT_IN, "hog")) for _ in range(4)]
            await asyncio.sleep(0)
            assert (await reader.read(file, BUILT_IN, "cleo")).text_found
            assert [reading.done() for reading in hog] == [False, False, False, True]
            with pytest.raises(ResumesBusy):
                await hog[3]
            for reading in hog:
                reading.cancel()
            await asyncio.wait(hog)
            assert (await reader.read(file, BUILT_IN, "hog")).text_found


@pytest.mark.asyncio
async def test_the_child_inherits_no_secret_and_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    async with ResumeReader(seconds=1) as reader:
        with opened(resume_files.endless_pdf()) as file:
            reading = asyncio.create_task(reader.read(file, BUILT_IN, "cleo"))
            child = await limited_child()
            assert child.environ() == {"LC_ALL": "C.UTF-8"}
            assert child.rlimit(psutil.RLIMIT_AS) == (MEMORY_BYTES, MEMORY_BYTES)
            assert child.rlimit(psutil.RLIMIT_CPU)[0] == CPU_SECONDS
            assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
            with contextlib.suppress(ResumeRefused):
                await reading
        assert not child.is_running()


async def limited_child() -> psutil.Process:
    """The reading child of this process, once it has limited itself."""
    while True:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if "infrastructure.resumes.worker" in child.cmdline() and child.rlimit(
                    psutil.RLIMIT_FSIZE
                ) == (0, 0):
                    return child
        await asyncio.sleep(0.01)
