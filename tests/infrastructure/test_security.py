"""Passwords and tokens as they are stored and read."""

import asyncio
import time
from uuid import uuid4

import pytest

from application.actor import Actor
from domain.identifiers import tenant_id
from infrastructure.security import InvalidToken, Passwords, Tokens

KEY = "a key of more than thirty-two bytes, for tests"


async def test_a_password_is_stored_as_a_salted_hash_that_only_it_matches() -> None:
    passwords = Passwords(KEY, cost=4)
    first, second = await passwords.hash("correct horse"), await passwords.hash("correct horse")
    assert first.startswith("$2b$04$")
    assert first != second
    for stored in (first, second):
        assert await passwords.matches("correct horse", stored)
        assert not await passwords.matches("correct horsf", stored)
    passwords.close()


async def test_a_stored_hash_is_worth_nothing_without_the_key() -> None:
    stored = await Passwords(KEY, cost=4).hash("correct horse")
    assert not await Passwords(KEY + "!", cost=4).matches("correct horse", stored)


async def test_a_login_to_no_account_takes_as_long_and_fails() -> None:
    passwords = Passwords(KEY, cost=8)
    stored = await passwords.hash("correct horse")

    async def seconds(password_hash: str | None) -> float:
        started = time.perf_counter()
        assert not await passwords.matches("wrong", password_hash)
        return time.perf_counter() - started

    known = min([await seconds(stored) for _ in range(5)])
    unknown = min([await seconds(None) for _ in range(5)])
    assert known / 3 < unknown < known * 3


async def test_hashing_leaves_the_event_loop_free() -> None:
    passwords = Passwords(KEY, cost=10)
    hashing = asyncio.create_task(passwords.hash("correct horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        Tokens("x" * 31, 60)


def test_a_token_says_who_and_for_how_long() -> None:
    tokens = Tokens(KEY, 60)
    company = tenant_id(uuid4())
    for actor in (Actor(uuid4(), "admin", company), Actor(uuid4(), "candidate")):
        assert tokens.read(tokens.issue(actor)) == actor


def test_a_token_that_was_read_before_expires_like_any() -> None:
    tokens = Tokens(KEY, -3600)
    actor = Actor(uuid4(), "candidate")
    token = tokens.issue(actor)
    tokens._verified[token] = (actor, int(time.time()) - 3600)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(InvalidToken):
        tokens.read(token)
