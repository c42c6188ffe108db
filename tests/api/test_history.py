"""An application's history: every event in order, in words, and to a candidate only what concerns them."""

import json

import pytest

from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def story(system: System) -> tuple[Person, Person, Person, Json]:
    """Admin, recruiter, candidate, and an application through which everything happened."""
    admin, cy = await system.company(), await system.candidate()
    recruiter = await system.member(admin, "recruiter")
    application = await cy.applies(await admin.posts_job(), cover_letter="Dear")
    path = f"/applications/{application['id']}"
    done(await recruiter.patch(f"{path}/stage", {"stage": "screening", "note": "Strong."}))
    done(await admin.post(f"{path}/reject", {"reason": "Too far away.", "note": "Try next year."}))
    done(await recruiter.post(f"{path}/reinstate"))
    done(await admin.patch(f"{path}/stage", {"stage": "interview"}))
    done(await cy.post(f"{path}/withdraw"))
    return admin, recruiter, cy, application


async def test_staff_see_every_event_with_who_what_when_from_and_to(system: System) -> None:
    admin, recruiter, cy, application = await story(system)
    auditor = await system.member(admin, "auditor")
    for person in (admin, recruiter, auditor):
        entries = (await person.sees(f"/applications/{application['id']}/history"))["items"]
        assert [entry["version"] for entry in entries] == [1, 2, 3, 4, 5, 6]
        assert [entry["position"] for entry in entries] == sorted(entry["position"] for entry in entries)
        assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
        assert [(entry["from_stage"], entry["to_stage"]) for entry in entries] == [
            (None, "applied"),
            ("applied", "screening"),
            ("screening", "rejected"),
            ("rejected", "screening"),
            ("screening", "interview"),
            ("interview", "withdrawn"),
        ]
        who = [(entry["who"]["role"], entry["who"]["id"], entry["who"]["name"]) for entry in entries]
        staff, boss = (
            ("recruiter", recruiter.id, recruiter.profile["name"]),
            ("admin", admin.id, admin.profile["name"]),
        )
        candidate = ("candidate", cy.id, cy.profile["name"])
        assert who == [candidate, staff, boss, staff, boss, candidate]
        assert [entry["note"] for entry in entries] == [None, "Strong.", "Try next year.", None, None, None]
        assert entries[2]["reason"] == "Too far away."
        assert all(entry["what"] for entry in entries)


async def test_a_candidate_sees_what_concerns_them_without_notes_and_names_of_staff(system: System) -> None:
    admin, recruiter, cy, application = await story(system)
    history = await cy.sees(f"/applications/{application['id']}/history")
    entries = history["items"]
    assert [entry["to_stage"] for entry in entries] == (
        ["applied", "screening", "rejected", "screening", "interview", "withdrawn"]
    )
    assert entries[2]["reason"] == "Too far away."
    assert {entry["note"] for entry in entries} == {None}
    assert [entry["who"].get("role") for entry in entries] == [
        "candidate",
        "recruiter",
        "admin",
        "recruiter",
        "admin",
        "candidate",
    ]
    told = json.dumps(history)
    for hidden in (
        admin.id,
        recruiter.id,
        admin.profile["name"],
        recruiter.profile["name"],
        "Strong.",
        "next year",
    ):
        assert hidden not in told


async def test_a_role_is_the_one_they_had_then(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    recruiter = await system.member(admin, "recruiter")
    await recruiter.advances(application, "screening")
    await system.change_role(admin, recruiter, "auditor")
    entries = (await admin.sees(f"/applications/{application['id']}/history"))["items"]
    assert [entry["who"]["role"] for entry in entries] == ["candidate", "recruiter"]


async def test_nobody_else_sees_it(system: System) -> None:
    admin, _, _, application = await story(system)
    path = f"/applications/{application['id']}/history"
    refused(await (await system.member(admin, "hiring_manager")).get(path), 403)
    refused(await (await system.company()).get(path), 404)
    refused(await (await system.candidate()).get(path), 404)
    refused(await system.nobody.get(path), 401)
