"""Notifications: told once, in words, to whom it concerns; read marks; preferences; the link that stops a kind of mail."""

import asyncio
from typing import get_args
from uuid import UUID, uuid4

import httpx
import pytest

from application.actor import OPERATOR
from application.effects import Kind
from application.handle import Metadata
from domain.membership import AddMember
from infrastructure.mail import preferences
from infrastructure.mail.links import MailLinks
from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def told(system: System, person: Person, **query: str | bool) -> list[Json]:
    await system.tell()
    return await person.all("/notifications", **query)


async def kinds(system: System, person: Person, **query: str | bool) -> list[str]:
    return [one["kind"] for one in await told(system, person, **query)]


async def test_each_step_is_told_in_words_to_the_candidate_and_arrivals_to_the_recruiter(
    system: System,
) -> None:
    admin, candidate = await system.company("Bread & Sons"), await system.candidate()
    job = await admin.posts_job(title="Baker")
    application = await candidate.applies(job)
    await admin.advances(application, "screening", "interview")
    await admin.rejects(application)
    done(await admin.post(f"/applications/{application['id']}/reinstate"))
    done(await candidate.post(f"/applications/{application['id']}/withdraw"))

    assert [one["text"] for one in await told(system, candidate) if one["kind"] != "qualified"] == [
        "Bread & Sons has taken up your application for Baker again.",
        "Bread & Sons has decided not to go further with your application for Baker.",
        "Bread & Sons would like to meet you for Baker.",
        "Bread & Sons is now reviewing your application for Baker.",
        "Bread & Sons has received your application for Baker.",
    ]
    name = candidate.profile["name"]
    theirs = await told(system, admin)
    assert [one["text"] for one in theirs] == [
        f"{name} has withdrawn the application for Baker.",
        f"{name} has applied for Baker.",
    ]
    assert theirs[0] | {"id": "", "created_at": ""} == {
        "id": "",
        "kind": "application_withdrawn",
        "text": f"{name} has withdrawn the application for Baker.",
        "company_id": admin.company_id,
        "company_name": "Bread & Sons",
        "job_id": job["id"],
        "job_title": "Baker",
        "application_id": application["id"],
        "created_at": "",
        "read_at": None,
    }


async def test_once_whoever_opened_the_job_has_left_the_admins_are_told(system: System) -> None:
    admin, candidate = await system.company("Bread & Sons"), await system.candidate()
    recruiter, other = await system.member(admin, "recruiter"), await system.member(admin, "admin")
    job = await recruiter.posts_job(title="Baker")
    done(await recruiter.send("DELETE", f"/company/members/{recruiter.id}"))
    application = await candidate.applies(job)
    done(await candidate.post(f"/applications/{application['id']}/withdraw"))

    for person in (admin, other):
        assert await kinds(system, person) == ["application_withdrawn", "new_application"]
    assert await kinds(system, await system.logged_in(recruiter.profile)) == []
    (submitted, *_) = await admin.all(f"/applications/{application['id']}/history")
    assert [mail["to"] for mail in submitted["mails"]] == ["candidate", "recruiter", "recruiter"]


async def test_who_names_a_position_is_told_of_it(system: System) -> None:
    admin, candidate = await system.company(), await system.candidate()
    await candidate.applies(await admin.posts_job())
    job = await admin.posts_job()
    position = (await candidate.applies(job))["position"]
    refused(await candidate.get("/notifications", min_position=position), 400)
    for_admin, for_candidate, _ = await asyncio.gather(
        admin.all("/notifications", min_position=position),
        candidate.all("/notifications", min_position=position, job_id=job["id"]),
        system.tell(),
    )
    assert len(for_admin) == 2
    assert {one["job_id"] for one in for_candidate} == {job["id"]}


async def test_reading_one_counts_it_once(system: System) -> None:
    admin, candidate = await system.company(), await system.candidate()
    await candidate.applies(await admin.posts_job())
    await candidate.applies(await admin.posts_job())
    newest, oldest = await told(system, admin)

    first = done(await admin.post(f"/notifications/{oldest['id']}/read"))
    again = done(await admin.post(f"/notifications/{oldest['id']}/read"))

    assert first["read_at"] is not None
    assert again == first
    page = await admin.sees("/notifications")
    assert page["unread_count"] == 1
    assert [one["read_at"] for one in page["items"]] == [None, first["read_at"]]
    assert [one["id"] for one in await told(system, admin, unread=True)] == [newest["id"]]


