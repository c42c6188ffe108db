"""Applications over HTTP: applying, moving, boards and lists, and how they stood earlier."""

import asyncio
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from psycopg_pool import ConnectionPool

from domain.identifiers import random_id
from infrastructure.personal_data.personal_texts import PersonalText, keep
from infrastructure.personal_data.retention import delete_expired
from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLAIMS: Final = {
    "skills": ["baking", "français"],
    "experience_years": 3,
    "expected_salary": 40_000,
    "currency": "EUR",
    "source": "a friend",
}


async def test_an_application_is_answered_and_listed_as_it_was_sent(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job, **CLAIMS, cover_letter="Dear all,\nyours.")
    assert {name: application[name] for name in CLAIMS} == CLAIMS
    assert (application["stage"], application["job_id"], application["candidate_id"]) == (
        "applied",
        job["id"],
        cy.id,
    )
    assert (application["cover_letter"], application["screening"]["score"]) == ("Dear all,\nyours.", 100)
    assert application["applied_at"] == application["stage_since"]
    for person in (cy, admin):
        assert await person.sees(f"/applications/{application['id']}") == application
    await system.project()
    expected = {name: value for name, value in application.items() if name != "position"}
    for person in (cy, admin):
        assert await person.all("/applications") == [expected]
        assert await person.all("/applications", sort="score", q="baking") == [expected]
    (applied, *_) = (await admin.sees(f"/jobs/{job['id']}/board"))["stages"]
    assert applied["items"] == [expected]
    moved = done(await admin.patch(f"/applications/{application['id']}/stage", {"stage": "screening"}))
    assert moved["cover_letter"] == application["cover_letter"]


async def test_a_second_application_is_409_even_after_withdrawal_or_close(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job)
    refused(await cy.post(f"/jobs/{job['id']}/apply", {}), 409, "already_applied")
    done(await cy.post(f"/applications/{application['id']}/withdraw"))
    refused(await cy.post(f"/jobs/{job['id']}/apply", {}), 409, "already_applied")
    done(await admin.post(f"/jobs/{job['id']}/close"))
    refused(await cy.post(f"/jobs/{job['id']}/apply", {}), 409, "already_applied")


