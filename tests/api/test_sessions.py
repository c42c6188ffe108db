"""Sessions over HTTP: refreshing, logging out, being misused, and what their owner sees of it."""

import asyncio
from uuid import uuid4

import pytest

from infrastructure.identity import accounts
from tests.api.account_mail import kinds
from tests.api.people import PASSWORD, Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW_PASSWORD = "another good password"


async def logs_in(system: System, person: Person, password: str = PASSWORD) -> Json:
    return done(await system.nobody.post("/auth/login", {"email": person.email, "password": password}))


def acting(system: System, person: Person, tokens: Json) -> Person:
    return Person(system.client, person.profile, tokens["access_token"])


async def refreshed(system: System, tokens: Json) -> Json:
    return done(await system.nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}))


async def sessions(person: Person) -> list[Json]:
    return await person.all("/auth/sessions", limit=1)


async def test_a_refresh_answers_a_new_pair_of_the_same_session(system: System) -> None:
    admin = await system.company()
    first = await logs_in(system, admin)
    answer = await system.nobody.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    second = done(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert (second["token_type"], second["expires_in"]) == ("bearer", 3600)
    assert second["refresh_token"] != first["refresh_token"]
    again = acting(system, admin, second)
    assert (await again.sees("/auth/me"))["role"] == "admin"
    (current,) = [session for session in await sessions(again) if session["current"]]
    assert current["ended_at"] is None
    assert current["last_used_at"] > current["created_at"]


async def test_the_oauth2_form_refreshes_too(system: System) -> None:
    cy = await system.candidate()
    form = {"username": cy.email, "password": PASSWORD}
    first = done(await system.client.post("/auth/token", data=form))
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = done(await system.client.post("/auth/token", data=form))
    assert (await acting(system, cy, second).get("/auth/me")).is_success
    form["refresh_token"] = "x"
    refused(await system.client.post("/auth/token", data=form), 401, "invalid_refresh_token")
    for wrong, field in (({"grant_type": "refresh_token"}, "refresh_token"), ({"username": "x"}, "password")):
        problem = refused(await system.client.post("/auth/token", data=wrong), 400, "invalid")
        assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_lost_answer_is_given_again_until_its_successor_was_used(system: System) -> None:
    cy = await system.candidate()
    tokens = await logs_in(system, cy)
    answers = await asyncio.gather(*(refreshed(system, tokens) for _ in range(5)))
    assert len({answer["refresh_token"] for answer in answers}) == 1
    third = await refreshed(system, answers[0])
    refused(
        await system.nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}),
        401,
        "invalid_refresh_token",
    )
    refused(await acting(system, cy, third).get("/auth/me"), 401)


async def test_a_token_used_twice_ends_its_session_only_and_the_owner_is_told(system: System) -> None:
    cy = await system.candidate()
    stolen, other = await logs_in(system, cy), await logs_in(system, cy)
    newer = await refreshed(system, await refreshed(system, stolen))
    refused(await system.nobody.post("/auth/refresh", {"refresh_token": stolen["refresh_token"]}), 401)
    refused(await system.nobody.post("/auth/refresh", {"refresh_token": newer["refresh_token"]}), 401)
    for tokens in (stolen, newer):
        refused(await acting(system, cy, tokens).get("/auth/me"), 401)
    reasons = [session["ended_reason"] for session in await sessions(acting(system, cy, other))]
    assert reasons == [None, "reuse_detected", None]
    assert await kinds(system, cy.email) == ["sessions_ended", "welcome"]


@pytest.mark.parametrize("refresh_token", ["", "x", "\x00", "é" * 500, "\u2028"])
async def test_what_is_no_refresh_token_is_refused(system: System, refresh_token: str) -> None:
    answer = await system.nobody.post("/auth/refresh", {"refresh_token": refresh_token})
    refused(answer, 401, "invalid_refresh_token")


async def test_an_access_token_does_not_refresh_and_a_refresh_token_gives_no_access(system: System) -> None:
    cy = await system.candidate()
    tokens = await logs_in(system, cy)
    refused(await system.nobody.post("/auth/refresh", {"refresh_token": tokens["access_token"]}), 401)
    refused(await Person(system.client, token=tokens["refresh_token"]).get("/auth/me"), 401)


@pytest.mark.parametrize("body", [None, {}, {"everywhere": False}])
async def test_logging_out_ends_this_session(system: System, body: Json | None) -> None:
    cy = await system.candidate()
    tokens = await logs_in(system, cy)
    here = acting(system, cy, tokens)
    assert (await here.post("/auth/logout", body)).status_code == 204
    refused(await here.get("/auth/me"), 401)
    refused(await system.nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}), 401)
    assert [session["ended_reason"] for session in await sessions(cy)] == ["logout", None]


