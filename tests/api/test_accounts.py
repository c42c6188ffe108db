"""Registering, logging in, and the own profile."""

import asyncio
from uuid import uuid4

import pytest

from infrastructure.identity.administration import named
from tests.api.account_mail import kinds, mails
from tests.api.people import PASSWORD, Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


def new(**fields: object) -> Json:
    return {"email": f"{uuid4().hex}@example.com", "password": PASSWORD, "name": "Ann"} | fields


async def test_a_person_registers_as_a_candidate(system: System) -> None:
    body = new(name="Ann Ö. O'Neil")
    profile = done(await system.nobody.post("/auth/register", body))
    assert profile["role"] == "candidate"
    assert (profile["email"], profile["name"], profile["company_id"]) == (body["email"], body["name"], None)
    assert "password" not in str(profile)


async def test_a_person_who_names_a_company_founds_it_and_is_its_admin(system: System) -> None:
    founder = await system.company("Bread & Co.")
    profile = await founder.sees("/auth/me")
    assert (profile["role"], profile["company_name"]) == ("admin", "Bread & Co.")
    events = (await founder.sees("/audit/events"))["items"]
    assert [event["type"] for event in events] == ["MemberJoined"]


async def test_two_companies_of_one_name_are_two_companies(system: System) -> None:
    one, other = await system.company("Same"), await system.company("Same")
    assert one.company_id != other.company_id


async def test_registering_does_not_tell_whether_the_address_has_an_account(system: System) -> None:
    body = new(company_name="Bread & Co.")
    first = await system.nobody.post("/auth/register", body)
    again = body | {"email": body["email"].upper(), "password": "another good password"}
    second = await system.nobody.post("/auth/register", again)
    assert first.status_code == second.status_code == 201
    told, repeated = done(first), done(second)
    assert {**told, "email": "", "id": "", "company_id": ""} == {
        **repeated,
        "email": "",
        "id": "",
        "company_id": "",
    }
    assert len({told["id"], repeated["id"], told["company_id"], repeated["company_id"]}) == 4
    assert await kinds(system, body["email"]) == ["already_registered", "welcome"]
    async with system.owner() as connection:
        founded = await connection.execute(
            "select company_id::text from company where company_id = any(%s::uuid[])",
            ([told["company_id"], repeated["company_id"]],),
        )
        assert await founded.fetchall() == [(told["company_id"],)]
    login = {"email": again["email"], "password": PASSWORD}
    assert (await system.nobody.post("/auth/login", login)).is_success
    login["password"] = again["password"]
    refused(await system.nobody.post("/auth/login", login), 401, "wrong_credentials")


