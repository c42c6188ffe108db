"""The own company and its members: who may change them, that one admin stays, and what becomes of who goes."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.commands import membership_id
from application.entity import STREAM_PAGE, encode
from application.recorded import Append, StoredEvent, StreamPart
from domain.membership import MemberRoleChanged, StaffRole
from infrastructure.event_store import EventStore
from tests.api.account_mail import invited
from tests.api.people import PASSWORD, Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def roles(admin: Person) -> dict[str, str]:
    return {member["id"]: member["role"] for member in await admin.all("/company/members")}


async def remove(who: Person, member: Person, version: object = None) -> Json:
    return done(await who.send("DELETE", f"/company/members/{member.id}", version=version))


async def test_an_admin_renames_the_company_everywhere(system: System) -> None:
    admin = await system.company("Before")
    job = await admin.posts_job()
    assert (await admin.sees("/company"))["name"] == "Before"
    assert done(await admin.patch("/company", {"name": "After & Co."})) == {
        "id": admin.company_id,
        "name": "After & Co.",
    }
    assert (await admin.sees(f"/jobs/{job['id']}"))["company_name"] == "After & Co."
    assert (await admin.sees("/auth/me"))["company_name"] == "After & Co."
    for wrong in ({"name": ""}, {"name": "a\nb"}, {"id": str(uuid4())}, {}):
        refused(await admin.patch("/company", wrong), 400)


async def test_members_are_listed_in_pages_in_the_order_of_joining(system: System) -> None:
    admin = await system.company()
    people = [admin] + [await system.member(admin, "recruiter") for _ in range(4)]
    done(await admin.patch(f"/company/members/{people[2].id}", {"role": "auditor"}))
    pages = [page async for page in admin.pages("/company/members", limit=2)]
    assert [len(page) for page in pages] == [2, 2, 1]
    listed = [member for page in pages for member in page]
    assert [member["id"] for member in listed] == [person.id for person in people]
    assert [member["email"] for member in listed] == [person.email for person in people]
    assert [member["role"] for member in listed] == [
        "admin",
        "recruiter",
        "auditor",
        "recruiter",
        "recruiter",
    ]
    refused(await admin.get("/company/members", cursor="x"), 400)


async def test_a_changed_role_is_in_force_and_the_old_token_is_not(system: System) -> None:
    admin = await system.company()
    member = await system.member(admin, "recruiter")
    login = done(await system.nobody.post("/auth/login", {"email": member.email, "password": PASSWORD}))
    answer = await admin.patch(f"/company/members/{member.id}", {"role": "auditor"})
    changed = done(answer)
    assert (changed["role"], changed["version"]) == ("auditor", 3)
    assert answer.headers["etag"] == '"3"'
    refused(await member.get("/auth/me"), 401)
    refreshed = done(await system.nobody.post("/auth/refresh", {"refresh_token": login["refresh_token"]}))
    assert (await Person(system.client, token=refreshed["access_token"]).sees("/auth/me"))[
        "role"
    ] == "auditor"


async def test_a_removed_member_is_a_candidate_and_the_token_is_refused(system: System) -> None:
    admin = await system.company()
    member = await system.member(admin, "recruiter")
    removed = await remove(admin, member)
    assert (removed["id"], removed["version"]) == (member.id, 3)
    refused(await member.get("/jobs"), 401)
    member = await system.again(member)
    assert (member.profile["role"], member.profile["company_id"]) == ("candidate", None)
    assert member.id not in await roles(admin)
    refused(await admin.send("DELETE", f"/company/members/{member.id}"), 404)


async def test_anybody_leaves_but_only_admins_remove_others(system: System) -> None:
    admin = await system.company()
    people = [await system.member(admin, role) for role in ("recruiter", "hiring_manager", "auditor")]
    for person in people:
        refused(await person.send("DELETE", f"/company/members/{admin.id}"), 403, "forbidden")
        refused(await person.send("DELETE", f"/company/members/{uuid4()}"), 403, "forbidden")
    for person in people:
        await remove(person, person)
    assert await roles(admin) == {admin.id: "admin"}


async def test_the_last_admin_stays_and_is_not_logged_out_by_the_attempt(system: System) -> None:
    admin = await system.company()
    refused(await admin.send("DELETE", f"/company/members/{admin.id}"), 409, "last_admin")
    refused(await admin.patch(f"/company/members/{admin.id}", {"role": "recruiter"}), 409, "last_admin")
    other = await system.member(admin, "admin")
    await remove(admin, admin)
    refused(await other.send("DELETE", f"/company/members/{other.id}"), 409, "last_admin")


async def test_admins_who_demote_each_other_at_once_leave_one(system: System) -> None:
    for n in range(5):
        admin = await system.company()
        admins = [admin] + [await system.member(admin, "admin") for _ in range(3)]
        answers = await asyncio.gather(
            *(
                one.send("DELETE", f"/company/members/{other.id}")
                if n % 2
                else one.patch(f"/company/members/{other.id}", {"role": "recruiter"})
                for one in admins
                for other in admins
            )
        )
        assert {answer.status_code for answer in answers} <= {200, 401, 403, 404, 409}
        left = [await system.again(one) for one in admins]
        assert len([one for one in left if one.profile["role"] == "admin"]) == 1


async def test_who_is_no_admin_any_more_changes_nothing_with_an_old_token(system: System) -> None:
    """The log refuses, even where the revocation of the token is not known yet."""
    admin = await system.company()
    other = await system.member(admin, "admin")
    member = await system.member(admin, "recruiter")
    await system.change_role(admin, other, "recruiter")
    refused(await other.patch(f"/company/members/{member.id}", {"role": "auditor"}), 403, "forbidden")
    refused(await other.send("DELETE", f"/company/members/{member.id}"), 403, "forbidden")
    await system.services.revocations.refresh()
    assert (await member.sees("/auth/me"))["role"] == "recruiter", "and logs nobody out"


async def test_a_stale_version_changes_nothing(system: System) -> None:
    admin = await system.company()
    member = await system.member(admin, "recruiter")
    path = f"/company/members/{member.id}"
    refused(await admin.patch(path, {"role": "auditor"}, version=1), 412, "stale_version")
    assert done(await admin.patch(path, {"role": "auditor"}, version=2))["version"] == 3
    refused(await admin.send("DELETE", path, version=2), 412, "stale_version")


async def test_who_stays_what_they_were_stays_logged_in(system: System) -> None:
    admin = await system.company()
    member = await system.member(admin, "recruiter")
    path = f"/company/members/{member.id}"
    refused(await admin.patch(path, {"role": "auditor"}, version=1), 412)
    assert done(await admin.patch(path, {"role": "recruiter"}))["version"] == 2
    await system.services.revocations.refresh()
    assert (await member.sees("/auth/me"))["role"] == "recruiter"


async def test_the_audit_says_who_had_which_role_when_by_ids_only(system: System) -> None:
    admin = await system.company()
    member = await system.member(admin, "recruiter")
    done(await admin.patch(f"/company/members/{member.id}", {"role": "auditor"}))
    await remove(await system.again(member), member)
    events = (await admin.sees("/audit/events"))["items"]
    assert [(event["type"], event["actor_id"]) for event in events] == [
        ("MemberJoined", admin.id),
        ("MemberJoined", None),
        ("MemberRoleChanged", admin.id),
        ("MemberLeft", member.id),
    ]
    (stream_id,) = {event["stream_id"] for event in events}
    assert (await admin.sees(f"/audit/streams/{stream_id}"))["items"] == events
    for personal in (admin.email, member.email, member.profile["name"], "@"):
        assert personal not in str(events)


class Loads:
    """What is loaded of a company's membership: the most at once, and all together."""

    def __init__(self, company_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.largest = 0
        self.events = 0
        load, stream_of_members = EventStore.load, membership_id(UUID(company_id))

        async def watched(
            store: EventStore, tenant_id: UUID, stream_id: UUID, **limits: Any
        ) -> list[StoredEvent]:
            stream = await load(store, tenant_id, stream_id, **limits)
            if stream_id == stream_of_members:
                self.largest = max(self.largest, len(stream))
                self.events += len(stream)
            return stream

        monkeypatch.setattr(EventStore, "load", watched)


async def changed_often(system: System, admin: Person, member: Person, times: int) -> None:
    """The member, a recruiter, gets another role so often; who is changed twice is a recruiter again."""
    company_id, account_id = UUID(admin.company_id), UUID(member.id)
    roles: list[StaffRole] = ["recruiter", "auditor"]
    changes = [
        MemberRoleChanged(account_id=account_id, from_role=roles[n % 2], to_role=roles[(n + 1) % 2])
        for n in range(times)
    ]
    part = StreamPart(membership_id(company_id), 2, tuple(map(encode, changes)))
    await system.services.store.append(Append(company_id, (part,), uuid4()))


async def test_however_often_members_changed_nobody_waits_for_more_than_a_page_of_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await system.company()
    member = await system.member(admin, "recruiter")
    job = await member.posts_job()
    application = await (await system.candidate()).applies(job)
    await member.advances(application, "screening")
    newcomer = await system.candidate()
    await changed_often(system, admin, member, 2 * STREAM_PAGE)
    loads = Loads(admin.company_id, monkeypatch)
    assert await roles(admin) == {admin.id: "admin", member.id: "recruiter"}
    given = await invited(system, admin, newcomer.email, "auditor")
    done(await newcomer.post("/auth/invitations/accept", {"code": given}))
    told = (await admin.sees(f"/applications/{application['id']}/history"))["items"]
    assert told[-1]["who"]["role"] == "recruiter"
    assert (await system.again(member)).profile["role"] == "recruiter"
    assert done(await admin.patch(f"/company/members/{member.id}", {"role": "auditor"}))["role"] == "auditor"
    assert loads.largest == STREAM_PAGE


async def test_what_is_known_of_members_is_not_read_again_at_each_login(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await system.company()
    member = await system.member(admin, "recruiter")
    await changed_often(system, admin, member, STREAM_PAGE)
    await system.again(member)
    loads = Loads(admin.company_id, monkeypatch)
    await system.again(admin)
    assert loads.events == 1


@pytest.mark.parametrize(
    "body", [{}, {"role": "candidate"}, {"role": "owner"}, {"role": None}, {"role": "admin", "x": 1}]
)
async def test_what_is_no_role_is_400(system: System, body: Json) -> None:
    admin = await system.company()
    refused(await admin.patch(f"/company/members/{admin.id}", body), 400)
