"""A database that is set to another time zone and style of dates: what is told stays the same."""

import psycopg
import pytest
from psycopg import sql

from infrastructure.servers.embedded import Servers
from tests.api.conftest import settings
from tests.api.people import running


@pytest.mark.parametrize(
    ("setting", "value"),
    [("timezone", "Asia/Kolkata"), ("datestyle", "SQL, DMY")],
)
async def test_times_are_told_in_utc_and_the_system_is_ready(
    servers: Servers, database_url: str, setting: str, value: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        change = sql.SQL("alter database {} set {} = {}")
        owner.execute(change.format(sql.Identifier(owner.info.dbname), sql.Identifier(setting), value))
    async with running(settings(database_url, servers.redis_url)) as system:
        assert (await system.nobody.sees("/health/ready"))["status"] == "ready"
        admin, candidate = await system.company(), await system.candidate()
        application = await candidate.applies(await admin.posts_job())
        await system.project()
        (listed,) = (await admin.sees("/applications"))["items"]
        assert listed["id"] == application["id"]
        events = (await admin.sees("/audit/events"))["items"]
        submitted = next(event for event in events if event["type"] == "ApplicationSubmitted")
        assert listed["applied_at"] == submitted["recorded_at"]
        assert listed["applied_at"].endswith("Z")
        (session,) = (await candidate.sees("/auth/sessions"))["items"]
        assert session["created_at"].endswith("Z")
