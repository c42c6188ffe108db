"""Jobs over HTTP: their shape, their life, being browsed and being seen."""

from typing import Any

import pytest

from tests.api.people import System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = {
    "title": "Senior Baker (m/f/d) \u2014 \U0001f35e",
    "description": "Bread.\nEarly.\tDaily.",
    "location": "São Paulo, BR",
    "remote": True,
    "employment_type": "part_time",
    "skills": ["Baking", "C++", "naïve Bayes"],
    "min_experience_years": 3,
    "salary_min": 0,
    "salary_max": 1_000_000_000,
    "currency": "BRL",
    "openings": 2,
}


async def test_a_job_is_answered_listed_and_logged_as_it_was_posted(system: System) -> None:
    admin = await system.company("Bread & Co.")
    job = done(await admin.post("/jobs", FIELDS | {"status": "open"}))
    assert {name: job[name] for name in FIELDS} == FIELDS
    assert (job["status"], job["company_name"], job["created_by"]) == ("open", "Bread & Co.", admin.id)
    assert job["created_at"].endswith("Z")
    assert job["published_at"] is not None
    await system.project()
    (listed,) = await system.nobody.all("/jobs", company_id=admin.company_id)
    only_here = {"position", "must_have_skills", "screening"}
    assert listed == {name: value for name, value in job.items() if name not in only_here}
    del job["screening"], job["position"]
    assert await system.nobody.sees(f"/jobs/{job['id']}") == job


async def test_how_far_the_log_of_a_company_goes_is_told_to_its_members_only(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    auditor = await system.member(admin, "auditor")
    for stranger in (system.nobody, cy, await system.company()):
        assert not {"position", "screening"} & set(await stranger.sees(f"/jobs/{job['id']}"))
    for member in (admin, auditor):
        assert (await member.sees(f"/jobs/{job['id']}"))["position"] == job["position"]
    assert done(await admin.post(f"/jobs/{job['id']}/close"))["position"] > job["position"]


async def test_a_currency_is_one_of_iso_4217_wherever_there_is_one(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    for unknown in ("ZZZ", "eur"):
        for answer in (
            await admin.patch(f"/jobs/{job['id']}", {"currency": unknown}),
            await admin.post(f"/jobs/{job['id']}/screening/what-if", {"policy": {"currency": unknown}}),
            await cy.post(f"/jobs/{job['id']}/apply", {"currency": unknown}),
        ):
            (error,) = refused(answer, 400, "invalid")["errors"]
            assert error["field"].rpartition(".")[2] == "currency"
            assert error["reason"].startswith("expected the code of a currency in use")
    paid = [await admin.posts_job(salary_max=1, currency=code) for code in ("EUR", "XOF", "CLF")]
    assert [job["currency"] for job in paid] == ["EUR", "XOF", "CLF"]


async def test_a_job_is_a_draft_unless_it_is_posted_open(system: System) -> None:
    admin = await system.company()
    job = done(await admin.post("/jobs", {"title": "Baker"}))
    assert (job["status"], job["published_at"], job["version"]) == ("draft", None, 1)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"salary_min": 2, "salary_max": 1, "currency": "EUR"}, "salary_range_invalid"),
        ({"salary_min": 1}, "currency_missing"),
    ],
)
async def test_a_rule_is_a_409_that_names_it(system: System, fields: dict[str, Any], code: str) -> None:
    admin = await system.company()
    refused(await admin.post("/jobs", {"title": "Baker"} | fields), 409, code)
    job = await admin.posts_job()
    refused(await admin.patch(f"/jobs/{job['id']}", fields), 409, code)