async def test_logging_out_everywhere_ends_all_and_nobody_elses(system: System) -> None:
    cy, other = await system.candidate(), await system.candidate()
    tokens = await logs_in(system, cy)
    assert (await cy.post("/auth/logout", {"everywhere": True})).status_code == 204
    for person in (cy, acting(system, cy, tokens)):
        refused(await person.get("/auth/me"), 401)
    refused(await system.nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}), 401)
    assert (await other.get("/auth/me")).is_success
    later = acting(system, cy, await logs_in(system, cy))
    reasons = [session["ended_reason"] for session in await sessions(later)]
    assert reasons == [None, "logout_everywhere", "logout_everywhere"]


async def test_a_session_is_ended_from_another_by_its_owner_only(system: System) -> None:
    cy, other = await system.candidate(), await system.candidate()
    elsewhere = acting(system, cy, await logs_in(system, cy))
    (there,) = [session for session in await sessions(elsewhere) if session["current"]]
    path = f"/auth/sessions/{there['id']}"
    theirs = await other.send("DELETE", path)
    nothing = await other.send("DELETE", f"/auth/sessions/{uuid4()}")
    refused(theirs, 404, "not_found")
    assert theirs.content == nothing.content
    assert (await elsewhere.get("/auth/me")).is_success
    for _ in range(2):
        assert (await cy.send("DELETE", path)).status_code == 204
    refused(await elsewhere.get("/auth/me"), 401)
    assert [session["ended_reason"] for session in await sessions(cy)] == ["ended_by_owner", None]


async def test_a_changed_password_ends_the_other_sessions(system: System) -> None:
    cy = await system.candidate()
    elsewhere = acting(system, cy, await logs_in(system, cy))
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await cy.post("/auth/password", change)).status_code == 204
    refused(await elsewhere.get("/auth/me"), 401)
    assert (await cy.get("/auth/me")).is_success
    old = {"email": cy.email, "password": PASSWORD}
    refused(await system.nobody.post("/auth/login", old), 401, "wrong_credentials")
    await logs_in(system, cy, NEW_PASSWORD)
    assert await kinds(system, cy.email) == ["password_changed", "welcome"]


async def test_a_password_is_changed_by_who_knows_it_and_to_a_good_one(system: System) -> None:
    cy = await system.candidate()
    for change, code, field in (
        ({"current_password": "wrong", "new_password": NEW_PASSWORD}, "wrong_password", "current_password"),
        ({"current_password": PASSWORD, "new_password": "Password1!"}, "password_refused", "new_password"),
        ({"current_password": PASSWORD, "new_password": cy.email}, "password_refused", "new_password"),
        ({"current_password": PASSWORD, "new_password": "short"}, "invalid", "new_password"),
    ):
        problem = refused(await cy.post("/auth/password", change), 400, code)
        assert [error["field"] for error in problem["errors"]] == [field]
    await logs_in(system, cy)


async def test_a_password_changed_in_the_middle_of_a_login_opens_no_session(system: System) -> None:
    cy = await system.candidate()
    async with system.owner() as connection:
        read = await accounts.by_email(connection, cy.email)
        assert read is not None
        await accounts.change_password(connection, read, "another hash")
        assert await system.services.session_tokens.open(connection, read, "") is None


async def test_login_costs_one_run_of_bcrypt_whoever_is_asked_for(system: System) -> None:
    cy, passwords = await system.candidate(), system.services.passwords
    disabled = await system.candidate()
    async with system.owner() as connection:
        await connection.execute(
            "update account set disabled_at = now() where account_id = %s", (disabled.id,)
        )
    before, contents = passwords.runs, set[bytes]()
    for email, password in (
        (cy.email, "wrong"),
        (disabled.email, "wrong"),
        (disabled.email, PASSWORD),
        (f"{uuid4().hex}@example.com", PASSWORD),
    ):
        answer = await system.nobody.post("/auth/login", {"email": email, "password": password})
        refused(answer, 401, "wrong_credentials")
        contents.add(answer.content)
    assert passwords.runs - before == 4
    assert len(contents) == 1
    for email in (cy.email, f"{uuid4().hex}@example.com"):
        body = {"email": email, "password": PASSWORD, "name": "Cy"}
        done(await system.nobody.post("/auth/register", body))
    assert passwords.runs - before == 6


async def test_a_login_stores_the_password_at_the_cost_of_today(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    cy = await system.candidate()
    monkeypatch.setattr(system.services.passwords, "_cost", 5)
    for _ in range(2):
        assert (await acting(system, cy, await logs_in(system, cy)).get("/auth/me")).is_success
        async with system.owner() as connection:
            stored = await accounts.by_email(connection, cy.email)
            assert stored is not None
            assert stored.password_hash.startswith("$2b$05$")
