"""Invitations: who may join a company, once, as whom, and that nobody learns more from it than they must."""

import asyncio
from uuid import UUID, uuid4

import pytest

from infrastructure.identity.administration import disable, enable
from tests.api.account_mail import code, invited, mails
from tests.api.people import PASSWORD, Json, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCEPT = "/auth/invitations/accept"


def address() -> str:
    return f"{uuid4().hex}@example.com"


def newcomer(given: str, **fields: object) -> Json:
    return {"code": given, "name": "Nia New", "password": PASSWORD} | fields


@pytest.mark.parametrize("role", ["recruiter", "hiring_manager", "auditor", "admin"])
async def test_a_newcomer_becomes_a_member_in_the_role(system: System, role: str) -> None:
    admin = await system.company("Bread & Co.")
    email = address()
    given = await invited(system, admin, email, role)
    (mail,) = await mails(system, email, "invitation")
    assert (mail["company"], mail["role"]) == ("Bread & Co.", role.replace("_", " "))

    profile = done(await system.nobody.post(ACCEPT, newcomer(given)))

    assert (profile["email"], profile["role"], profile["company_id"]) == (email, role, admin.company_id)
    member = await system.logged_in(profile)
    assert (await member.sees("/auth/me"))["role"] == role
    assert len(await mails(system, email, "welcome")) == 1
    joined = (await admin.sees("/audit/events"))["items"][-1]
    assert (joined["type"], joined["actor_id"], joined["data"]["invited_by"]) == (
        "MemberJoined",
        member.id,
        admin.id,
    )
    assert joined["position"] == profile["position"]
    (listed,) = await admin.all("/company/invitations")
    assert (listed["status"], listed["member_id"]) == ("accepted", member.id)
    assert "code" not in listed


async def test_a_candidate_becomes_staff_and_keeps_their_applications(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await (await system.company()).posts_job())
    given = await invited(system, admin, cy.email.upper(), "recruiter")

    assert done(await cy.post(ACCEPT, {"code": given}))["role"] == "recruiter"

    refused(await cy.get("/applications"), 401)
    member = await system.again(cy)
    assert member.profile["company_id"] == admin.company_id
    refused(await member.get(f"/applications/{application['id']}"), 404)
    done(await member.send("DELETE", f"/company/members/{member.id}"))
    left = await system.again(member)
    assert (await left.sees(f"/applications/{application['id']}"))["id"] == application["id"]


