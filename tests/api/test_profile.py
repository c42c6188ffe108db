"""The own name, and another e-mail address once its letter box has answered."""

import asyncio
from typing import TextIO
from uuid import uuid4

import pytest

from infrastructure.identity.accounts import Account, register
from tests.api.account_mail import code, mails
from tests.api.people import PASSWORD, Person, System, done, refused
from tests.infrastructure.logs import waiting_transactions

pytestmark = pytest.mark.asyncio(loop_scope="session")


def address() -> str:
    return f"{uuid4().hex}@example.com"


async def wants(system: System, person: Person, email: str) -> str:
    """The code that a person is mailed to their new address."""
    done(await person.patch("/auth/me", {"email": email}))
    return await code(system, email, "email_confirmation")


async def log_in(system: System, email: str) -> int:
    return (await system.nobody.post("/auth/login", {"email": email, "password": PASSWORD})).status_code


async def test_a_name_changes_at_once(system: System) -> None:
    cy = await system.candidate()
    assert done(await cy.patch("/auth/me", {"name": "Cy Ö. Other"}))["name"] == "Cy Ö. Other"
    assert (await cy.sees("/auth/me"))["name"] == "Cy Ö. Other"
    refused(await cy.patch("/auth/me", {"name": "a\nb"}), 400)
    refused(await cy.patch("/auth/me", {"role": "admin"}), 400)
    refused(await cy.patch("/auth/me", {"company_id": str(uuid4())}), 400)


async def test_an_address_changes_when_its_code_comes_back(system: System) -> None:
    cy = await system.candidate()
    new = address()
    given = await wants(system, cy, new)
    profile = await cy.sees("/auth/me")
    assert (profile["email"], profile["pending_email"]) == (cy.email, new)
    assert await log_in(system, new) == 401

    assert done(await system.nobody.post("/auth/email/confirm", {"code": given})) == {"email": new}

    profile = await cy.sees("/auth/me")
    assert (profile["email"], profile["pending_email"]) == (new, None)
    assert (await log_in(system, new), await log_in(system, cy.email)) == (200, 401)
    assert [mail["new_email"] for mail in await mails(system, cy.email, "email_changed")] == [new]
    refused(await system.nobody.post("/auth/email/confirm", {"code": given}), 400, "invalid_code")


async def test_only_the_last_wish_counts_and_the_present_address_takes_it_back(system: System) -> None:
    cy = await system.candidate()
    first = await wants(system, cy, address())
    second = await wants(system, cy, address())
    refused(await system.nobody.post("/auth/email/confirm", {"code": first}), 400, "invalid_code")
    assert done(await cy.patch("/auth/me", {"email": cy.email}))["pending_email"] is None
    refused(await system.nobody.post("/auth/email/confirm", {"code": second}), 400, "invalid_code")
    assert (await cy.sees("/auth/me"))["email"] == cy.email


async def test_who_has_an_address_is_not_told(system: System) -> None:
    cy, bo = await system.candidate(), await system.candidate()
    taken, free = await cy.patch("/auth/me", {"email": bo.email}), address()
    unused = await cy.patch("/auth/me", {"email": free})
    assert taken.status_code == unused.status_code == 200
    assert taken.text.replace(bo.email, free) == unused.text

    given = await wants(system, cy, bo.email.upper())
    refused(await system.nobody.post("/auth/email/confirm", {"code": given}), 409, "email_taken")
    assert (await bo.sees("/auth/me"))["email"] == bo.email


async def confirmed_while_registering(
    system: System, email: str, codes: list[str], *, registered: bool
) -> list[int]:
    """What codes are answered that all come back while somebody registers with that address, which succeeds or comes to nothing."""
    account = Account(account_id=uuid4(), email=email.upper(), name="Bo", password_hash="")
    async with system.owner() as connection, system.owner() as watcher:
        async with connection.transaction(force_rollback=not registered):
            await register(connection, account, None)
            asked = asyncio.gather(
                *(system.nobody.post("/auth/email/confirm", {"code": given}) for given in codes)
            )
            while await waiting_transactions(watcher) != len(codes):  # noqa: ASYNC110 (only PostgreSQL knows)
                await asyncio.sleep(0.005)
        return [answer.status_code for answer in await asked]


async def test_of_those_who_want_one_address_one_gets_it(system: System, postgres_log: TextIO) -> None:
    people = [await system.candidate() for _ in range(5)]
    new = address()
    codes = [await wants(system, person, new) for person in people]
    answers = await confirmed_while_registering(system, new, codes, registered=False)
    assert sorted(answers) == [200] + [409] * 4
    has_it = [(await person.sees("/auth/me"))["email"] == new for person in people]
    assert has_it == [answer == 200 for answer in answers]
    # The details of a violated constraint would say the address.
    assert "account_email" not in postgres_log.read()


async def test_who_registers_first_has_the_address(system: System, postgres_log: TextIO) -> None:
    cy = await system.candidate()
    new = address()
    codes = [await wants(system, cy, new)]
    assert await confirmed_while_registering(system, new, codes, registered=True) == [409]
    assert (await cy.sees("/auth/me"))["email"] == cy.email
    assert "account_email" not in postgres_log.read()


async def test_a_token_that_was_found_does_not_take_an_account_over(system: System) -> None:
    cy = await system.candidate()
    async with system.owner() as connection:
        await connection.execute(
            "update session set created_at = created_at - interval '16 minutes' where account_id = %s",
            (cy.id,),
        )
    refused(await cy.patch("/auth/me", {"email": address()}), 403, "password_needed")
    wrong = {"email": address(), "password": "wrong"}
    refused(await cy.patch("/auth/me", wrong), 400, "wrong_password")
    assert (await cy.sees("/auth/me"))["pending_email"] is None
    right = {"email": address(), "password": PASSWORD}
    assert done(await cy.patch("/auth/me", right))["pending_email"] == right["email"]


async def test_what_another_session_began_ends_with_it(system: System) -> None:
    """Whoever got in, and asked for the account's mail to go to them, is out with the password."""
    cy = await system.candidate()
    new_password = "yet another long passphrase"
    given = await wants(system, cy, address())
    done(await cy.post("/auth/password", {"current_password": PASSWORD, "new_password": new_password}))
    refused(await system.nobody.post("/auth/email/confirm", {"code": given}), 400, "invalid_code")


async def test_a_code_for_a_password_ends_with_the_address_that_it_went_to(system: System) -> None:
    cy = await system.candidate()
    done(await system.nobody.post("/auth/password-reset", {"email": cy.email}))
    old = await code(system, cy.email, "password_reset")
    given = await wants(system, cy, address())
    refused(await system.nobody.post("/auth/email/confirm", {"code": old}), 400, "invalid_code")
    done(await system.nobody.post("/auth/email/confirm", {"code": given}))
    body = {"code": old, "password": "yet another long passphrase"}
    refused(await system.nobody.post("/auth/password-reset/confirm", body), 400, "invalid_code")


async def test_an_account_mails_five_strangers_an_hour(system: System) -> None:
    cy = await system.candidate()
    for _ in range(5):
        done(await cy.patch("/auth/me", {"email": address()}))
    refused(await cy.patch("/auth/me", {"email": address()}), 429, "too_many_codes")