async def test_all_are_read_up_to_the_newest_that_was_seen(system: System) -> None:
    admin, candidate = await system.company(), await system.candidate()
    for _ in range(4):
        await candidate.applies(await admin.posts_job())
    newest, seen, *_ = await told(system, admin)

    assert done(await admin.post("/notifications/read", {"up_to": seen["id"]})) == {
        "marked": 3,
        "unread_count": 1,
    }
    assert [one["id"] for one in await told(system, admin, unread=True)] == [newest["id"]]
    assert done(await admin.post("/notifications/read", {})) == {"marked": 1, "unread_count": 0}
    assert done(await admin.post("/notifications/read", {})) == {"marked": 0, "unread_count": 0}
    refused(await admin.post("/notifications/read", {"up_to": str(uuid4())}), 404)


async def test_pages_hold_each_once_while_others_arrive(system: System) -> None:
    admin, candidate = await system.company(), await system.candidate()
    for _ in range(5):
        await candidate.applies(await admin.posts_job())
    there = [one["id"] for one in await told(system, admin)]
    seen: list[str] = []
    async for page in admin.pages("/notifications", limit=2):
        seen += [one["id"] for one in page]
        await candidate.applies(await admin.posts_job())
        await system.tell()

    assert seen == there
    refused(await admin.get("/notifications", cursor="bm8"), 400, "invalid")


async def test_what_one_was_told_is_unknown_to_others(system: System) -> None:
    admin, candidate, other = await system.company(), await system.candidate(), await system.candidate()
    colleague = await system.member(admin, "recruiter")
    await candidate.applies(await admin.posts_job())
    (news, *_) = await told(system, candidate)

    for person in (admin, colleague, other):
        assert news["id"] not in [one["id"] for one in await told(system, person)]
        refused(await person.post(f"/notifications/{news['id']}/read"), 404, "not_found")
        refused(await person.post("/notifications/read", {"up_to": news["id"]}), 404, "not_found")
    assert (await candidate.sees("/notifications"))["items"][-1]["read_at"] is None


async def test_who_acts_for_another_company_sees_nothing_of_the_old_one(system: System) -> None:
    admin, other, candidate = await system.company(), await system.company(), await system.candidate()
    recruiter = await system.member(admin, "recruiter")
    await candidate.applies(await recruiter.posts_job())
    (news,) = await told(system, recruiter)
    async with system.owner() as connection:
        await connection.execute(
            "update account set company_id = %s where account_id = %s", (other.company_id, recruiter.id)
        )
    await system.services.commands.handle(
        AddMember(company_id=UUID(other.company_id), account_id=UUID(recruiter.id), role="recruiter"),
        Metadata(OPERATOR, uuid4()),
    )
    moved = await system.logged_in(recruiter.profile)

    page = await moved.sees("/notifications")

    assert (page["items"], page["unread_count"]) == ([], 0)
    refused(await moved.post(f"/notifications/{news['id']}/read"), 404)
    assert done(await moved.post("/notifications/read", {}))["marked"] == 0


async def test_nothing_is_told_about_a_person_who_was_erased(system: System) -> None:
    admin, candidate = await system.company(), await system.candidate()
    await candidate.applies(await admin.posts_job())
    await system.tell()
    async with system.owner() as connection:
        await connection.execute("delete from account where account_id = %s", (candidate.id,))

    page = await admin.sees("/notifications")

    assert (page["items"], page["unread_count"]) == ([], 0)


def link(system: System, person: Person, kind: Kind) -> str:
    """The path of the link that a mail of this kind holds."""
    links = MailLinks(system.services.settings)
    return links.unsubscribe(UUID(person.id), kind).removeprefix(links.home)


async def one_click(system: System, path: str, body: bytes = b"List-Unsubscribe=One-Click") -> httpx.Response:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return await system.nobody.send("POST", path, content=body, headers=form)


