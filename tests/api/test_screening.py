"""Screening over HTTP: how a job says it, what an applicant gets, how lists use it, and what another policy would make of it."""

from typing import Any, Final

import pytest

from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

JOB: Final[Json] = {
    "skills": ["Python", "JavaScript"],
    "min_experience_years": 4,
    "salary_max": 60_000,
    "currency": "EUR",
}
FITTING: Final[Json] = {
    "skills": ["python", "js"],
    "experience_years": 4,
    "expected_salary": 60_000,
    "currency": "EUR",
}
HALF: Final = FITTING | {"skills": ["python"], "experience_years": 0}
DEAR: Final = FITTING | {"expected_salary": 10**9}
SILENT: Final[Json] = {"skills": []}


def brief(screening: Json) -> dict[str, tuple[str, int, int]]:
    return {one["name"]: (one["outcome"], one["points"], one["out_of"]) for one in screening["criteria"]}


async def applied(system: System, job: Json, *claims: Json) -> list[Json]:
    return [await (await system.candidate()).applies(job, **one) for one in claims]


async def test_an_application_is_screened_as_it_is_sent(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(**JOB)
    fitting, half, dear, silent = await applied(system, job, FITTING, HALF, DEAR, SILENT)
    found = [
        (one["screening"]["verdict"], one["screening"]["score"]) for one in (fitting, half, dear, silent)
    ]
    assert found == [("qualified", 100), ("not_qualified", 45), ("qualified", 80), ("not_qualified", 0)]
    assert brief(fitting["screening"])["skills"] == ("met", 50, 50)
    assert brief(dear["screening"])["salary"] == ("not_met", 0, 20)
    assert brief(silent["screening"])["salary"] == ("not_judged", 0, 20)
    assert fitting["screening"]["policy_version"] == 1
    path = f"/applications/{fitting['id']}"
    assert (await admin.sees(path))["screening"] == fitting["screening"]
    assert (await admin.sees(path, as_of="1"))["screening"] is None
    assert (await admin.sees(path, as_of="2"))["screening"] == fitting["screening"]
    await system.project()
    listed = {one["id"]: one["screening"] for one in await admin.all("/applications")}
    assert listed == {one["id"]: one["screening"] for one in (fitting, half, dear, silent)}
    board = await admin.sees(f"/jobs/{job['id']}/board")
    assert {card["id"]: card["screening"] for card in board["stages"][0]["items"]} == listed


async def test_skills_count_however_they_were_typed(system: System) -> None:
    wide = "\uff2b\uff35\uff22\uff25\uff32\uff2e\uff25\uff34\uff25\uff33"
    admin, long, odd = await system.company(), "\U0001f600" * 200, "\ufdfa" * 200
    job = await admin.posts_job(skills=["Python", "kubernetes", long, odd], must_have_skills=[wide])
    (application,) = await applied(system, job, {"skills": ["py", wide, long, odd]})
    assert application["skills"] == ["py", "KUBERNETES", long, odd]
    assert application["screening"]["score"] == 100
    assert done(await admin.patch(f"/jobs/{job['id']}", {"skills": [wide]}))["skills"] == ["KUBERNETES"]
    asked = {"policy": {"skills": [wide], "must_have_skills": [wide]}}
    await system.project()
    answer = done(await admin.post(f"/jobs/{job['id']}/screening/what-if", asked))
    assert answer["after"]["qualified"] == 1
    found = await admin.all("/jobs", skill=wide, company_id=admin.company_id)
    assert [each["id"] for each in found] == [job["id"]]


async def test_changed_requirements_leave_earlier_verdicts_as_they_are(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(**JOB)
    (before,) = await applied(system, job, DEAR)
    done(await admin.patch(f"/jobs/{job['id']}", {"screening": {"threshold": 81}}))
    (after,) = await applied(system, job, DEAR)
    assert (before["screening"]["verdict"], after["screening"]["verdict"]) == ("qualified", "not_qualified")
    assert (before["requirements_revision"], after["requirements_revision"]) == (1, 2)
    assert (await admin.sees(f"/applications/{before['id']}"))["screening"] == before["screening"]


async def test_a_job_says_how_it_screens(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job(skills=["Python"])
    assert job["screening"] == {"weights": {"skills": 50, "experience": 30, "salary": 20}, "threshold": 70}
    assert job["must_have_skills"] == []
    path = f"/jobs/{job['id']}"
    changed = done(
        await admin.patch(
            path,
            {"must_have_skills": ["SQL", "python"], "screening": {"weights": {"salary": 0}, "threshold": 50}},
        )
    )
    assert changed["screening"] == {"weights": {"skills": 50, "experience": 30, "salary": 0}, "threshold": 50}
    assert (changed["skills"], changed["must_have_skills"]) == (["Python", "SQL"], ["SQL", "python"])
    assert (await admin.sees(path))["screening"] == changed["screening"]
    seen = await cy.sees(path)
    assert ("screening" in seen, seen["must_have_skills"]) == (False, ["SQL", "python"])
    (without,) = await applied(system, job, {"skills": ["python"]})
    assert without["screening"]["verdict"] == "not_qualified"
    assert brief(without["screening"])["must_have"][0] == "not_met"


@pytest.mark.parametrize(
    ("screening", "status"),
    [
        ({"weights": {"skills": 0, "experience": 0, "salary": 0}}, 409),
        ({"weights": {"skills": -1}}, 400),
        ({"weights": {"skills": 1_001}}, 400),
        ({"weights": {"skills": 0.5}}, 400),
        ({"weights": {"looks": 1}}, 400),
        ({"threshold": 101}, 400),
        (None, 400),
    ],
)
async def test_a_policy_that_no_job_may_have_is_refused(system: System, screening: Any, status: int) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    code = "weights_invalid" if status == 409 else "invalid"
    refused(await admin.post("/jobs", {"title": "Baker", "screening": screening}), status, code)
    refused(await admin.patch(f"/jobs/{job['id']}", {"screening": screening}), status, code)
    path = f"/jobs/{job['id']}/screening/what-if"
    if screening is not None:
        refused(await admin.post(path, {"policy": screening}), status, code)


async def test_lists_filter_by_verdict_and_words_and_sort_by_score(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(**JOB)
    people = [await system.candidate() for _ in range(4)]
    fitting, half, dear, silent = [
        await person.applies(job, **claims)
        for person, claims in zip(people, (FITTING, HALF, DEAR, SILENT), strict=True)
    ]
    await system.project()

    async def ids(person: Person, **query: Any) -> list[str]:
        return [one["id"] for one in await person.all("/applications", **query)]

    by_score = [fitting["id"], dear["id"], half["id"], silent["id"]]
    assert await ids(admin, sort="score") == by_score
    assert await ids(admin, sort="score", limit=1, job_id=job["id"]) == by_score
    assert await ids(admin, verdict="qualified") == [dear["id"], fitting["id"]]
    assert await ids(admin, verdict="not_qualified", sort="score") == [half["id"], silent["id"]]
    assert await ids(admin, q="PYTH js") == [dear["id"], fitting["id"]]
    name = people[1].profile["name"]
    assert await ids(admin, q=f"{name} python") == [half["id"]]
    assert await ids(people[1], q=name) == []
    assert await ids(admin, q="%") == []
    assert await ids(await system.company(), q=name) == []
    newest = (await admin.sees("/applications", limit=1))["next"]
    refused(await admin.get("/applications", sort="score", cursor=newest), 400, "invalid")


async def test_what_if_is_what_screening_again_one_by_one_would_be_and_changes_nothing(
    system: System,
) -> None:
    admin = await system.company()
    job = await admin.posts_job(**JOB)
    claims = [FITTING, HALF, DEAR, SILENT, FITTING]
    before = await applied(system, job, *claims)
    await system.project()
    other = {"weights": {"salary": 60}, "threshold": 65, "min_experience_years": 2}
    path = f"/jobs/{job['id']}/screening/what-if"
    answer = done(await admin.post(path, {"policy": other}))
    rest = done(await admin.send("POST", path, {"policy": other}, query={"limit": 1}))
    assert [(await admin.sees(f"/applications/{one['id']}")) for one in before] == before

    weights_and_threshold = {"weights": other["weights"], "threshold": other["threshold"]}
    same = await admin.posts_job(**JOB | {"min_experience_years": 2, "screening": weights_and_threshold})
    after = await applied(system, same, *claims)
    became = {
        old["id"]: (new["screening"]["verdict"], new["screening"]["score"])
        for old, new in zip(before, after, strict=True)
        if old["screening"]["verdict"] != new["screening"]["verdict"]
    }
    assert became
    changed = {
        one["id"]: (one["after"]["verdict"], one["after"]["score"]) for one in answer["changed"]["items"]
    }
    assert (changed, answer["changed"]["next"]) == (became, None)
    assert answer["applications"] == 5
    for side, ones in (("before", before), ("after", after)):
        verdicts = [one["screening"]["verdict"] for one in ones]
        scores = [one["screening"]["score"] for one in ones]
        assert answer[side] == {
            "qualified": verdicts.count("qualified"),
            "not_qualified": verdicts.count("not_qualified"),
            "not_screened": 0,
            "average_score": sum(scores) // 5,
        }
    assert answer["becoming_not_qualified"] + answer["becoming_qualified"] == len(became)
    assert len(rest["changed"]["items"]) == 1


async def test_what_if_pages_its_changes(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job(**JOB)
    sent = await applied(system, job, *[DEAR] * 3)
    await system.project()
    path = f"/jobs/{job['id']}/screening/what-if"
    found: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2, "cursor": cursor}
        answer = done(await admin.send("POST", path, {"policy": {"threshold": 100}}, query=query))
        assert (answer["becoming_not_qualified"], answer["before"]["qualified"]) == (3, 3)
        found += [one["id"] for one in answer["changed"]["items"]]
        cursor = answer["changed"]["next"]
        if cursor is None:
            break
    assert found == [one["id"] for one in reversed(sent)]
    refused(await admin.send("POST", path, {}, query={"cursor": "nonsense"}), 400, "invalid")