async def test_a_candidate_without_a_token_gives_the_password_of_the_account(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    given = await invited(system, admin, cy.email, "auditor")
    assert refused(await system.nobody.post(ACCEPT, {"code": given}), 400)["errors"][0]["field"] == "password"
    wrong = newcomer(given, password="not the password")
    refused(await system.nobody.post(ACCEPT, wrong), 401, "wrong_credentials")
    profile = done(await system.nobody.post(ACCEPT, newcomer(given)))
    assert (profile["id"], profile["name"], profile["role"]) == (cy.id, cy.profile["name"], "auditor")


async def test_an_invitation_bears_ten_wrong_passwords(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    given = await invited(system, admin, cy.email, "auditor")
    for _ in range(10):
        wrong = newcomer(given, password="not the password")
        refused(await system.nobody.post(ACCEPT, wrong), 401, "wrong_credentials")
    refused(await system.nobody.post(ACCEPT, newcomer(given)), 400, "invalid_code")
    assert [one["status"] for one in await admin.all("/company/invitations")] == ["revoked"]


async def test_somebody_elses_invitation_is_not_accepted_with_another_account(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    given = await invited(system, admin, address(), "admin")
    refused(await cy.post(ACCEPT, {"code": given}), 409, "invited_another_address")


async def test_used_revoked_replaced_expired_and_invented_codes_are_one_problem(system: System) -> None:
    admin = await system.company()
    used, replaced, revoked, expired = [await invited(system, admin, address(), "auditor") for _ in range(4)]
    done(await system.nobody.post(ACCEPT, newcomer(used)))
    listed = await admin.all("/company/invitations")
    await invited(system, admin, listed[2]["email"], "auditor")
    path = f"/company/invitations/{listed[1]['id']}"
    assert done(await admin.send("DELETE", path))["status"] == "revoked"
    assert done(await admin.send("DELETE", path))["status"] == "revoked"
    async with system.owner() as connection:
        await connection.execute(
            "update invitation set expires_at = clock_timestamp() where invitation_id = %s",
            (listed[0]["id"],),
        )
    assert [one["status"] for one in await admin.all("/company/invitations")] == [
        "open",
        "expired",
        "revoked",
        "revoked",
        "accepted",
    ]
    open_one = await invited(system, admin, address(), "auditor")
    guesses = [open_one[:-1] + ("A" if open_one[-1] != "A" else "Q"), open_one[:22] + "A" * 32, "x", "é" * 54]
    answers = [
        await system.nobody.post(ACCEPT, newcomer(given, password="a password that is fine"))
        for given in (used, replaced, revoked, expired, *guesses, "A" * 54, uuid4().hex)
    ]
    for answer in answers:
        refused(answer, 400, "invalid_code")
        assert answer.content == answers[0].content


async def test_an_accepted_invitation_is_not_taken_back(system: System) -> None:
    admin = await system.company()
    done(await system.nobody.post(ACCEPT, newcomer(await invited(system, admin, address(), "auditor"))))
    (listed,) = await admin.all("/company/invitations")
    refused(await admin.send("DELETE", f"/company/invitations/{listed['id']}"), 409, "invitation_accepted")


async def test_a_code_accepted_many_times_at_once_makes_one_member(system: System) -> None:
    admin = await system.company()
    given = await invited(system, admin, address(), "auditor")
    answers = await asyncio.gather(*(system.nobody.post(ACCEPT, newcomer(given)) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers)[:2] == [201, 400]
    assert {answer.status_code for answer in answers} <= {201, 400, 409}
    assert len(await admin.all("/company/members")) == 2


async def test_who_belongs_to_a_company_is_refused_by_another_and_by_the_same(system: System) -> None:
    admin, other = await system.company(), await system.company()
    member = await system.member(other, "recruiter")
    given = await invited(system, admin, member.email, "recruiter")
    refused(await member.post(ACCEPT, {"code": given}), 409, "member_of_another_company")
    refused(await system.nobody.post(ACCEPT, newcomer(given)), 409, "member_of_another_company")
    own = {"email": member.email.upper(), "role": "admin"}
    refused(await other.post("/company/invitations", own), 409, "already_a_member")
    done(await member.send("DELETE", f"/company/members/{member.id}"))
    assert done(await system.nobody.post(ACCEPT, newcomer(given)))["company_id"] == admin.company_id


async def test_of_two_companies_that_are_joined_at_once_one_is(system: System) -> None:
    for _ in range(3):
        admins = [await system.company(), await system.company()]
        cy = await system.candidate()
        codes = [await invited(system, admin, cy.email, "recruiter") for admin in admins]
        answers = await asyncio.gather(
            *(system.nobody.post(ACCEPT, newcomer(given)) for given in codes for _ in range(2))
        )
        assert [answer.status_code for answer in answers].count(201) == 1
        sizes = [len(await admin.all("/company/members")) for admin in admins]
        assert sorted(sizes) == [1, 2]
        assert (await system.again(cy)).profile["company_id"] == admins[sizes.index(2)].company_id


async def test_an_invitation_ends_with_the_office_of_who_sent_it(system: System) -> None:
    admin = await system.company()
    for ending in ("removed", "demoted"):
        other = await system.member(admin, "admin")
        given = await invited(system, other, address(), "admin")
        path = f"/company/members/{other.id}"
        if ending == "removed":
            done(await admin.send("DELETE", path))
        else:
            done(await admin.patch(path, {"role": "auditor"}))
        refused(await system.nobody.post(ACCEPT, newcomer(given)), 400, "invalid_code")
    assert [one["status"] for one in await admin.all("/company/invitations")] == ["revoked", "revoked"]


async def test_a_disabled_admins_invitations_let_nobody_in(system: System) -> None:
    admin = await system.company()
    early, late = [await system.member(admin, "admin") for _ in range(2)]
    sent_before = await invited(system, early, address(), "admin")
    # A token that is taken for another moment: nobody made this one worthless when its sender was disabled.
    sent_after = await invited(system, late, address(), "admin")
    async with system.owner() as connection:
        await disable(connection, UUID(early.id))
        await connection.execute("update account set disabled_at = now() where account_id = %s", (late.id,))
    for given in (sent_before, sent_after):
        refused(await system.nobody.post(ACCEPT, newcomer(given)), 400, "invalid_code")
    async with system.owner() as connection:
        await enable(connection, UUID(early.id))
    refused(await system.nobody.post(ACCEPT, newcomer(sent_before)), 400, "invalid_code")


async def test_inviting_tells_nothing_about_an_address(system: System) -> None:
    admin, cy, other = await system.company(), await system.candidate(), await system.company()
    bodies = []
    for email in (address(), cy.email, other.email):
        answer = done(await admin.post("/company/invitations", {"email": email, "role": "auditor"}))
        bodies.append(
            {name: value for name, value in answer.items() if name in {"role", "status", "member_id"}}
        )
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_repeated_key_invites_once(system: System) -> None:
    admin, email = await system.company(), address()
    body = {"email": email, "role": "auditor"}
    first, second = [await admin.post("/company/invitations", body, key="k") for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.headers["location"] == f"/company/invitations/{first.json()['id']}"
    assert len(await mails(system, email, "invitation")) == 1
    changed = body | {"role": "admin"}
    refused(await admin.post("/company/invitations", changed, key="k"), 409, "idempotency_key_reused")
    given = await code(system, email, "invitation")
    assert done(await system.nobody.post(ACCEPT, newcomer(given)))["role"] == "auditor"
    assert done(await admin.post("/company/invitations", body, key="k"))["status"] == "accepted"


async def test_invitations_are_listed_in_pages_newest_first(system: System) -> None:
    admin = await system.company()
    emails = [address() for _ in range(5)]
    for email in emails:
        await invited(system, admin, email, "auditor")
    pages = [page async for page in admin.pages("/company/invitations", limit=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one["email"] for page in pages for one in page] == emails[::-1]
    refused(await admin.get("/company/invitations", cursor="x"), 400)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "nobody", "role": "auditor"},
        {"email": "a@example.com\n", "role": "auditor"},
        {"email": "a@example.com", "role": "candidate"},
        {"email": "a@example.com", "role": "auditor", "code": "x"},
    ],
)
async def test_what_is_no_invitation_is_400(system: System, body: Json) -> None:
    refused(await (await system.company()).post("/company/invitations", body), 400, "invalid")


async def test_what_is_no_acceptance_is_400(system: System) -> None:
    admin = await system.company()
    given = await invited(system, admin, address(), "auditor")
    for body, field in (
        ({"name": "x", "password": PASSWORD}, "code"),
        ({"code": "\x00" * 54}, "code"),
        ({"code": "x" * 201}, "code"),
        ({"code": given, "password": PASSWORD}, "name"),
        ({"code": given, "name": "x"}, "password"),
        (newcomer(given, name="a\nb"), "name"),
        (newcomer(given, password="short"), "password"),
        (newcomer(given, password="password123"), "password"),
        (newcomer(given, role="admin"), "role"),
    ):
        assert refused(await system.nobody.post(ACCEPT, body), 400)["errors"][0]["field"] == field
    done(await system.nobody.post(ACCEPT, newcomer(given)))