async def wanted_by_mail(system: System, person: Person) -> set[str]:
    async with system.owner() as connection:
        chosen = await preferences.read(connection, UUID(person.id))
    return {kind for kind, channels in chosen.items() if channels.mail}


async def test_the_link_in_a_mail_asks_first_and_stops_mails_of_that_kind_only(system: System) -> None:
    candidate, other = await system.candidate(), await system.candidate()
    path = link(system, candidate, "stage_changed")

    page = await system.nobody.get(path)
    assert page.is_success
    assert "when an application of yours takes a step" in page.text
    assert await wanted_by_mail(system, candidate) == set(get_args(Kind))

    for _ in range(2):
        assert (await one_click(system, path)).is_success
    assert await wanted_by_mail(system, candidate) == set(get_args(Kind)) - {"stage_changed"}
    assert await wanted_by_mail(system, other) == set(get_args(Kind))


@pytest.mark.parametrize("change", ["", "x", "é", "a.b", "A" * 100])
async def test_a_link_that_was_not_in_a_mail_stops_nothing(system: System, change: str) -> None:
    candidate = await system.candidate()
    whole = link(system, candidate, "qualified")
    for path in (f"/notifications/unsubscribe?token={change}", f"{whole[:-4]}{change[:1]}AAA", whole[:-7]):
        refused(await one_click(system, path), 400, "invalid")
        refused(await system.nobody.get(path), 400, "invalid")
    assert await wanted_by_mail(system, candidate) == set(get_args(Kind))


async def test_the_link_of_an_erased_person_is_taken_and_keeps_nothing(system: System) -> None:
    candidate = await system.candidate()
    path = link(system, candidate, "qualified")
    assert (await one_click(system, path)).is_success
    async with system.owner() as connection:
        await connection.execute("delete from account where account_id = %s", (candidate.id,))
        assert (await one_click(system, path)).is_success
        left = await connection.execute(
            "select count(*) from notification_preference where account_id = %s", (candidate.id,)
        )
        assert await left.fetchone() == (0,)


async def test_everybody_is_told_everything_until_they_choose(system: System) -> None:
    candidate, other = await system.candidate(), await system.candidate()
    everything = {kind: {"mail": True, "in_app": True} for kind in get_args(Kind)}
    assert (await candidate.sees("/auth/me"))["notifications"] == everything

    some = {"qualified": {"mail": False}, "stage_changed": {"in_app": False}}
    done(await candidate.patch("/auth/me", {"notifications": some}))
    chosen = done(await candidate.patch("/auth/me", {"notifications": {"qualified": {"in_app": False}}}))

    assert chosen["notifications"] == everything | {
        "qualified": {"mail": False, "in_app": False},
        "stage_changed": {"mail": True, "in_app": False},
    }
    assert (await candidate.sees("/auth/me")) == chosen
    assert (await other.sees("/auth/me"))["notifications"] == everything


async def test_what_is_switched_off_in_the_application_is_neither_shown_nor_counted(system: System) -> None:
    admin, candidate = await system.company(), await system.candidate()
    application = await candidate.applies(await admin.posts_job())
    await admin.advances(application, "screening")
    hidden = "stage_changed"

    done(await candidate.patch("/auth/me", {"notifications": {hidden: {"in_app": False}}}))
    shown = await kinds(system, candidate)
    page = await candidate.sees("/notifications")
    assert hidden not in shown
    assert page["unread_count"] == len(shown)

    done(await candidate.patch("/auth/me", {"notifications": {hidden: {"in_app": True}}}))
    assert sorted([*shown, hidden]) == sorted(await kinds(system, candidate))


@pytest.mark.parametrize(
    "body",
    [
        {"notifications": {"welcome": {"mail": False}}},
        {"notifications": {"qualified": {"sms": True}}},
        {"notifications": {"qualified": {"mail": "no"}}},
        {"notification": {}},
    ],
)
async def test_only_what_can_be_chosen_is_taken(system: System, body: Json) -> None:
    refused(await (await system.candidate()).patch("/auth/me", body), 400, "invalid")