async def test_a_candidate_who_applies_many_times_at_once_has_applied_once(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    calls = [cy.post(f"/jobs/{job['id']}/apply", {"cover_letter": f"{n}"}) for n in range(20)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    (taken,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert (await admin.sees(f"/applications/{taken['id']}"))["cover_letter"] == taken["cover_letter"]
    assert len(await texts_about(system, cy)) == 1


async def test_a_skipped_or_backward_stage_is_409_and_says_what_is_next(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    path = f"/applications/{application['id']}/stage"
    for stage in ("interview", "offer", "hired", "rejected", "withdrawn"):
        body = refused(await admin.patch(path, {"stage": stage}), 409, "stage_not_allowed")
        assert body["allowed"] == ["screening"]
    await admin.advances(application, "screening")
    assert refused(await admin.patch(path, {"stage": "applied"}), 409)["allowed"] == ["interview"]
    refused(await admin.patch(path, {"stage": "promoted"}), 400)


async def test_where_no_stage_is_next_none_is_allowed_and_other_refusals_do_not_speak_of_it(
    system: System,
) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    hired, rejected = [await (await system.candidate()).applies(job) for _ in range(2)]
    await admin.advances(hired, "screening", "interview", "offer", "hired")
    await admin.rejects(rejected)
    for ended, stage in (
        (hired, "offer"),
        (hired, "rejected"),
        (rejected, "screening"),
        (rejected, "withdrawn"),
    ):
        answer = await admin.patch(f"/applications/{ended['id']}/stage", {"stage": stage})
        assert refused(answer, 409, "stage_not_allowed")["allowed"] == []
    other = refused(await admin.post(f"/applications/{hired['id']}/reject", {"reason": "No."}), 409)
    assert "allowed" not in other


async def test_a_rejection_is_taken_back_to_where_it_was(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    await admin.advances(application, "screening", "interview")
    rejected = await admin.rejects(application)
    assert (rejected["stage"], rejected["reached"]) == ("rejected", "interview")
    path = f"/applications/{application['id']}"
    refused(await cy.post(f"{path}/withdraw"), 409, "application_rejected")
    refused(await admin.patch(f"{path}/stage", {"stage": "offer"}), 409, "stage_not_allowed")
    assert done(await admin.post(f"{path}/reinstate"))["stage"] == "interview"
    refused(await admin.post(f"{path}/reinstate"), 409, "not_rejected")


async def test_a_decision_taken_before_with_other_words_is_refused_and_with_the_same_it_is_not(
    system: System,
) -> None:
    admin = await system.company()
    application = await (await system.candidate()).applies(await admin.posts_job())
    path = f"/applications/{application['id']}"
    for way, verb, first, other in (
        ("stage", admin.patch, {"stage": "screening", "note": "Call her."}, {"note": "Ask Ada first."}),
        ("reject", admin.post, {"reason": "No experience."}, {"reason": "No visa."}),
    ):
        decided = done(await verb(f"{path}/{way}", first))
        assert done(await verb(f"{path}/{way}", first)) == decided
        refused(await verb(f"{path}/{way}", first | other), 409, "already_decided")
    answer = done(
        await admin.post("/applications/bulk/reject", {"ids": [application["id"]], "reason": "Why?"})
    )
    assert [item["code"] for item in answer["items"]] == ["already_decided"]
    said = [(entry["note"], entry["reason"]) for entry in (await admin.sees(f"{path}/history"))["items"]]
    assert said[-2:] == [("Call her.", None), (None, "No experience.")]


async def test_the_last_opening_is_filled_once_by_many_at_once(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(openings=2)
    applications = [await (await system.candidate()).applies(job) for _ in range(6)]
    for application in applications:
        await admin.advances(application, "screening", "interview", "offer")
    hires = [admin.patch(f"/applications/{one['id']}/stage", {"stage": "hired"}) for one in applications]
    answers = await asyncio.gather(*hires)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            refused(answer, 409, "openings_filled")
    hired = next(one for one, answer in zip(applications, answers, strict=True) if answer.is_success)
    refused(await admin.post(f"/applications/{hired['id']}/reject", {"reason": "No."}), 409, "already_hired")
    done(await admin.post(f"/jobs/{job['id']}/close"))
    refused(await admin.post(f"/jobs/{job['id']}/reopen"), 409, "openings_filled")
    refused(await admin.patch(f"/jobs/{job['id']}", {"openings": 1}), 409, "openings_below_filled")


async def test_a_hires_position_is_that_of_the_opening_it_filled_however_often_it_is_sent(
    system: System,
) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    application = await (await system.candidate()).applies(job)
    await admin.advances(application, "screening", "interview", "offer")
    path = f"/applications/{application['id']}/stage"
    first, again = [await admin.patch(path, {"stage": "hired"}, key="hire") for _ in range(2)]
    assert done(first)["position"] == (await admin.sees(f"/jobs/{job['id']}"))["position"]
    assert again.content == first.content
    assert (await admin.patch(path, {"stage": "hired"})).content == first.content


async def test_the_board_groups_a_jobs_applications_by_stage(system: System) -> None:
    admin = await system.company()
    job, other = await admin.posts_job(), await admin.posts_job()
    applications = [await (await system.candidate()).applies(job) for _ in range(4)]
    await (await system.candidate()).applies(other)
    await admin.advances(applications[0], "screening")
    last = await admin.rejects(applications[1])
    await system.project()
    board = await admin.sees(f"/jobs/{job['id']}/board", limit=1, min_position=last["position"])
    assert [column["stage"] for column in board["stages"]] == (
        ["applied", "screening", "interview", "offer", "hired", "rejected", "withdrawn"]
    )
    assert [column["count"] for column in board["stages"]] == [2, 1, 0, 0, 0, 1, 0]
    shown = [[item["id"] for item in column["items"]] for column in board["stages"]]
    assert shown == [
        [applications[3]["id"]],
        [applications[0]["id"]],
        [],
        [],
        [],
        [applications[1]["id"]],
        [],
    ]


async def test_lists_are_narrowed_by_job_and_stage(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job, other = await admin.posts_job(), await admin.posts_job()
    here, there = await cy.applies(job), await cy.applies(other)
    await admin.advances(there, "screening")
    await system.project()
    for person in (admin, cy):
        assert [item["id"] for item in await person.all("/applications")] == [there["id"], here["id"]]
        assert [item["id"] for item in await person.all("/applications", job_id=job["id"])] == [here["id"]]
        assert [item["id"] for item in await person.all("/applications", stage="screening")] == [there["id"]]
        assert await person.all("/applications", stage="hired") == []


async def texts_about(system: System, person: Person) -> list[Json]:
    """What is stored of free text about somebody."""
    async with system.owner() as connection:
        found = await connection.execute(
            "select content from personal_text where subject_id = %s order by content::text",
            (UUID(person.id),),
        )
        return [content for (content,) in await found.fetchall()]


async def test_no_text_stays_that_no_event_names(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job, cover_letter="Dear")
    path = f"/applications/{application['id']}"
    letter = {"cover_letter": "Dear"}
    refused(await cy.post(f"/jobs/{job['id']}/apply", letter), 409)
    refused(await admin.patch(f"{path}/stage", {"stage": "offer", "note": "skipped"}), 409)
    refused(await admin.patch(f"{path}/stage", {"stage": "screening", "note": "stale"}, version=9), 412)
    no_change = await admin.patch(f"{path}/stage", {"stage": "applied", "note": "no change"})
    refused(no_change, 409, "already_decided")
    assert await texts_about(system, cy) == [letter]
    done(await admin.post(f"{path}/reject", {"reason": "No.", "note": "Never."}))
    again = await admin.post(f"{path}/reject", {"reason": "Again.", "note": "No change."})
    refused(again, 409, "already_decided")
    assert await texts_about(system, cy) == [letter, {"note": "Never.", "reason": "No."}]


async def delete_what_expired(system: System) -> None:
    with ConnectionPool[Any](system.database_url, min_size=1, max_size=1, open=True) as pool:
        await asyncio.to_thread(delete_expired, pool, system.services.settings.home / "no outbox")


async def a_day_passes(system: System, *people: Person) -> None:
    async with system.owner() as connection:
        await connection.execute(
            "update personal_text set unnamed_at = unnamed_at - interval '25 hours' where subject_id = any(%s)",
            ([UUID(person.id) for person in people],),
        )


async def test_a_text_that_was_refused_with_a_key_is_forgotten_a_day_later(system: System) -> None:
    admin, cy, bo = await system.company(), await system.candidate(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job, cover_letter="Dear")
    path = f"/applications/{application['id']}/reject"
    done(await admin.post(path, {"reason": "No."}, key="first"))
    named, again = [{"cover_letter": "Dear"}, {"reason": "No."}], {"reason": "Once more."}
    refused(await admin.post(path, again, key="second"), 409, "already_decided")
    done(await admin.post(f"/jobs/{job['id']}/close"))
    letter = {"cover_letter": "Too late"}
    refused(await bo.post(f"/jobs/{job['id']}/apply", letter, key="third"), 409, "job_not_open")
    await delete_what_expired(system)
    assert (await texts_about(system, cy), await texts_about(system, bo)) == ([*named, again], [letter])

    await a_day_passes(system, cy, bo)
    refused(await admin.post(path, again, key="second"), 409, "already_decided")
    await delete_what_expired(system)
    assert (await texts_about(system, cy), await texts_about(system, bo)) == ([*named, again], [])
    async with system.owner() as connection:
        to_ask = await connection.execute(
            "select content from personal_text where subject_id = %s and unnamed_at is not null",
            (UUID(cy.id),),
        )
        assert await to_ask.fetchall() == [(again,)]

    await a_day_passes(system, cy)
    await delete_what_expired(system)
    assert await texts_about(system, cy) == named


async def test_a_text_stays_that_a_command_is_about_to_name(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    text = PersonalText(random_id(UUID(admin.company_id), uuid4()), UUID(cy.id), {"note": "Soon."})
    async with system.owner() as connection:
        await keep(connection, text, stream_id=uuid4(), command_id=uuid4())
        await a_day_passes(system, cy)
        async with connection.transaction():
            await keep(connection, text, stream_id=uuid4(), command_id=uuid4())
            await delete_what_expired(system)
        await delete_what_expired(system)
    assert await texts_about(system, cy) == [{"note": "Soon."}]
