"""A pooler before PostgreSQL that does not pass on what our sessions are set to, and may share them: nobody is answered wrongly."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from infrastructure.database import connection_pools
from infrastructure.database.connection_pools import mail_pool, projection_pool
from infrastructure.database.long_session import long_session
from infrastructure.log.connection import SettingsLost, connect, connect_sync
from infrastructure.servers.embedded import Servers
from tests.api.conftest import settings
from tests.api.people import refused, running
from tests.database_failures import cut
from tests.faults.proxy import proxy
from tests.patience import PATIENCE
from tests.programs import environment


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a connection."""
    monkeypatch.setattr(connection_pools, "_WAIT_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_the_api_answers_nothing_from_behind_it(
    servers: Servers,
    administration: psycopg.Connection,
    database_url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with proxy(database_url, tmp_path) as (pooler, behind):
        async with running(settings(behind, servers.redis_url)) as system:
            admin = await system.company()
            pooler.drops_options = True
            cut(administration, database_url)
            refused(await admin.get("/applications"), 503)
            refused(await admin.post("/jobs", {"title": "Baker"}), 503)
            assert (await system.client.get("/health/ready")).status_code == 503
        assert "a pooler in between" in caplog.text


@pytest.mark.parametrize("word", ["serve", "work", "schedule", "migrate"])
def test_no_process_starts_behind_it(servers: Servers, database_url: str, tmp_path: Path, word: str) -> None:
    with proxy(database_url, tmp_path) as (pooler, behind):
        pooler.drops_options = True
        ended = subprocess.run(
            [sys.executable, "-m", "api.cli", word],
            env={**os.environ, **environment(behind, servers.redis_url)},
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "a pooler in between" in line


async def test_no_connection_is_made_through_it(database_url: str, tmp_path: Path) -> None:
    with proxy(database_url, tmp_path) as (pooler, behind):
        pooler.drops_options = True
        with pytest.raises(SettingsLost):
            await connect(behind)
        for make in (connect_sync, long_session):
            with pytest.raises(SettingsLost):
                make(behind)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("make", [mail_pool, lambda url: projection_pool(url, 1)])
def test_no_pool_fills_through_it(
    database_url: str, tmp_path: Path, make: Callable[[str], Any], caplog: pytest.LogCaptureFixture
) -> None:
    with proxy(database_url, tmp_path) as (pooler, behind):
        pooler.drops_options = True
        with make(behind) as pool, pytest.raises(PoolTimeout):
            pool.getconn()
    assert "a pooler in between" in caplog.text
