"""What the demo did, and what to look at now."""

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from api.loading.demo_plan import Step
from api.loading.load_report import LoadReport

_BUSIEST = 8


class Showcase(msgspec.Struct, frozen=True):
    """An application with a history worth reading: its id, and the e-mails of the staff and the candidate."""

    staff: str
    application: str
    candidate: str


class DemoReport(msgspec.Struct):
    """Counts of one run, and who can sign in; everybody has the same `password`. Of one that was `interrupted` events and figures are
    not looked up."""

    base_url: str
    seed: int
    run: str
    password: str
    staff: str = ""
    candidate: str = ""
    companies: int = 0
    jobs: int = 0
    candidates: int = 0
    views: int = 0
    applications: int = 0
    advanced: int = 0
    hired: int = 0
    rejected: int = 0
    reinstated: int = 0
    withdrawn: int = 0
    closed: int = 0
    events: int = 0
    requests: int = 0
    repeated_requests: int = 0
    seconds: float = 0.0
    refused: dict[str, int] = {}
    dashboard: list[dict[str, Any]] = []
    showcase: Showcase | None = None
    load: LoadReport | None = None
    interrupted: bool = False

    def count(self, step: Step) -> None:
        """Adds one step that was carried out."""
        match step.call:
            case "view":
                self.views += 1
            case "apply":
                self.applications += 1
            case "stage":
                self.advanced += 1
                self.hired += step.body.get("stage") == "hired"
            case "reject":
                self.rejected += 1
            case "reinstate":
                self.reinstated += 1
            case "withdraw":
                self.withdrawn += 1


def show(report: DemoReport, console: Console) -> None:
    """Prints the counts, one company's busiest jobs, and lines to copy."""
    if report.load is not None:
        report.load.show(console)
    console.print(
        f"\n[bold]{report.companies} companies, {report.jobs} jobs, {report.candidates} candidates[/]: "
        f"{report.views:,} views, {report.applications:,} applications, {report.advanced:,} steps forward, "
        f"{report.rejected:,} rejections ({report.reinstated} taken back), {report.withdrawn:,} withdrawals, "
        f"{report.hired:,} hires; {report.closed} jobs closed.",
        highlight=False,
    )
    logs = "" if report.interrupted else f"{report.events:,} events in {report.companies} logs, "
    console.print(
        f"{logs}{report.requests:,} requests "
        f"({report.repeated_requests:,} repeated), {report.seconds:.1f} s, seed {report.seed}, run {report.run}.",
        highlight=False,
    )
    if report.refused:
        reasons = ", ".join(f"{code} ({count})" for code, count in sorted(report.refused.items()))
        console.print(f"[yellow]refused on the way: {reasons}[/]", highlight=False)
    if report.dashboard:
        console.print(_busiest(report))
    console.print("\n[bold]Look at[/]", highlight=False)
    for line in _lines(report):
        console.print(line, highlight=False, markup=False)


def _busiest(report: DemoReport) -> Table:
    table = Table("views", "applications", "conversion", f"busiest jobs of {report.staff}", box=None)
    rows = sorted(report.dashboard, key=lambda row: -int(row.get("views", 0)))
    for row in rows[:_BUSIEST]:
        rate = row.get("conversion_rate")
        shown = "-" if rate is None else f"{float(rate):.1f} %"
        table.add_row(
            str(row.get("views", "")), str(row.get("applications", "")), shown, str(row.get("title", ""))
        )
    return table


def _lines(report: DemoReport) -> list[str]:
    base = report.base_url.rstrip("/")
    body = msgspec.json.encode({"email": report.staff, "password": _password(report)}).decode()
    application = report.showcase.application if report.showcase else ""
    signed = '-H "Authorization: Bearer $TOKEN"'
    lines = [
        f"  {base}/docs          every call, to try (Authorize: the e-mail and password below)",
        f"  {base}/jobs?q=python",
        *([f"  staff      {report.staff}  {_password(report)}"] if report.staff else []),
        *([f"  candidate  {report.candidate}  {report.password}"] if report.candidate else []),
    ]
    if not report.staff:
        return lines
    lines += [
        "",
        f"  TOKEN=$(curl -s {base}/auth/login -H 'Content-Type: application/json' -d '{body}' \\",
        """    | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')""",
        f"  curl -s {signed} -o chart.png {base}/dashboard/chart",
        f"  curl -s {signed} {base}/dashboard/jobs | python3 -m json.tool",
        f"  curl -s {signed} '{base}/audit/events?after=0&limit=20' | python3 -m json.tool",
    ]
    if application:
        lines += [
            f"  curl -s {signed} {base}/applications/{application}/history | python3 -m json.tool",
            f"  curl -s {signed} '{base}/applications/{application}?as_of=2' | python3 -m json.tool",
        ]
    return lines


def _password(report: DemoReport) -> str:
    return report.load.password if report.load is not None else report.password