async def test_whoever_registers_a_known_address_again_and_again_floods_nobodys_letter_box(
    system: System,
) -> None:
    body = new()
    answers = [await system.nobody.post("/auth/register", body) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [201] * 8
    told = await mails(system, body["email"], "already_registered")
    assert [letter is not None for letter in told] == [True] * 5 + [False] * 2


async def test_an_address_registered_many_times_at_once_has_one_account(system: System) -> None:
    body = new(company_name="Acme")
    answers = await asyncio.gather(*(system.nobody.post("/auth/register", body) for _ in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert await kinds(system, body["email"]) == ["already_registered"] * 5 + ["welcome"]
    founder = await system.logged_in(body)
    assert (await founder.sees("/auth/me"))["id"] in {answer.json()["id"] for answer in answers}


@pytest.mark.parametrize(
    "fields",
    [
        {"email": "nobody"},
        {"email": "a@b"},
        {"email": "a b@example.com"},
        {"email": "a@example.com\n"},
        {"email": "a\x00@example.com"},
        {"email": "a" * 250 + "@example.com"},
        {"email": "mi\u212ae@example.com"},
        {"email": "mike@ex\uff41mple.com"},
        {"email": "sam@xn--exmple-cua.com"},
        {"email": "sam@EXÄMPLE.com"},
        {"email": "li@ex\xadample.com"},
        {"email": "<b>@example.com"},
        {"email": "\u0130gor@example.com"},
        {"email": "a@example..com"},
        {"email": "a@example.com,b@example.com"},
        {"password": "short"},
        {"password": "Passw0rd!"},
        {"password": "hirelog-26"},
        {"password": "x" * 1025},
        {"name": ""},
        {"name": " "},
        {"name": "a\nb"},
        {"company_name": ""},
        {"role": "admin"},
    ],
)
async def test_what_is_no_account_is_400(system: System, fields: Json) -> None:
    (field,) = fields
    body = refused(await system.nobody.post("/auth/register", new(**fields)), 400)
    assert [error["field"] for error in body["errors"]] == [field]


@pytest.mark.parametrize(
    "password", ["é" * 500, "x" * 1024, "a" * 72 + "right", "\x00\x01\x02\x03\x00\x00\x01\x02x"]
)
async def test_a_password_counts_to_its_last_byte(system: System, password: str) -> None:
    body = new(password=password)
    done(await system.nobody.post("/auth/register", body))
    login = {"email": body["email"], "password": password}
    assert (await system.nobody.post("/auth/login", login)).is_success
    wrong = login | {"password": password[:-1] + "!"}
    refused(await system.nobody.post("/auth/login", wrong), 401, "wrong_credentials")


async def test_an_address_has_no_other_spellings_than_capitals(system: System) -> None:
    """Else the tries at one account's password would be counted as tries at several."""
    email = f"mike.{uuid4().hex}@example.com"
    done(await system.nobody.post("/auth/register", new(email=email)))
    for other, status in ((email.upper(), 200), (email.replace("i", "\u0130", 1), 401)):
        answer = await system.nobody.post("/auth/login", {"email": other, "password": new()["password"]})
        assert answer.status_code == status, other


async def test_an_address_from_before_with_other_capitals_is_reached_as_it_was_written_and_blocks_nobody(
    system: System,
) -> None:
    end = f"gor.{uuid4().hex}@example.com"
    squatter = await system.candidate()
    async with system.owner() as connection:
        await connection.execute(
            "update account set email = %s where account_id = %s", (f"\u0130{end}", squatter.id)
        )
    real = await system.logged_in(done(await system.nobody.post("/auth/register", new(email=f"i{end}"))))
    assert real.id != squatter.id
    assert await kinds(system, f"i{end}") == ["welcome"]
    squatter.profile["email"] = f"\u0130{end.upper()}"
    assert (await system.again(squatter)).id == squatter.id
    changed = done(await squatter.patch("/auth/me", {"email": f"i\u0307{end}"}))
    assert (changed["email"], changed["pending_email"]) == (f"\u0130{end}", f"i\u0307{end}")
    async with system.owner() as connection:
        found = [await named(connection, email) for email in (f"\u0130{end}", f"I{end}")]
    assert [str(one.account_id) for one in found] == [squatter.id, real.id]


async def test_a_wrong_password_is_not_told_from_an_unknown_address(system: System) -> None:
    cy = await system.candidate()
    wrong = await system.nobody.post("/auth/login", {"email": cy.email, "password": "wrong"})
    for address in (f"{uuid4().hex}@example.com", "nobody", "\x00", "%", "' or 1=1"):
        unknown = await system.nobody.post("/auth/login", {"email": address, "password": "wrong"})
        refused(unknown, 401, "wrong_credentials")
        assert unknown.content == wrong.content


async def test_a_login_answers_a_token_that_is_not_kept_by_caches(system: System) -> None:
    cy = await system.candidate()
    answer = await system.nobody.post("/auth/login", {"email": cy.email, "password": PASSWORD})
    tokens = done(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
    assert (await Person(system.client, token=tokens["access_token"]).sees("/auth/me"))["id"] == cy.id


async def test_the_oauth2_form_answers_the_same(system: System) -> None:
    cy = await system.candidate()
    form = {"username": cy.email, "password": PASSWORD, "grant_type": "password", "scope": ""}
    answer = await system.client.post("/auth/token", data=form)
    token = done(answer)["access_token"]
    assert (await Person(system.client, token=token).sees("/auth/me"))["id"] == cy.id
    refused(
        await system.client.post("/auth/token", data=form | {"password": "wrong"}), 401, "wrong_credentials"
    )
    refused(await system.client.post("/auth/token", data=form | {"grant_type": "code"}), 400)
    refused(await system.client.post("/auth/token", data={"username": "x"}), 400)


async def test_a_role_is_the_one_of_the_login(system: System) -> None:
    admin = await system.company()
    for role in ("recruiter", "hiring_manager", "auditor", "admin"):
        member = await system.member(admin, role)
        profile = await member.sees("/auth/me")
        assert (profile["role"], profile["company_id"]) == (role, admin.company_id)
