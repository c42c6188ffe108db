"""Moving an application to another of the company's jobs."""

import asyncio

import pytest

from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def two_jobs(system: System) -> tuple[Person, Person, Json, Json, Json]:
    """An admin, a candidate, their application at screening, the job that it is for, and another one."""
    admin, cy = await system.company(), await system.candidate()
    job, other = await admin.posts_job(), await admin.posts_job()
    application = await cy.applies(
        job,
        experience_years=3,
        cover_letter="Dear all.",
        source="Job Board",
        expected_salary=1,
        currency="EUR",
    )
    await admin.advances(application, "screening")
    return admin, cy, application, job, other


async def test_the_candidate_goes_on_at_the_other_job_with_all_they_sent(system: System) -> None:
    admin, cy, application, job, other = await two_jobs(system)
    answer = await admin.post(
        f"/applications/{application['id']}/move", {"job_id": other["id"], "note": "Fits."}
    )
    new = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/applications/{new['id']}")
    assert answer.headers["etag"] == f'"{new["version"]}"'
    assert (new["job_id"], new["stage"], new["moved_from"]) == (other["id"], "applied", application["id"])
    for kept in ("candidate_id", "skills", "experience_years", "expected_salary", "currency", "source"):
        assert new[kept] == application[kept]
    for person in (admin, cy):
        assert (await person.sees(f"/applications/{new['id']}")) == new
        old = await person.sees(f"/applications/{application['id']}")
        assert (old["stage"], old["reached"], old["moved_to"]) == ("withdrawn", "screening", new["id"])
    await system.project()
    listed = {item["id"]: item for item in await cy.all("/applications")}
    assert {name: (item["stage"], item["moved_from"], item["moved_to"]) for name, item in listed.items()} == {
        application["id"]: ("withdrawn", None, new["id"]),
        new["id"]: ("applied", application["id"], None),
    }
    assert [
        item["id"] for item in await admin.all("/applications", source="JOB board", job_id=job["id"])
    ] == [application["id"]]
    assert await admin.all("/applications", source="elsewhere") == []


async def test_both_histories_tell_of_it(system: System) -> None:
    admin, cy, application, _, other = await two_jobs(system)
    path = f"/applications/{application['id']}"
    new = done(await admin.post(f"{path}/move", {"job_id": other["id"], "note": "Fits."}))
    ended = (await admin.sees(f"{path}/history"))["items"][-1]
    begun = (await admin.sees(f"/applications/{new['id']}/history"))["items"][0]
    assert (ended["from_stage"], ended["to_stage"], ended["note"]) == ("screening", "withdrawn", "Fits.")
    assert (ended["other_application_id"], begun["other_application_id"]) == (new["id"], application["id"])
    assert (ended["who"]["id"], begun["who"]["id"], begun["position"]) == (
        admin.id,
        admin.id,
        ended["position"] + 1,
    )
    seen = (await cy.sees(f"{path}/history"))["items"][-1]
    assert (seen["what"], seen["note"], seen["who"]) == (ended["what"], None, {"role": "admin"})


async def test_a_move_is_refused_where_applying_would_be_and_changes_nothing_then(system: System) -> None:
    admin, cy, application, job, other = await two_jobs(system)
    path = f"/applications/{application['id']}"
    foreign = await (await system.company()).posts_job()
    draft = await admin.posts_job(status="draft")
    refused(await admin.post(f"{path}/move", {"job_id": foreign["id"]}), 404)
    refused(await admin.post(f"{path}/move", {"job_id": application["id"]}), 404)
    refused(await admin.post(f"{path}/move", {"job_id": draft["id"]}), 409, "job_not_open")
    refused(await admin.post(f"{path}/move", {"job_id": job["id"]}), 409, "already_applied")
    done(await admin.post(f"/jobs/{other['id']}/close"))
    refused(await admin.post(f"{path}/move", {"job_id": other["id"]}), 409, "job_not_open")
    done(await admin.post(f"/jobs/{other['id']}/reopen"))
    await cy.applies(other)
    refused(await admin.post(f"{path}/move", {"job_id": other["id"]}), 409, "already_applied")
    refused(await admin.post(f"{path}/move", {"job_id": other["id"]}, version=1), 412)
    assert (await admin.sees(path))["stage"] == "screening"


async def test_what_was_moved_is_decided_no_more(system: System) -> None:
    admin, cy, application, _, other = await two_jobs(system)
    path = f"/applications/{application['id']}"
    done(await admin.post(f"{path}/move", {"job_id": other["id"]}))
    third = await admin.posts_job()
    for answer in (
        await admin.post(f"{path}/move", {"job_id": third["id"]}),
        await admin.post(f"{path}/reject", {"reason": "No."}),
        await admin.post(f"{path}/reinstate"),
        await admin.patch(f"{path}/stage", {"stage": "interview"}),
        await cy.post(f"{path}/withdraw"),
    ):
        refused(answer, 409, "application_moved")


async def test_of_many_moves_at_once_one_is_made_and_a_repeated_key_answers_it(system: System) -> None:
    admin, _, application, _, other = await two_jobs(system)
    third = await admin.posts_job()
    path = f"/applications/{application['id']}/move"
    moves = [admin.post(path, {"job_id": job["id"]}) for job in (other, third) for _ in range(4)]
    answers = await asyncio.gather(*moves)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    again, _, application, _, other = await two_jobs(system)
    path, body = f"/applications/{application['id']}/move", {"job_id": other["id"]}
    first = await again.post(path, body, key="m")
    await again.advances(first.json(), "screening")
    repeated = await again.post(path, body, key="m")
    assert (repeated.status_code, repeated.content) == (201, first.content)


async def test_what_was_moved_is_judged_by_what_the_other_job_asks(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job(skills=["baking"]))
    other = await admin.posts_job(skills=["milling"])
    new = done(await admin.post(f"/applications/{application['id']}/move", {"job_id": other["id"]}))
    assert [one["screening"]["verdict"] for one in (application, new)] == ["qualified", "not_qualified"]
    assert new["version"] == 2
