"""`hirelog demo`: companies, jobs, candidates and their ways through hiring, through the HTTP API of a running system."""

import asyncio
import secrets
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.command_line.as_json import print_json
from api.command_line.up import address
from api.loading.client import Account, Client, RefusedError, UnreachableError, for_each
from api.loading.demo_data import DemoCompany, DemoData, demo_data
from api.loading.demo_plan import Journey, Plan, Step, make_plan
from api.loading.demo_report import DemoReport, Showcase, show
from api.loading.load import INTERRUPTED, LoadedCompany, load, load_progress, shown_on
from api.loading.load_report import LoadReport, shown
from api.loading.postings import JobBody
from infrastructure import settings
from infrastructure.operator_error import OperatorError

_AT_ONCE = 8
_COMPANIES_OF_A_FILE = 6
_JOBS_OF_A_COMPANY = 8


class _Job(msgspec.Struct):
    id: str
    body: JobBody
    staff: Account
    filled: int = 0


def run_demo(
    base_url: str,
    *,
    seed: int = 1,
    jobs_file: Path | None = None,
    candidates: int = 96,
    progress: bool = True,
) -> DemoReport:
    """Plays the demo on the system at `base_url`, which may have played it before, and answers what was done, after Ctrl-C too.

    The same seed makes the same people, jobs and decisions; e-mail addresses and the password are new in every run.
    With a `jobs_file` (JSONL) all its postings are loaded, and the demo plays on the companies with most of them.
    Raises `UnreachableError`, `OSError` (the file), `RefusedError` (an account or a job of the demo's own).
    """
    demo = _Demo(base_url, seed, candidates, progress=progress)
    try:
        asyncio.run(demo.play(jobs_file))
    except KeyboardInterrupt:
        demo.report.interrupted = True
    return demo.report


