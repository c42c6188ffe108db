"""A new password by a mailed code: for who has the letter box, once, and nobody learns who is registered."""

import asyncio
from uuid import uuid4

import pytest

from tests.api.account_mail import code, mails
from tests.api.people import PASSWORD, Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW = "another long passphrase"


async def ask(system: System, email: str) -> None:
    answer = await system.nobody.post("/auth/password-reset", {"email": email})
    assert answer.status_code == 202
    assert "If the address has an account" in answer.text
    await system.services.password_resets.done()


async def reset_code(system: System, person: Person) -> str:
    await ask(system, person.email)
    return await code(system, person.email, "password_reset")


def confirm(given: str, password: str = NEW) -> Json:
    return {"code": given, "password": password}


async def log_in(system: System, email: str, password: str) -> int:
    return (await system.nobody.post("/auth/login", {"email": email, "password": password})).status_code


async def test_a_code_sets_a_password_and_ends_every_session(system: System) -> None:
    cy = await system.candidate()
    login = await system.nobody.post("/auth/login", {"email": cy.email, "password": PASSWORD})
    given = await reset_code(system, cy)
    assert (await system.nobody.post("/auth/password-reset/confirm", confirm(given))).status_code == 204
    refused(await cy.get("/auth/me"), 401)
    refused(await system.nobody.post("/auth/refresh", {"refresh_token": login.json()["refresh_token"]}), 401)
    assert await log_in(system, cy.email, PASSWORD) == 401
    assert await log_in(system, cy.email, NEW) == 200
    assert len(await mails(system, cy.email, "password_changed")) == 1


async def test_a_code_is_good_once_and_of_those_who_use_it_at_once_for_one(system: System) -> None:
    cy = await system.candidate()
    given = await reset_code(system, cy)
    passwords = [f"{NEW} {n}" for n in range(6)]
    answers = await asyncio.gather(
        *(system.nobody.post("/auth/password-reset/confirm", confirm(given, one)) for one in passwords)
    )
    assert sorted(answer.status_code for answer in answers) == [204] + [400] * 5
    logins = [await log_in(system, cy.email, one) for one in passwords]
    assert logins == [200 if answer.status_code == 204 else 401 for answer in answers]


async def test_used_old_expired_and_invented_codes_are_one_problem(system: System) -> None:
    cy, bo, di = [await system.candidate() for _ in range(3)]
    used, older, expired = [await reset_code(system, person) for person in (cy, bo, di)]
    done(await system.nobody.post("/auth/password-reset/confirm", confirm(used)))
    await reset_code(system, bo)
    async with system.owner() as connection:
        await connection.execute(
            "update one_use_code set expires_at = clock_timestamp() where code_hash = sha256(%s)",
            (expired.encode(),),
        )
    answers = [
        await system.nobody.post("/auth/password-reset/confirm", confirm(given))
        for given in (used, older, expired, uuid4().hex, "x", used[:-1], used + "=", "é", "\ud7ff")
    ]
    for answer in answers:
        refused(answer, 400, "invalid_code")
        assert answer.content == answers[0].content


async def test_a_refused_password_leaves_the_code_good(system: System) -> None:
    cy = await system.candidate()
    given = await reset_code(system, cy)
    for password in ("password123", cy.email, "short", "x" * 1025):
        refused(await system.nobody.post("/auth/password-reset/confirm", confirm(given, password)), 400)
    assert (await system.nobody.post("/auth/password-reset/confirm", confirm(given))).is_success


async def test_a_code_is_stored_nowhere_but_in_the_mail(system: System) -> None:
    cy = await system.candidate()
    given = await reset_code(system, cy)
    async with system.owner() as connection:
        cursor = await connection.execute("select row_to_json(one_use_code)::text from one_use_code")
        rows = [text for (text,) in await cursor.fetchall()]
    assert rows
    assert not [text for text in rows if given in text]


async def test_a_letter_box_gets_five_codes_an_hour(system: System) -> None:
    cy = await system.candidate()
    for _ in range(8):
        await ask(system, cy.email)
    assert len(await mails(system, cy.email, "password_reset")) == 5
    last = await code(system, cy.email, "password_reset")
    assert (await system.nobody.post("/auth/password-reset/confirm", confirm(last))).is_success


async def test_an_unknown_address_is_answered_alike_and_mailed_nothing(system: System) -> None:
    unknown = f"{uuid4().hex}@example.com"
    await ask(system, unknown)
    assert await mails(system, unknown, "password_reset") == []
    refused(await system.nobody.post("/auth/password-reset", {"email": "nobody"}), 400, "invalid")
