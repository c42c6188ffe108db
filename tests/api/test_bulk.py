"""Decisions about many applications at once: each has its own outcome."""

import asyncio

import pytest

from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOBODYS = "00000000-0000-8000-8000-000000000000"


async def applications(system: System, job: Json, count: int) -> list[Json]:
    return [await (await system.candidate()).applies(job) for _ in range(count)]


async def of(person: Person, path: str, **body: object) -> list[Json]:
    items: list[Json] = done(await person.post(f"/applications/bulk/{path}", body))["items"]
    return items


async def test_each_has_its_own_outcome_in_the_order_asked(system: System) -> None:
    admin, other = await system.company(), await system.company()
    ahead, rejected, here = await applications(system, await admin.posts_job(), 3)
    (theirs,) = await applications(system, await other.posts_job(), 1)
    await admin.advances(ahead, "screening", "interview")
    await admin.rejects(rejected)
    ids = [ahead["id"], theirs["id"], rejected["id"], here["id"], NOBODYS]
    answer = done(
        await admin.post("/applications/bulk/stage", {"ids": ids, "stage": "screening", "note": "Go."})
    )
    assert [item["id"] for item in answer["items"]] == ids
    assert [item["status"] for item in answer["items"]] == [
        "refused",
        "not_found",
        "refused",
        "ok",
        "not_found",
    ]
    assert answer["items"][0]["code"] == "stage_not_allowed"
    assert [item.get("allowed") for item in answer["items"]] == [["offer"], None, [], None, None]
    now = await admin.sees(f"/applications/{here['id']}")
    expected = {name: now[name] for name in ("id", "stage", "version", "position")} | {"status": "ok"}
    assert (answer["items"][3], answer["ok"], answer["position"]) == (expected, 1, now["position"])
    notes = [entry["note"] for entry in (await admin.sees(f"/applications/{here['id']}/history"))["items"]]
    assert notes[-1] == "Go."
    assert (await other.sees(f"/applications/{theirs['id']}"))["stage"] == "applied"


async def test_two_hundred_are_rejected_at_once_each_with_the_reason(system: System) -> None:
    admin = await system.company()
    cy = await system.candidate()
    sent = [await cy.applies(await admin.posts_job()) for _ in range(200)]
    items = await of(admin, "reject", ids=[one["id"] for one in sent], reason="All filled.")
    assert {item["status"] for item in items} == {"ok"}
    positions = sorted(item["position"] for item in items)
    assert positions == list(range(positions[0], positions[0] + 200))
    for one in (sent[0], sent[-1]):
        last = (await cy.sees(f"/applications/{one['id']}/history"))["items"][-1]
        assert (last["to_stage"], last["reason"]) == ("rejected", "All filled.")


async def test_many_hired_at_once_fill_only_the_openings(system: System) -> None:
    admin = await system.company()
    sent = await applications(system, await admin.posts_job(openings=3), 8)
    ids = [one["id"] for one in sent]
    for stage in ("screening", "interview", "offer"):
        assert {item["status"] for item in await of(admin, "stage", ids=ids, stage=stage)} == {"ok"}
    items = await of(admin, "stage", ids=ids, stage="hired")
    assert sorted(item.get("code", "ok") for item in items) == ["ok"] * 3 + ["openings_filled"] * 5


async def test_many_hired_at_once_with_a_key_are_hired_once(system: System) -> None:
    admin = await system.company()
    sent = await applications(system, job := await admin.posts_job(openings=5), 3)
    ids = [one["id"] for one in sent]
    for stage in ("screening", "interview", "offer"):
        await of(admin, "stage", ids=ids, stage=stage)
    hire = {"ids": ids, "stage": "hired"}
    first, again = [await admin.post("/applications/bulk/stage", hire, key="hire") for _ in range(2)]
    assert [item["status"] for item in done(first)["items"]] == ["ok"] * 3
    assert again.content == first.content
    assert (await admin.sees(f"/jobs/{job['id']}"))["version"] == job["version"] + 3


async def test_a_repeated_key_answers_the_same_outcomes(system: System) -> None:
    admin = await system.company()
    sent = await applications(system, await admin.posts_job(), 3)
    ids = [one["id"] for one in sent]
    await admin.rejects(sent[0])
    body = {"ids": ids, "stage": "screening", "note": "Once."}
    first = await admin.post("/applications/bulk/stage", body, key="k")
    await admin.advances(sent[1], "interview")
    again = await admin.post("/applications/bulk/stage", body, key="k")
    assert (again.content, first.json()["ok"]) == (first.content, 2)


async def test_a_key_that_changed_nothing_does_nothing_with_another_body(system: System) -> None:
    admin = await system.company()
    here, other = await applications(system, await admin.posts_job(), 2)
    await admin.advances(here, "screening")
    stage = "/applications/bulk/stage"
    body = {"ids": [here["id"]], "stage": "screening"}
    assert done(await admin.post(stage, body, key="k"))["ok"] == 1
    for path, changed in (
        (stage, body | {"stage": "interview"}),
        (stage, body | {"ids": [other["id"]]}),
        ("/applications/bulk/reject", {"ids": [here["id"]], "reason": "No."}),
    ):
        refused(await admin.post(path, changed, key="k"), 409, "idempotency_key_reused")
    stages = [(await admin.sees(f"/applications/{one['id']}"))["stage"] for one in (here, other)]
    assert stages == ["screening", "applied"]
    assert done(await admin.post(stage, body, key="k"))["ok"] == 1
    recruiter = await system.member(admin, "recruiter")
    assert done(await recruiter.post(stage, body | {"ids": [other["id"]]}, key="k"))["ok"] == 1


async def test_of_different_bodies_with_one_key_at_once_one_acts(system: System) -> None:
    admin = await system.company()
    sent = await applications(system, await admin.posts_job(), 8)
    answers = await asyncio.gather(
        *(
            admin.post("/applications/bulk/stage", {"ids": [one["id"]], "stage": "screening"}, key="k")
            for one in sent
        )
    )
    stages = [(await admin.sees(f"/applications/{one['id']}"))["stage"] for one in sent]
    acted = {200: "screening", 409: "applied"}
    assert [acted[answer.status_code] for answer in answers] == stages
    assert stages.count("screening") == 1


async def test_a_key_that_came_with_an_invalid_request_is_free(system: System) -> None:
    admin = await system.company()
    (here,) = await applications(system, await admin.posts_job(), 1)
    body = {"ids": [here["id"]], "stage": "screening"}
    refused(await admin.post("/applications/bulk/stage", body | {"ids": [here["id"]] * 2}, key="k"), 400)
    assert done(await admin.post("/applications/bulk/stage", body, key="k"))["ok"] == 1


@pytest.mark.parametrize("ids", [[], [NOBODYS] * 2, ["x"], [f"{n:08x}{NOBODYS[8:]}" for n in range(201)]])
async def test_ids_are_1_to_200_different_ones(system: System, ids: list[str]) -> None:
    admin = await system.company()
    body = refused(await admin.post("/applications/bulk/reject", {"ids": ids, "reason": "No."}), 400)
    assert body["errors"][0]["field"].startswith("ids")