class _Demo:
    def __init__(self, base_url: str, seed: int, candidates: int, *, progress: bool) -> None:
        self._seed = seed
        self._candidates = candidates
        self._show_progress = progress
        self._data: DemoData = demo_data()
        self._run = secrets.token_hex(3)
        self._password = secrets.token_urlsafe(9)
        self.report = DemoReport(base_url=base_url, seed=seed, run=self._run, password=self._password)
        self._longest: tuple[int, Showcase | None] = (0, None)
        self._jobs: list[_Job] = []
        self._people: dict[int, Account] = {}

    async def play(self, jobs_file: Path | None) -> None:
        """Fills `report` as it goes, however it ends."""
        started = time.monotonic()
        async with Client(self.report.base_url, at_once=_AT_ONCE) as client:
            try:
                await client.check()
                await self._play(client, jobs_file)
            finally:
                self._count(client)
                self.report.seconds = time.monotonic() - started

    async def _play(self, client: Client, jobs_file: Path | None) -> None:
        loaded = await self._load(client, jobs_file) if jobs_file else []
        with self._progress() as progress:
            jobs = self._jobs = _jobs_of(loaded) if jobs_file else await self._post_jobs(client, progress)
            plan = make_plan(
                [job.body for job in jobs], self._data, seed=self._seed, candidates=self._candidates
            )
            await self._register(client, plan, progress)
            await self._walk(client, plan, jobs, progress)
            await self._close_filled(client, jobs)
        await self._finish(client, jobs)

    def _count(self, client: Client) -> None:
        report, staff = self.report, [job.staff.email for job in self._jobs]
        report.jobs, report.companies, report.candidates = len(staff), len(set(staff)), len(self._people)
        report.staff = report.staff or next(iter(staff), "")
        report.candidate = self._people[min(self._people)].email if self._people else ""
        report.requests, report.repeated_requests = sum(client.statuses.values()), client.repeated

    async def _load(self, client: Client, jobs_file: Path) -> list[LoadedCompany]:
        self.report.load = LoadReport(shown(jobs_file))
        with load_progress(hidden=not self._show_progress) as progress:
            watch = await asyncio.to_thread(shown_on, progress, jobs_file)
            companies = await load(jobs_file, client, self.report.load, watch, at_once=_AT_ONCE)
        if not companies:
            raise UnreachableError(f"no posting of {shown(jobs_file)} could be loaded")
        return companies

    async def _post_jobs(self, client: Client, progress: Progress) -> list[_Job]:
        bar = progress.add_task(
            "companies and jobs", total=sum(len(c.postings) for c in self._data.companies)
        )

        async def found(company: DemoCompany) -> list[_Job]:
            number = self._data.companies.index(company) + 1
            name = f"{self._data.given_names[number]} {self._data.family_names[number]}"
            staff = await client.register(self._email(f"staff{number}"), self._password, name, company.name)
            jobs: list[_Job] = []
            for posting in company.postings:
                created = await client.post("/jobs", posting, staff)
                jobs.append(_Job(str(created["id"]), posting, staff))
                self._jobs.append(jobs[-1])
                progress.advance(bar)
            return jobs

        founded = await asyncio.gather(*(found(company) for company in self._data.companies))
        return [job for jobs in founded for job in jobs]

    async def _register(self, client: Client, plan: Plan, progress: Progress) -> None:
        bar = progress.add_task("candidates", total=len(plan.people))

        async def register(number: int) -> None:
            email = self._email(f"candidate{number + 1}")
            self._people[number] = await client.register(email, self._password, plan.people[number].name)
            progress.advance(bar)

        await for_each(range(len(plan.people)), register, at_once=_AT_ONCE)

    async def _walk(self, client: Client, plan: Plan, jobs: Sequence[_Job], progress: Progress) -> None:
        bar = progress.add_task("views to hires", total=sum(len(journey.steps) for journey in plan.journeys))

        async def walk(journey: Journey) -> None:
            job, candidate, application = jobs[journey.job], self._people[journey.candidate], ""
            for done, step in enumerate(journey.steps):
                try:
                    answer = await self._step(client, step, job, candidate, application)
                except RefusedError as refused:
                    self.report.refused[refused.code] = self.report.refused.get(refused.code, 0) + 1
                    progress.advance(bar, len(journey.steps) - done)
                    break
                application = answer or application
                self.report.count(step)
                job.filled += step.body.get("stage") == "hired"
                progress.advance(bar)
            if application and len(journey.steps) > self._longest[0]:
                self._longest = (len(journey.steps), Showcase(job.staff.email, application, candidate.email))

        await for_each(plan.journeys, walk, at_once=_AT_ONCE)

    async def _step(self, client: Client, step: Step, job: _Job, candidate: Account, application: str) -> str:
        """Carries out one step; the id of the application that it made, or nothing."""
        if step.call == "view":
            await client.post(f"/jobs/{job.id}/view", None, candidate)
            return ""
        if step.call == "apply":
            answer = await client.post(f"/jobs/{job.id}/apply", step.body, candidate)
        elif step.call == "stage":
            answer = await client.patch(f"/applications/{application}/stage", step.body, job.staff)
        else:
            by = candidate if step.call == "withdraw" else job.staff
            answer = await client.post(f"/applications/{application}/{step.call}", step.body or None, by)
        return str(answer["id"]) if step.call == "apply" else ""

    async def _close_filled(self, client: Client, jobs: Sequence[_Job]) -> None:
        for job in jobs:
            if job.filled >= job.body.openings:
                await client.post(f"/jobs/{job.id}/close", None, job.staff)
                self.report.closed += 1

    async def _finish(self, client: Client, jobs: Sequence[_Job]) -> None:
        """Counts what the logs hold now and asks one company's dashboard, once it has seen everything."""
        self.report.showcase = self._longest[1]
        staff = {job.staff.email: job.staff for job in jobs}
        heads = {
            email: (await client.get("/audit/events?limit=1", account))["head"]
            for email, account in staff.items()
        }
        self.report.events = sum(heads.values())
        largest = Counter(job.staff.email for job in jobs).most_common(1)[0][0]
        shown = staff[self._longest[1].staff if self._longest[1] else largest]
        self.report.staff = shown.email
        try:
            dashboard = await client.get(f"/dashboard/jobs?min_position={heads[shown.email]}", shown)
        except RefusedError as refused:
            self.report.refused[refused.code] = 1
        else:
            self.report.dashboard = msgspec.convert(dashboard["items"], list[dict[str, object]])

    def _email(self, who: str) -> str:
        return f"demo-{self._run}-{who}@example.com"

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not self._show_progress,
        )


def _jobs_of(loaded: Sequence[LoadedCompany]) -> list[_Job]:
    """Some jobs of the companies with most of them: enough candidates for each to make a chart worth looking at."""
    largest = sorted(loaded, key=lambda company: -len(company.jobs))[:_COMPANIES_OF_A_FILE]
    return [
        _Job(id_, body, company.founder)
        for company in largest
        for id_, body in company.jobs[:_JOBS_OF_A_COMPANY]
    ]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", help="The system; by default the one that `make run` starts.")
@click.option(
    "--seed", default=1, show_default=True, help="The same seed makes the same people and decisions."
)
@click.option("--candidates", default=96, show_default=True, type=click.IntRange(1, 5000))
@click.option(
    "--jobs", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Real postings, as JSONL."
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON, and no progress.")
def main(*, url: str | None, seed: int, candidates: int, jobs: Path | None, as_json: bool) -> None:
    """Fill a running system with an invented hiring season, through its HTTP API."""
    try:
        base_url = url or address(settings.load())
        report = run_demo(base_url, seed=seed, jobs_file=jobs, candidates=candidates, progress=not as_json)
    except (OperatorError, RefusedError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json(report)
    else:
        show(report, Console(soft_wrap=True))
    if report.interrupted:
        click.echo("interrupted: what was done until then stays", err=True)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
