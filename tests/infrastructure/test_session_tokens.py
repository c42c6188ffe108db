"""Refresh tokens under any order of use, at any moment, also at once: one model says what each use must answer."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infrastructure.identity import accounts, sessions
from infrastructure.identity.session_tokens import Granted, Reused, SessionTokens

KEY: Final = "a key of more than thirty-two bytes, for tests"
GRACE: Final = timedelta(seconds=10)
LONG_AGO: Final = timedelta(seconds=11)
Connection = psycopg.AsyncConnection[Any]


def tokens_of(**changed: timedelta) -> SessionTokens:
    times = {"idle": timedelta(days=30), "longest": timedelta(days=90), "grace": GRACE}
    return SessionTokens(KEY, **(times | changed))


async def connect(database_url: str) -> Connection:
    return await psycopg.AsyncConnection.connect(database_url, autocommit=True)


async def account_of(connection: Connection) -> accounts.Account:
    account = accounts.Account(
        account_id=uuid4(), email=f"{uuid4().hex}@example.com", name="Cy", password_hash="a hash"
    )
    await accounts.register(connection, account, None)
    return account


async def opened(connection: Connection, tokens: SessionTokens) -> Granted:
    granted = await tokens.open(connection, await account_of(connection), "a browser")
    assert granted is not None
    return granted


async def used(connection: Connection, tokens: SessionTokens, refresh_token: str) -> Granted | Reused | None:
    async with connection.transaction():
        return await tokens.refresh(connection, refresh_token)


async def passes(connection: Connection, session_id: UUID, time: timedelta) -> None:
    """Let time pass for a session, by putting all that happened to it further back."""
    await connection.execute(
        "update refresh_token set issued_at = issued_at - %(t)s, spent_at = spent_at - %(t)s, expires_at = expires_at - %(t)s"
        " where session_id = %(id)s",
        {"t": time, "id": session_id},
    )
    await connection.execute(
        "update session set created_at = created_at - %(t)s, expires_at = expires_at - %(t)s where session_id = %(id)s",
        {"t": time, "id": session_id},
    )


class Family(RuleBasedStateMachine):
    """One session. The model: its tokens in order, which are spent, when the last was spent, whether it has ended."""

    database_url = ""
    loop: asyncio.AbstractEventLoop

    @initialize()
    def opens(self) -> None:
        self.connections = [self.run(connect(self.database_url)) for _ in range(3)]
        self.tokens = tokens_of()
        granted = self.run(opened(self.connections[0], self.tokens))
        self.session_id, self.account_id = granted.session_id, granted.account_id
        self.chain = [granted.refresh_token]
        self.in_grace = False
        self.ended = False

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def use(self, place: int, at_once: int) -> list[Granted | Reused | None]:
        async def together() -> list[Granted | Reused | None]:
            token = self.chain[place]
            return await asyncio.gather(
                *(used(self.connections[i], self.tokens, token) for i in range(at_once))
            )

        answers: list[Granted | Reused | None] = self.run(together())
        return answers

    @rule(at_once=st.integers(1, 3))
    def uses_the_good_token(self, at_once: int) -> None:
        answers = self.use(len(self.chain) - 1, at_once)
        if self.ended:
            assert answers == [None] * at_once
            return
        (successor,) = {answer.refresh_token for answer in answers if isinstance(answer, Granted)}
        assert all(isinstance(answer, Granted) for answer in answers)
        assert successor not in self.chain
        self.chain.append(successor)
        self.in_grace = True

    @precondition(lambda self: len(self.chain) > 1)
    @rule(at_once=st.integers(1, 3))
    def repeats_the_last_refresh(self, at_once: int) -> None:
        answers = self.use(len(self.chain) - 2, at_once)
        if self.ended:
            assert answers == [None] * at_once
        elif self.in_grace:
            assert {answer.refresh_token for answer in answers if isinstance(answer, Granted)} == {
                self.chain[-1]
            }
        else:
            self.misused(answers)

    @precondition(lambda self: len(self.chain) > 2)
    @rule(data=st.data(), at_once=st.integers(1, 3))
    def uses_an_older_token(self, data: st.DataObject, at_once: int) -> None:
        answers = self.use(data.draw(st.integers(0, len(self.chain) - 3)), at_once)
        if self.ended:
            assert answers == [None] * at_once
        else:
            self.misused(answers)

    def misused(self, answers: list[Granted | Reused | None]) -> None:
        assert sorted(map(str, answers)) == sorted(
            map(str, [Reused(self.account_id)] + [None] * (len(answers) - 1))
        )
        self.ended = True

    @rule()
    def time_passes(self) -> None:
        self.run(passes(self.connections[0], self.session_id, LONG_AGO))
        self.in_grace = False

    @rule()
    def is_ended_by_its_owner(self) -> None:
        self.run(sessions.end_session(self.connections[0], self.account_id, self.session_id, "logout"))
        self.ended = True

    @invariant()
    def exactly_one_token_is_unspent_and_no_token_is_stored(self) -> None:
        if not hasattr(self, "chain"):
            return

        async def stored() -> tuple[list[Any], list[Any]]:
            rows = await self.connections[0].execute(
                "select spent_at is null, t::text from refresh_token t where session_id = %s",
                (self.session_id,),
            )
            ended = await self.connections[0].execute(
                "select ended_at is not null, (select count(*) from revocation where subject_id = session_id) "
                "from session where session_id = %s",
                (self.session_id,),
            )
            return await rows.fetchall(), await ended.fetchall()

        rows, ended = self.run(stored())
        assert sorted(unspent for unspent, _ in rows) == [False] * (len(self.chain) - 1) + [True]
        assert not any(token in row for token in self.chain for _, row in rows)
        assert ended == [(self.ended, int(self.ended))]

    def teardown(self) -> None:
        for connection in getattr(self, "connections", ()):
            self.run(connection.close())


def test_a_family_of_refresh_tokens(database_url: str) -> None:
    with asyncio.Runner() as runner:
        Family.loop, Family.database_url = runner.get_loop(), database_url
        case: Any = Family.TestCase
        case.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
        case().runTest()


@pytest.mark.parametrize(("later", "answered"), [(timedelta(seconds=8), True), (LONG_AGO, False)])
async def test_a_lost_answer_is_given_again_for_ten_seconds(
    database_url: str, later: timedelta, answered: bool
) -> None:
    async with await connect(database_url) as connection:
        granted = await opened(connection, tokens_of())
        first = await used(connection, tokens_of(), granted.refresh_token)
        await passes(connection, granted.session_id, later)
        again = await used(connection, tokens_of(), granted.refresh_token)
        assert isinstance(first, Granted)
        assert isinstance(again, Granted if answered else Reused)


async def test_a_token_of_another_key_has_another_successor(database_url: str) -> None:
    """Nobody without the secret key tells the next token from the last, whatever they read in the database."""
    async with await connect(database_url) as connection:
        tokens, other = tokens_of(), SessionTokens(KEY + "!", idle=GRACE, longest=GRACE)
        granted = await opened(connection, tokens)
        first = await used(connection, tokens, granted.refresh_token)
        second = await used(connection, other, granted.refresh_token)
        assert isinstance(first, Granted)
        assert isinstance(second, Reused)


@pytest.mark.parametrize(("rests", "answered"), [(timedelta(days=29), True), (timedelta(days=31), False)])
async def test_a_session_that_is_not_used_for_a_month_is_over(
    database_url: str, rests: timedelta, answered: bool
) -> None:
    async with await connect(database_url) as connection:
        granted = await opened(connection, tokens_of())
        await passes(connection, granted.session_id, rests)
        assert isinstance(await used(connection, tokens_of(), granted.refresh_token), Granted) is answered
        (listed,) = await sessions.of_account(connection, granted.account_id, 10)
        assert listed.ended_reason == (None if answered else "expired")


async def test_a_session_lasts_three_months_at_most_however_it_is_used(database_url: str) -> None:
    async with await connect(database_url) as connection:
        granted = await opened(connection, tokens_of())
        answer: Granted | Reused | None = granted
        for _ in range(4):
            assert isinstance(answer, Granted)
            await passes(connection, granted.session_id, timedelta(days=22))
            answer = await used(connection, tokens_of(), answer.refresh_token)
        assert isinstance(answer, Granted)
        await passes(connection, granted.session_id, timedelta(days=3))
        assert await used(connection, tokens_of(), answer.refresh_token) is None


async def test_the_oldest_sessions_end_beyond_a_hundred(database_url: str) -> None:
    async with await connect(database_url) as connection:
        account, tokens = await account_of(connection), tokens_of()
        granted = [await tokens.open(connection, account, "") for _ in range(102)]
        listed = await sessions.of_account(connection, account.account_id, 200)
        assert [one.ended_reason for one in listed] == [None] * 100 + ["too_many_sessions"] * 2
        oldest = granted[0]
        assert oldest is not None
        assert listed[-1].session_id == oldest.session_id
