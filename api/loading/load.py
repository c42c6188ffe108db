"""`hirelog load FILE`: a JSONL file of postings, through the HTTP API; every line is loaded or refused with a reason."""

import asyncio
import codecs
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from api.command_line.as_json import print_json
from api.loading.client import Account, Client, RefusedError, UnreachableError, for_each
from api.loading.load_report import LoadReport, shown
from api.loading.postings import JobBody, MappedPosting, RefusedPosting, map_line

INTERRUPTED = 130
_LONGEST_LINE = 1_000_000

Line = tuple[int, bytes]
Watch = Callable[[LoadReport, int], None]


def load_file(path: Path, base_url: str, *, as_json: bool, at_once: int = 8) -> int:
    """Loads `path` into the system at `base_url` and prints the report; the exit code.

    0: every line was loaded or refused with a reason; 1: the file could not be read or the system not be reached; 130: Ctrl-C.
    """
    report = LoadReport(shown(path))
    error, code = "", 0
    try:
        _load_with_progress(path, base_url, report, at_once, hidden=as_json)
    except OSError as wrong:
        error, code = f"cannot read {shown(path)}: {wrong.strerror or wrong}", 1
    except UnreachableError as wrong:
        error, code = str(wrong), 1
    except KeyboardInterrupt:
        error, code = "interrupted", INTERRUPTED
    if error and report.lines:
        error += f"; every line up to line {report.up_to_line:,} is done"
    if as_json:
        print_json(report.as_fields() | {"error": error or None})
    else:
        if report.lines:
            report.show(Console(soft_wrap=True))
        if error:
            Console(stderr=True, soft_wrap=True).print(error, style="red", markup=False, highlight=False)
    return code


def _load_with_progress(path: Path, base_url: str, report: LoadReport, at_once: int, *, hidden: bool) -> None:
    with load_progress(hidden=hidden) as progress:
        asyncio.run(_load(path, base_url, report, shown_on(progress, path), at_once))


class LoadedCompany(msgspec.Struct):
    """A company's founder and its jobs: ids, and bodies without their descriptions."""

    name: str
    founder: Account
    jobs: list[tuple[str, JobBody]]


async def load(
    path: Path, client: Client, report: LoadReport, watch: Watch, *, at_once: int
) -> list[LoadedCompany]:
    """Registers one founder for each company in `path` and posts its jobs as open.

    Fills `report` as it goes, however it ends, and calls `watch(report, bytes)` after each line.
    Raises `OSError`, `UnreachableError`.
    """
    loading = _Loading(client, report, watch)
    try:
        with path.open("rb") as file:
            await for_each(_lines(file, report), loading.load_line, at_once=at_once)
    finally:
        loading.note_result()
    return list(loading.companies.values())


async def _load(path: Path, base_url: str, report: LoadReport, watch: Watch, at_once: int) -> None:
    async with Client(base_url, at_once=at_once) as client:
        await client.check()
        await load(path, client, report, watch, at_once=at_once)


class _Loading:
    """A file of postings that is being loaded: its companies so far, and the report about it."""

    def __init__(self, client: Client, report: LoadReport, watch: Watch) -> None:
        self.companies: dict[str, LoadedCompany] = {}
        self._client = client
        self._report = report
        self._watch = watch
        self._founders = _Founders(client, secrets.token_hex(3), secrets.token_urlsafe(9))
        self._mark = _Mark()
        self._started = time.monotonic()

    async def load_line(self, line: Line) -> None:
        number, text = line
        self._mark.begin(number)
        outcome = (
            RefusedPosting("line_too_long", f"{len(text):,} bytes and more")
            if _too_long(text)
            else map_line(text)
        )
        if isinstance(outcome, MappedPosting):
            try:
                await self._post_job(outcome)
            except RefusedError as refused:
                outcome = RefusedPosting(refused.code, f"{refused.status}: {refused.detail}")
        if isinstance(outcome, RefusedPosting):
            self._report.count_refused(number, outcome)
        else:
            self._report.count_loaded(outcome)
        self._report.up_to_line = self._mark.end(number)
        self._note_progress()
        self._watch(self._report, len(text))

    async def _post_job(self, posting: MappedPosting) -> None:
        founder = await self._founders.of(posting.company)
        created = await self._client.post("/jobs", posting.body, founder)
        company = self.companies.setdefault(posting.company, LoadedCompany(posting.company, founder, []))
        company.jobs.append((str(created["id"]), replace(posting.body, description="")))

    def note_result(self) -> None:
        self._note_progress()
        if self.companies:
            largest = max(self.companies.values(), key=lambda company: len(company.jobs))
            self._report.login, self._report.password = largest.founder.email, largest.founder.password
            self._report.logins = [company.founder.email for company in self.companies.values()]

    def _note_progress(self) -> None:
        self._report.seconds = time.monotonic() - self._started
        self._report.repeated_requests = self._client.repeated
        self._report.companies = len(self.companies)


class _Mark:
    """Up to which line everything is done, while several are under way."""

    def __init__(self) -> None:
        self._under_way: set[int] = set()
        self._newest = 0

    def begin(self, number: int) -> None:
        self._under_way.add(number)
        self._newest = number

    def end(self, number: int) -> int:
        self._under_way.remove(number)
        return min(self._under_way) - 1 if self._under_way else self._newest


class _Founders:
    """One account a company, registered when its first job comes along."""

    def __init__(self, client: Client, run: str, password: str) -> None:
        self._client = client
        self._run = run
        self._password = password
        self._accounts: dict[str, asyncio.Task[Account]] = {}

    async def of(self, company: str) -> Account:
        if company not in self._accounts:
            email = f"load-{self._run}-{len(self._accounts) + 1}@example.com"
            registering = self._client.register(email, self._password, f"Loader for {company}"[:100], company)
            self._accounts[company] = asyncio.create_task(registering)
        return await asyncio.shield(self._accounts[company])


def _lines(file: BinaryIO, report: LoadReport) -> Iterator[Line]:
    """The lines that are not blank, from 1, each cut after the longest length allowed; a byte order mark before them is none."""
    number = 0
    while text := file.readline(_LONGEST_LINE + 1):
        number += 1
        rest = text
        while _too_long(text) and rest and not rest.endswith(b"\n"):
            rest = file.readline(_LONGEST_LINE)
        if number == 1:
            text = text.removeprefix(codecs.BOM_UTF8)
        if text.strip():
            yield number, text
        else:
            report.blank += 1


def _too_long(text: bytes) -> bool:
    return len(text) > _LONGEST_LINE


def shown_on(progress: Progress, path: Path) -> Watch:
    """What shows on a `load_progress` how far the load of a file has come."""
    bar = progress.add_task(path.name, total=path.stat().st_size, rate="")

    def watch(report: LoadReport, length: int) -> None:
        progress.update(bar, advance=length, rate=f"{report.loaded:,} loaded, {report.refused:,} refused")

    return watch


def load_progress(*, hidden: bool) -> Progress:
    """A bar over the bytes of a file, on standard error; its tasks have a `rate` text."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} % {task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=hidden,
    )
