"""`hirelog projections` and `hirelog rebuild`, as an operator and as a script use them."""

import os
import subprocess
import sys
from urllib.parse import quote

import pytest

from infrastructure.operator_error import OperatorError
from tests.api.command_line import as_json, hirelog
from tests.domain.builders import created, published
from tests.read_models import World, new_id, new_tenant, world


def two_jobs(here: World) -> None:
    for _ in range(2):
        here.append(new_id(new_tenant()), created(), published())


def test_the_list_says_version_build_lag_and_who_is_parked(database_url: str) -> None:
    with world(database_url) as here:
        two_jobs(here)
        before = {status["name"]: status for status in as_json(database_url, "projections")}
        ill = new_id(new_tenant())
        here.append_raw(ill, "JobCreated", b"{}")
        here.project()
        shown = hirelog(database_url, "projections").stdout
        after = {status["name"]: status for status in as_json(database_url, "projections", "list")}
    assert (before["job_listing"]["version"], before["job_listing"]["events_behind"]) == (2, 4)
    assert (after["job_listing"]["events_behind"], after["job_listing"]["outdated"]) == (0, False)
    assert after["job_listing"]["parked"][0]["position"] == 1
    assert "is parked at position 1" in shown
    assert "job_dashboard" in shown


def test_a_database_that_is_away_empty_or_a_standby_is_one_line(
    database_url: str, empty_database_url: str
) -> None:
    standby = f"{database_url}&options={quote('-c default_transaction_read_only=on')}"
    for address, words, line in (
        (
            "postgresql://127.0.0.1:1/nobody",
            ["projections"],
            "hirelog: the database cannot do this now: connection failed",
        ),
        (
            empty_database_url,
            ["projections"],
            "hirelog: the database has no tables of this version: run `hirelog migrate`",
        ),
        (
            standby,
            ["rebuild", "job_listing", "--json"],
            "hirelog: the database takes no writes: is it a standby?",
        ),
    ):
        environment = {**os.environ, "DATABASE_URL": address, "REDIS_URL": "redis://127.0.0.1:1"}
        command = [sys.executable, "-m", "api.cli", *words]
        ended = subprocess.run(
            command, env={**environment, "SECRET_KEY": "x" * 40}, capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(line)
        assert ended.stderr.count("\n") == 1


def test_retry_unparks(database_url: str) -> None:
    with world(database_url) as here:
        here.append_raw(new_id(new_tenant()), "JobCreated", b"{}")
        here.project()
        answer = hirelog(database_url, "projections", "retry", "job_listing").stdout
        assert answer.startswith("1 tenants of job_listing")
        assert [len(status["parked"]) for status in as_json(database_url, "projections")] == [0, 0, 1, 0]


def test_rebuild_and_verify(database_url: str) -> None:
    with world(database_url) as here:
        two_jobs(here)
        here.project()
        rebuilt = as_json(database_url, "rebuild", "job_dashboard")
        assert (rebuilt["build"], rebuilt["events"]) == (2, 4)
        assert "job_dashboard: build 3, 4 events" in hirelog(database_url, "rebuild", "job_dashboard").stdout
        assert hirelog(database_url, "projections", "verify").exit_code == 0
        here.execute("update rm_job_dashboard__3 set hires = 7")
        result = hirelog(database_url, "projections", "verify", "job_dashboard")
        assert (result.exit_code, "job_dashboard: 4 rows differ" in result.stdout) == (1, True)


@pytest.mark.parametrize("words", [("rebuild", "nothing"), ("projections", "verify", "nothing")])
def test_an_unknown_read_model_is_named(database_url: str, words: tuple[str, ...]) -> None:
    with (
        world(database_url),
        pytest.raises(OperatorError, match="no read model 'nothing': known are job_listing"),
    ):
        hirelog(database_url, *words)