async def test_only_what_is_given_is_edited(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(**FIELDS)
    edited = done(await admin.patch(f"/jobs/{job['id']}", {"location": "Lyon", "salary_min": None}))
    expected = job | {"location": "Lyon", "salary_min": None, "version": 4, "position": job["position"] + 2}
    assert edited == expected


async def test_a_job_lives_as_it_may_and_not_otherwise(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(status="draft")
    path = f"/jobs/{job['id']}"
    steps = [
        ("close", "job_not_open"),
        ("reopen", "job_not_closed"),
        ("publish", None),
        ("archive", "job_open"),
        ("close", None),
        ("publish", "job_closed"),
        ("reopen", None),
        ("close", None),
        ("archive", None),
        ("reopen", "job_archived"),
        ("publish", "job_archived"),
    ]
    for step, code in steps:
        answer = await admin.post(f"{path}/{step}")
        if code is None:
            assert answer.status_code == 200
        else:
            refused(answer, 409, code)
    refused(await admin.patch(path, {"title": "No"}), 409, "job_archived")


async def test_a_job_that_was_never_open_is_seen_by_its_company_only(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    draft = await admin.posts_job(status="draft")
    put_away = await admin.posts_job(status="draft")
    done(await admin.post(f"/jobs/{put_away['id']}/archive"))
    for job in (draft, put_away):
        for person in (cy, system.nobody, await system.company()):
            refused(await person.get(f"/jobs/{job['id']}"), 404)
        refused(await cy.post(f"/jobs/{job['id']}/apply", {}), 404)
        refused(await cy.post(f"/jobs/{job['id']}/view"), 404)
        assert (await admin.sees(f"/jobs/{job['id']}"))["id"] == job["id"]


async def test_open_jobs_are_found_by_what_they_are(system: System) -> None:
    admin = await system.company()
    baker = await admin.posts_job(
        title="Baker", location="Lyon", skills=["Sourdough"], salary_max=50, currency="EUR"
    )
    miller = await admin.posts_job(
        title="Miller", remote=True, min_experience_years=5, description="grinds grain"
    )
    await admin.posts_job(title="Baker, not yet", status="draft")
    closed = await admin.posts_job(title="Baker, no more")
    done(await admin.post(f"/jobs/{closed['id']}/close"))
    await system.project()

    async def found(**query: Any) -> list[str]:
        return [job["id"] for job in await system.nobody.all("/jobs", company_id=admin.company_id, **query)]

    assert await found() == [miller["id"], baker["id"]]
    for query in ({"q": "baker"}, {"skill": "sourdough"}, {"location": "lyo"}, {"salary_at_least": 50}):
        assert await found(**query) == [baker["id"]], query
    for query in ({"q": "grain"}, {"remote": "true"}, {"skill": "baking", "q": "miller"}):
        assert await found(**query) == [miller["id"]], query
    assert await found(experience_at_most=4) == [baker["id"]]
    assert await found(q="baker miller") == []
    assert await found(skill=["baking", "sourdough"]) == []


async def test_staff_list_their_own_jobs_in_any_status(system: System) -> None:
    admin = await system.company()
    recruiter = await system.member(admin, "recruiter")
    open_job, draft = await admin.posts_job(), await recruiter.posts_job(status="draft")
    await system.project()
    assert [job["id"] for job in await admin.all("/jobs", status="draft")] == [draft["id"]]
    assert [job["id"] for job in await admin.all("/jobs", status="open")] == [open_job["id"]]
    assert [job["id"] for job in await recruiter.all("/jobs", mine="true")] == [draft["id"]]


async def test_a_candidates_first_sight_of_a_job_is_a_view(system: System) -> None:
    admin, ann, bob = await system.company(), await system.candidate(), await system.candidate()
    job = await admin.posts_job()
    for person in (ann, ann, admin, system.nobody, bob):
        await person.sees(f"/jobs/{job['id']}")
    await ann.views(job)
    await system.project()
    (row,) = (await admin.sees("/dashboard/jobs"))["items"]
    assert row["views"] == 2
    types = [event["type"] for event in (await admin.sees("/audit/events"))["items"]]
    assert types.count("JobViewed") == 2


async def test_a_closed_job_is_read_but_not_seen_or_applied_for(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    early = await system.candidate()
    await early.views(job)
    done(await admin.post(f"/jobs/{job['id']}/close"))
    await early.views(job)
    assert (await cy.sees(f"/jobs/{job['id']}"))["status"] == "closed"
    refused(await cy.post(f"/jobs/{job['id']}/view"), 409, "job_not_open")
    refused(await cy.post(f"/jobs/{job['id']}/apply", {}), 409, "job_not_open")
    types = [event["type"] for event in (await admin.sees("/audit/events"))["items"]]
    assert types.count("JobViewed") == 1
