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
        assert [entry["version"] for entry in entries] == [1, 2, 3, 4, 5, 6, 7]
        assert [entry["position"] for entry in entries] == sorted(entry["position"] for entry in entries)
        assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
        assert [(entry["from_stage"], entry["to_stage"]) for entry in entries] == [
            (None, "applied"),
            ("applied", "applied"),
            ("applied", "screening"),
            ("screening", "rejected"),
            ("rejected", "screening"),
            ("screening", "interview"),
            ("interview", "withdrawn"),
        ]
        who = [tuple(entry["who"].get(field) for field in ("role", "id", "name")) for entry in entries]
        staff, boss = (
            ("recruiter", recruiter.id, recruiter.profile["name"]),
            ("admin", admin.id, admin.profile["name"]),
        )
        candidate = ("candidate", cy.id, cy.profile["name"])
        policy = (None, None, "Screening policy 1")
        assert who == [candidate, policy, staff, boss, staff, boss, candidate]
        notes = [entry["note"] for entry in entries]
        assert notes == [None, None, "Strong.", "Try next year.", None, None, None]
        assert entries[1]["what"] == "Screened: qualified, 100 of 100 points"
        assert entries[3]["reason"] == "Too far away."
        assert all(entry["what"] for entry in entries)


async def test_a_candidate_sees_what_concerns_them_without_notes_and_names_of_staff(system: System) -> None:
    admin, recruiter, cy, application = await story(system)
    history = await cy.sees(f"/applications/{application['id']}/history")
    entries = history["items"]
    assert [entry["to_stage"] for entry in entries] == (
        ["applied", "applied", "screening", "rejected", "screening", "interview", "withdrawn"]
    )
    assert entries[1]["what"] == "Screened: qualified"
    assert entries[3]["reason"] == "Too far away."
    assert {entry["note"] for entry in entries} == {None}
    assert entries[1]["who"] == {"name": "Screening policy 1"}
    assert [entry["who"].get("role") for entry in entries] == [
        "candidate",
        None,
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
        "points",
    ):
        assert hidden not in told


async def test_a_role_is_the_one_they_had_then(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    recruiter = await system.member(admin, "recruiter")
    await recruiter.advances(application, "screening")
    await system.change_role(admin, recruiter, "auditor")
    entries = (await admin.sees(f"/applications/{application['id']}/history"))["items"]
    assert [entry["who"].get("role") for entry in entries] == ["candidate", None, "recruiter"]


async def test_nobody_else_sees_it(system: System) -> None:
    admin, _, _, application = await story(system)
    path = f"/applications/{application['id']}/history"
    refused(await (await system.member(admin, "hiring_manager")).get(path), 403)
    refused(await (await system.company()).get(path), 404)
    refused(await (await system.candidate()).get(path), 404)
    refused(await system.nobody.get(path), 401)


async def test_what_staff_said_stands_among_what_happened(system: System) -> None:
    admin, recruiter, cy, application = await story(system)
    path = f"/applications/{application['id']}"
    done(await recruiter.post(f"{path}/comments", {"text": "A pity."}))
    ratings = {"dough": 4, "team": 2}
    done(await admin.post(f"{path}/scorecards", {"ratings": ratings, "recommendation": "strong_yes"}))
    revised = {
        "ratings": {"dough": 1},
        "recommendation": "no",
        "note": "On second thought.",
        "stage": "interview",
    }
    done(await admin.post(f"{path}/scorecards", revised))
    entries = (await admin.sees(f"{path}/history"))["items"]
    assert [(entry["type"], entry["what"]) for entry in entries[-3:]] == [
        ("CommentAdded", "Commented"),
        ("ScorecardSubmitted", "Scored at interview: strong yes (dough 4 of 5, team 2 of 5)"),
        ("ScorecardRevised", "Revised the score at interview: no (dough 1 of 5)"),
    ]
    assert [entry["comment"] for entry in entries[-3:]] == ["A pity.", None, None]
    assert [entry["who"]["id"] for entry in entries[-3:]] == [recruiter.id, admin.id, admin.id]
    assert (entries[-2]["ratings"], entries[-1]["recommendation"], entries[-1]["note"]) == (
        ratings,
        "no",
        "On second thought.",
    )
    now = await admin.sees(path)
    assert {(entry["version"], entry["from_stage"], entry["to_stage"]) for entry in entries[-3:]} == {
        (now["version"], "withdrawn", "withdrawn")
    }
    assert len((await cy.sees(f"{path}/history"))["items"]) == len(entries) - 3


async def test_a_long_history_comes_in_pages(system: System) -> None:
    admin, _, cy, application = await story(system)
    path = f"/applications/{application['id']}"
    for number in range(3):
        done(await admin.post(f"{path}/comments", {"text": f"{number}"}))
    for person in (admin, cy):
        whole = await person.sees(f"{path}/history")
        pages = [page async for page in person.pages(f"{path}/history", limit=2)]
        assert {len(page) for page in pages[:-1]} == {2}
        assert [entry for page in pages for entry in page] == whole["items"]
        assert whole["next"] is None
    refused(await admin.get(f"{path}/history", cursor="x"), 400)


async def test_each_mail_stands_with_the_event_that_it_followed_from(system: System) -> None:
    admin, _, cy, application = await story(system)
    path = f"/applications/{application['id']}/history"
    await system.tell()
    mails = [
        [(mail["kind"], mail["to"], mail["status"]) for mail in entry["mails"]]
        for entry in (await admin.sees(path))["items"]
        if entry["type"] != "ApplicationScreened"
    ]
    assert mails == [
        [("application_received", "candidate", "queued"), ("new_application", "recruiter", "queued")],
        [("stage_changed", "candidate", "queued")],
        [("application_rejected", "candidate", "queued")],
        [("application_reinstated", "candidate", "queued")],
        [("stage_changed", "candidate", "queued")],
        [("application_withdrawn", "recruiter", "queued")],
    ]
    async with system.owner() as connection:
        await connection.execute(
            "update effect set mail_status = 'given_up', mail_reason = 'mailbox full' where application_id = %s",
            (application["id"],),
        )
    told = [mail for entry in (await admin.sees(path))["items"] for mail in entry["mails"]]
    assert {(mail["status"], mail["reason"]) for mail in told} == {("given_up", "mailbox full")}
    seen = [mail for entry in (await cy.sees(path))["items"] for mail in entry["mails"]]
    assert {(mail["to"], mail["status"], mail["reason"]) for mail in seen} == {
        ("candidate", "given_up", None)
    }


@pytest.mark.parametrize(
    ("stored", "attempts", "status", "dated"),
    [
        ("queued", 0, "queued", False),
        ("sending", 1, "queued", False),
        ("sending", 2, "retrying", False),
        ("retrying", 1, "retrying", True),
    ],
)
async def test_a_mail_that_waits_says_when_it_is_tried_next(
    system: System, stored: str, attempts: int, status: str, *, dated: bool
) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    await system.tell()
    due = "2030-01-01T00:00:00Z"
    async with system.owner() as connection:
        await connection.execute(
            "update effect set mail_status = %s, mail_attempts = %s, mail_due_at = %s where application_id = %s",
            (stored, attempts, due, application["id"]),
        )
    submitted = (await admin.sees(f"/applications/{application['id']}/history"))["items"][0]
    assert {(mail["status"], mail["at"]) for mail in submitted["mails"]} == {(status, due if dated else None)}
