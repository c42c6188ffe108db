"""Demo and load against the real API on a real PostgreSQL: every event is where the report says."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from click.testing import CliRunner
from psycopg_pool import ConnectionPool

from api.app import create_app
from api.loading.demo import main as demo
from api.loading.demo import run_demo
from api.loading.demo_data import demo_data
from api.loading.demo_plan import Step
from api.loading.demo_report import DemoReport
from api.loading.load import load_file
from api.loading.load_report import LoadReport
from api.loading.postings import MappedPosting
from infrastructure.read_models.projector import Projector
from infrastructure.read_models.setup import ensure_read_models
from infrastructure.settings import Settings
from projections.menu import MENU

Get = Callable[[str, str, str], dict[str, object]]


@pytest.fixture
def system(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[str]:
    """The API on a port of its own, and the read models kept up with it."""
    ensure_read_models(database_url, MENU)
    settings = Settings(
        home=tmp_path, database_url=database_url, redis_url=redis_url, secret_key="x" * 32, bcrypt_cost=4
    )
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error", ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listening, ConnectionPool(database_url, open=True) as pool:
        projectors = [Projector(pool, model) for model in MENU]
        stopping = threading.Event()

        def keep_up() -> None:
            while not stopping.wait(0.02):
                for projector in projectors:
                    projector.drain()

        threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [listening]}),
            threading.Thread(target=keep_up),
        ]
        for thread in threads:
            thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        stopping.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def get(system: str) -> Iterator[Get]:
    """Asks the system as somebody: path, e-mail, password."""
    with httpx.Client(base_url=system) as client:

        def ask(path: str, email: str, password: str) -> dict[str, object]:
            login = client.post("/auth/login", json={"email": email, "password": password})
            answer = client.get(path, headers={"Authorization": f"Bearer {login.json()['access_token']}"})
            assert answer.status_code == 200, answer.text
            fields: dict[str, object] = answer.json()
            return fields

        yield ask


def test_the_demo_fills_a_system_and_reports_what_is_there(system: str, get: Get) -> None:
    report = run_demo(system, seed=4, candidates=12, progress=False)
    assert report.refused == {}
    assert report.repeated_requests == 0
    data = demo_data()
    assert report.companies == len(data.companies)
    assert report.jobs == sum(len(company.postings) for company in data.companies)
    assert report.candidates == 12
    # Two for each job and each application (its verdict), one more for each hire (the opening that it fills), one for each
    # company's founder.
    done = report.views + 2 * report.applications + report.advanced + report.rejected + report.reinstated
    done += report.withdrawn + report.hired + report.closed
    assert report.events == done + 2 * report.jobs + report.companies
    assert get("/dashboard/jobs", report.staff, report.password)["items"] == report.dashboard
    assert report.showcase is not None
    history = get(
        f"/applications/{report.showcase.application}/history", report.showcase.staff, report.password
    )
    assert history["items"]
    assert get("/applications", report.candidate, report.password)["items"] is not None


def test_the_demo_runs_again_on_the_same_system_with_the_same_decisions(system: str) -> None:
    first = run_demo(system, seed=4, candidates=6, progress=False)
    second = run_demo(system, seed=4, candidates=6, progress=False)
    assert first.run != second.run
    assert (first.views, first.applications, first.hired) == (second.views, second.applications, second.hired)
    assert first.events == second.events


def test_load_accounts_for_every_line(
    system: str, get: Get, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [
        {"title": f"BAKER {n}", "company": f"Breads {n % 3}", "experience_years_min": 0.5} for n in range(20)
    ]
    bad = ["{", '{"title": null}', '{"title": 3}', "[]", '{"title": "' + "x" * 1_000_001 + '"}']
    file = tmp_path / "jobs.jsonl"
    file.write_text("\n".join([*map(json.dumps, good), "", *bad]))
    assert load_file(file, system, as_json=True) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["lines"] == report["loaded"] + report["refused"] == 25
    assert (report["loaded"], report["companies"], report["blank"]) == (20, 3, 1)
    assert {reason: refusals["count"] for reason, refusals in report["refusals"].items()} == {
        "not_json": 1,
        "title_missing": 1,
        "wrong_type": 1,
        "not_an_object": 1,
        "line_too_long": 1,
    }
    assert report["changes"]["experience_rounded_up"]["count"] == 20
    signed = (report["login"], report["password"])
    head = get("/audit/events", *signed)["head"]
    mine = get(f"/jobs?mine=true&status=open&limit=200&min_position={head}", *signed)["items"]
    assert isinstance(mine, list)
    assert {job["min_experience_years"] for job in mine} == {1}


def test_the_demo_plays_on_postings_of_a_file(system: str, tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_text("\n".join(json.dumps({"title": f"Baker {n}", "company": "Breads"}) for n in range(5)))
    report = run_demo(system, jobs_file=file, candidates=5, progress=False)
    assert report.load is not None
    assert (report.load.loaded, report.jobs, report.companies) == (5, 5, 1)
    assert report.views > 0


def test_a_file_that_is_not_there_or_a_system_that_is_not_is_one_line(
    tmp_path: Path, unused_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load_file(tmp_path / "none.jsonl", "http://127.0.0.1:1", as_json=False) == 1
    assert "No such file" in capsys.readouterr().err
    file = tmp_path / "jobs.jsonl"
    file.write_text('{"title": "Baker"}\n')
    assert load_file(file, f"http://127.0.0.1:{unused_tcp_port}", as_json=False) == 1
    assert "make run" in capsys.readouterr().err
    assert load_file(file, "http://[::1", as_json=False) == 1


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so may these tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_foreground")
def test_ctrl_c_tells_what_was_done_and_who_can_sign_in(
    system: str, get: Get, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    count_loaded = LoadReport.count_loaded

    def counted(report: LoadReport, mapped: MappedPosting) -> None:
        count_loaded(report, mapped)
        if report.loaded == 5:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LoadReport, "count_loaded", counted)
    file = tmp_path / "jobs.jsonl"
    file.write_text("\n".join(json.dumps({"title": f"Baker {n}", "company": f"B{n % 2}"}) for n in range(40)))
    assert load_file(file, system, as_json=True, at_once=1) == 130
    report = json.loads(capsys.readouterr().out)
    assert (report["loaded"], report["up_to_line"]) == (5, 5)
    assert report["error"] == "interrupted; every line up to line 5 is done"
    jobs = [get("/jobs?mine=true&min_position=1", login, report["password"]) for login in report["logins"]]
    assert len(jobs) == report["companies"] == 2
    assert load_file(file, system, as_json=False, at_once=1) == 130
    said = capsys.readouterr()
    assert "sign in as one of the companies: load-" in said.out
    assert "as the others, with the same password: load-" in said.out
    assert "interrupted; every line up to line 5 is done" in said.err


@pytest.mark.usefixtures("in_the_foreground")
@pytest.mark.parametrize("on_a_file", [False, True])
def test_ctrl_c_in_the_demo_tells_what_was_done_and_who_can_sign_in(
    system: str,
    get: Get,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_a_file: bool,
) -> None:
    count = DemoReport.count

    def counted(report: DemoReport, step: Step) -> None:
        count(report, step)
        if report.views == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(DemoReport, "count", counted)
    file = tmp_path / "jobs.jsonl"
    file.write_text("\n".join(json.dumps({"title": f"Baker {n}", "company": "Breads"}) for n in range(5)))
    words = ["--url", system, "--candidates", "6", *(["--jobs", str(file)] if on_a_file else [])]

    said = CliRunner().invoke(demo, words)
    assert (said.exit_code, said.stderr.splitlines()[-1]) == (
        130,
        "interrupted: what was done until then stays",
    )
    assert "6 candidates: 3 views" in said.stdout

    again = CliRunner().invoke(demo, [*words, "--json"])
    report = json.loads(again.stdout)
    assert (again.exit_code, report["interrupted"], report["views"]) == (130, True, 3)
    assert (report["candidates"], report["jobs"] > 0) == (6, True)
    password = report["load"]["password"] if on_a_file else report["password"]
    assert get("/jobs?mine=true", report["staff"], password)["items"]
    get("/applications", report["candidate"], report["password"])


def test_a_byte_order_mark_costs_no_line(
    system: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_text('{"title": "Baker"}\n', encoding="utf-8-sig")
    assert load_file(file, system, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["loaded"] == 1


@pytest.mark.parametrize(
    "environment", [{"FORCE_COLOR": "1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}]
)
def test_a_report_for_scripts_is_plain_json_whatever_the_terminal_and_the_name(
    system: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    file = os.fsencode(tmp_path) + b"/B\xe4cker.jsonl"
    Path(os.fsdecode(file)).write_text(
        '{"title": "B\u00e4cker"}\n{"title": "B\u00e4cker", "\u00fc": 1}\n[]\n'
    )
    report = json.loads(report_of(file, "--url", system, "--json", **environment))
    assert (report["loaded"], report["refused"]) == (2, 1)
    assert report["file"].endswith("/B\ufffdcker.jsonl")
    assert b"sign in as" in report_of(file, "--url", system, **environment)


def report_of(file: bytes, *words: str, **environment: str) -> bytes:
    """What `hirelog load` writes to standard output."""
    command: list[str | bytes] = [sys.executable, "-m", "api.cli", "load", file, *words]
    ended = subprocess.run(
        command,
        env=os.environ | environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
    )
    return ended.stdout
