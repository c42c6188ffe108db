"""Sessions are as our statements need them, whatever the server, the database or the role is set to."""

from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.database.connection_pools import api_pool, mail_pool, projection_pool
from infrastructure.database.tenant_walls import API_ROLE, api_database_url
from infrastructure.log.connection import connect, connect_sync, session_conninfo
from infrastructure.servers.embedded import Servers
from infrastructure.settings import Settings

OURS = ("UTC", "ISO", "read committed", "on", "UTF8")
_OURS = """select current_setting('TimeZone'), split_part(current_setting('DateStyle'), ',', 1),
                  current_setting('default_transaction_isolation'), current_setting('row_security'),
                  current_setting('client_encoding')"""


@pytest.fixture
def elsewhere(administration: psycopg.Connection, database_url: str) -> str:
    """The address of a database that is set otherwise in all that our sessions need."""
    with psycopg.connect(database_url, autocommit=True) as owner:
        name = owner.info.dbname
        for setting in (
            "timezone = 'Asia/Kolkata'",
            "datestyle = 'SQL, DMY'",
            "default_transaction_isolation = 'serializable'",
            "row_security = off",
            "client_encoding = 'LATIN1'",
        ):
            owner.execute(f'alter database "{name}" set {setting}'.encode())
    return database_url


def ours(connection: psycopg.Connection[Any]) -> Any:
    return connection.execute(_OURS).fetchone()


async def test_every_connection_has_our_settings(elsewhere: str) -> None:
    with psycopg.connect(elsewhere) as plain:
        assert ours(plain) == ("Asia/Kolkata", "SQL", "serializable", "off", "LATIN1")
    with connect_sync(elsewhere) as connection:
        assert ours(connection) == OURS
    async with await connect(elsewhere) as linked:
        assert await (await linked.execute(_OURS)).fetchone() == OURS
    with projection_pool(elsewhere, 1) as pool, pool.connection() as connection:
        assert ours(connection) == OURS
    with mail_pool(elsewhere) as pool, pool.connection() as connection:
        assert ours(connection) == OURS


@pytest.mark.parametrize(("setting", "ours"), [("off", "on"), ("local", "local")])
async def test_what_is_acknowledged_is_kept_whatever_the_database_is_set_to(
    database_url: str, setting: str, ours: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(f'alter database "{owner.info.dbname}" set synchronous_commit = {setting}'.encode())
    asked = "select current_setting('synchronous_commit')"
    with connect_sync(database_url) as connection:
        assert connection.execute(asked).fetchone() == (ours,)
    async with await connect(database_url) as linked:
        assert await (await linked.execute(asked)).fetchone() == (ours,)
    async with api_pool(database_url, 1) as pool, pool.connection() as one:
        assert await (await one.execute(asked)).fetchone() == (ours,)
    with mail_pool(database_url) as mail, mail.connection() as connection:
        assert connection.execute(asked).fetchone() == (ours,)


def test_what_the_operator_has_set_besides_is_kept(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = "select current_setting('work_mem')"
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=7MB")
    with psycopg.connect(session_conninfo(elsewhere)) as connection:
        assert connection.execute(asked).fetchone() == ("7MB",)
        assert ours(connection) == OURS
    named = f"{elsewhere}&options={quote('-c work_mem=9MB -c timezone=Europe/Oslo')}"
    with psycopg.connect(session_conninfo(session_conninfo(named))) as connection:
        assert connection.execute(asked).fetchone() == ("9MB",)
        assert ours(connection) == OURS, "times are told in UTC all the same"


_GONE = """select array(select reset_val from pg_settings where name in ('tcp_keepalives_count', 'tcp_keepalives_idle',
    'tcp_keepalives_interval', 'tcp_user_timeout') order by name)"""


def test_the_server_notices_within_seconds_that_we_are_gone_unless_the_operator_says_otherwise(
    database_url: str,
) -> None:
    with connect_sync(database_url) as connection:
        assert connection.execute(_GONE).fetchone() == (["3", "15", "5", "15000"],)
    own = f"{database_url}&options={quote('-c tcp_keepalives_idle=60')}"
    with psycopg.connect(session_conninfo(own)) as connection:
        assert connection.execute(_GONE).fetchone() == (["3", "60", "5", "15000"],)


async def test_who_stops_in_the_middle_of_a_transaction_does_not_hold_its_locks_for_ever(
    database_url: str,
) -> None:
    asked = "select current_setting('idle_in_transaction_session_timeout')"
    async with (
        api_pool(database_url, 1) as pool,
        pool.connection() as one,
        await connect(database_url) as linked,
    ):
        for connection in (one, linked):
            assert await (await connection.execute(asked)).fetchone() == ("30s",)


def test_the_api_is_in_its_role_with_either_login(servers: Servers, elsewhere: str) -> None:
    own = servers.api_database(str(conninfo_to_dict(elsewhere)["dbname"]))
    for settings in (
        Settings(database_url=elsewhere),
        Settings(database_url=elsewhere, api_database_url=own),
    ):
        with psycopg.connect(session_conninfo(api_database_url(settings))) as connection:
            assert connection.execute("select current_user").fetchone() == (API_ROLE,)
            assert ours(connection) == OURS
