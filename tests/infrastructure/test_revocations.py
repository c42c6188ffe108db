"""What ends a token before its time: known to a process soon, and nobody is let in on old knowledge."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs

from application.actor import Actor
from infrastructure.identity import revocations as module
from infrastructure.identity import sessions, signing_keys
from infrastructure.identity.access_tokens import InvalidToken, Tokens
from infrastructure.identity.revocations import Revocations, RevocationsUnknown
from infrastructure.identity.signing_keys import KeyRing

KEY: Final = "a key of more than thirty-two bytes, for tests"
LIFETIME: Final = timedelta(hours=1)
Connection = psycopg.AsyncConnection[Any]


class Process:
    """What an API process knows of tokens."""

    def __init__(self, keys: KeyRing, revocations: Revocations) -> None:
        self.keys = keys
        self.revocations = revocations
        self.tokens = Tokens(keys, revocations, int(LIFETIME.total_seconds()))

    def takes(self, token: str) -> bool:
        try:
            self.tokens.read(token)
        except InvalidToken:
            return False
        return True

    async def catches_up(self) -> None:
        await self.revocations.refresh()


@asynccontextmanager
async def process(database_url: str) -> AsyncGenerator[Process]:
    keys = KeyRing(KEY)
    async with Revocations(database_url, keys, LIFETIME) as revocations:
        yield Process(keys, revocations)


@asynccontextmanager
async def connected(database_url: str) -> AsyncGenerator[Connection]:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


def actor(account_id: UUID | None = None) -> Actor:
    return Actor(account_id or uuid4(), "candidate", None, uuid4())


async def now(connection: Connection) -> datetime:
    cursor = await connection.execute("select clock_timestamp()")
    row = await cursor.fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def until(happened: Callable[[], bool], connection: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        connection.execute("select pg_sleep(0.01)")


async def test_an_ended_session_is_refused_in_every_process(database_url: str) -> None:
    async with (
        process(database_url) as one,
        process(database_url) as other,
        connected(database_url) as connection,
    ):
        somebody, stranger = actor(), actor()
        token = one.tokens.issue(somebody, await now(connection))
        theirs = one.tokens.issue(stranger, await now(connection))
        assert one.tokens.read(token) == other.tokens.read(token) == somebody
        await connection.execute("insert into revocation (subject_id) values (%s)", (somebody.session_id,))
        for known in (one, other):
            await known.catches_up()
            assert not known.takes(token)
            assert known.takes(theirs)


async def test_a_revoked_account_is_taken_again_with_what_was_read_later(database_url: str) -> None:
    async with process(database_url) as known, connected(database_url) as connection:
        somebody = actor()
        before = known.tokens.issue(somebody, await now(connection))
        read_at = await now(connection)
        await sessions.revoke(connection, somebody.account_id)
        await known.catches_up()
        late = known.tokens.issue(somebody, read_at)
        after = known.tokens.issue(somebody, await now(connection))
        assert [known.takes(token) for token in (before, late, after)] == [False, False, True]


async def test_a_revocation_that_was_committed_late_is_not_missed(database_url: str) -> None:
    async with process(database_url) as known, connected(database_url) as connection:
        slow, quick = actor(), actor()
        tokens = [known.tokens.issue(one, await now(connection)) for one in (slow, quick)]
        async with connected(database_url) as other, other.transaction():
            await sessions.revoke(other, slow.account_id)
            await sessions.revoke(connection, quick.account_id)
            await known.catches_up()
            assert [known.takes(token) for token in tokens] == [True, False]
        await known.catches_up()
        assert [known.takes(token) for token in tokens] == [False, False]


async def test_nobody_is_let_in_on_old_knowledge(
    database_url: str, administration: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OLDEST_SECONDS", 0.5)
    name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    async with process(database_url) as known:
        assert not known.revocations.stale
        administration.execute(sql.SQL("alter database {} allow_connections false").format(name))
        administration.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            (conninfo_to_dict(database_url)["dbname"],),
        )
        until(lambda: known.revocations.stale, administration)
        with pytest.raises(RevocationsUnknown):
            await known.revocations.make_current()
        administration.execute(sql.SQL("alter database {} allow_connections true").format(name))
        await known.revocations.make_current()
        assert not known.revocations.stale


async def test_what_concerns_no_living_token_is_forgotten(database_url: str) -> None:
    async with connected(database_url) as connection:
        old, young = uuid4(), uuid4()
        await connection.execute(
            "insert into revocation values (%s, now() - interval '3 hours'), (%s, now() - interval '59 minutes')",
            (old, young),
        )
        async with process(database_url) as known:
            assert set(known.revocations.revoked) == {young}
        rows = await (await connection.execute("select subject_id from revocation")).fetchall()
        assert rows == [(young,)]


async def test_keys_take_turns_and_nobody_is_logged_out(database_url: str) -> None:
    async with (
        process(database_url) as one,
        process(database_url) as other,
        connected(database_url) as connection,
    ):
        old = one.tokens.issue(actor(), await now(connection))
        with psycopg.connect(database_url, autocommit=True) as operator:
            new_key = signing_keys.rotate(operator)
        for known in (one, other):
            await known.catches_up()
            assert known.keys.signing.key_id != new_key
            assert known.takes(old)
        await connection.execute("update signing_key set signs_from = signs_from - interval '10 seconds'")
        await one.catches_up()
        new = one.tokens.issue(actor(), await now(connection))
        assert one.keys.signing.key_id == new_key
        assert [known.takes(token) for known in (one, other) for token in (old, new)] == [True] * 4
        with psycopg.connect(database_url, autocommit=True) as operator:
            signing_keys.rotate(operator, at_once=True)
        await other.catches_up()
        latest = other.tokens.issue(actor(), await now(connection))
        assert [other.takes(token) for token in (old, new, latest)] == [False, False, True]


async def test_a_replaced_key_is_dropped_when_its_last_token_has_expired(database_url: str) -> None:
    async with connected(database_url) as connection:
        with psycopg.connect(database_url, autocommit=True) as operator:
            keys = [signing_keys.rotate(operator) for _ in range(2)]
        for key_id, ago in zip(keys, ("71 minutes", "69 minutes"), strict=True):
            await connection.execute(
                "update signing_key set signs_from = now() - %s::interval where key_id = %s", (ago, key_id)
            )
        await connection.execute(
            "update signing_key set signs_from = now() - interval '1 day' where key_id <> all(%s)", (keys,)
        )
        async with process(database_url):
            kept = {key.key_id for key in await signing_keys.stored_keys(connection)}
        assert kept == set(keys)


async def test_a_token_expires_also_when_it_was_read_before(database_url: str) -> None:
    async with process(database_url) as known:
        expired = datetime.now(UTC) - 2 * LIFETIME
        somebody = actor()
        token = known.tokens.issue(somebody, expired)
        known.tokens._verified[token] = (  # pyright: ignore[reportPrivateUsage]
            somebody,
            (expired + LIFETIME).timestamp(),
            expired.timestamp(),
        )
        assert not known.takes(token)


@pytest.mark.parametrize("ahead", [-90.0, 90.0])
async def test_a_clock_that_is_not_the_databases_is_said_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    async with process(database_url) as here:
        right = time.time
        with capture_logs() as logs:
            await here.catches_up()
            assert logs == []
            monkeypatch.setattr(time, "time", lambda: right() + ahead)
            await here.catches_up()
            await here.catches_up()
    (warning,) = logs
    assert "clock" in warning["event"]
    assert abs(warning["seconds_ahead"] - ahead) <= 5
