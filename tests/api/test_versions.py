"""Positions, ETag and If-Match, and Idempotency-Key, on every write."""

import asyncio
import re
from typing import Final
from uuid import uuid4

import httpx
import pytest
from litestar.routes import HTTPRoute

from api.app import create_app
from infrastructure.settings import Settings
from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIFE: Final = ("publish", "close", "reopen", "close", "archive")


async def test_every_write_answers_version_position_and_etag(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    created = await admin.post("/jobs", {"title": "Baker"})
    job: Json = created.json()
    assert created.headers["location"] == f"/jobs/{job['id']}"
    path = f"/jobs/{job['id']}"
    answers = [created, await admin.patch(path, {"title": "Miller"})]
    answers += [await admin.post(f"{path}/{step}") for step in LIFE[:1]]
    applied = await cy.post(f"{path}/apply", {})
    application = f"/applications/{applied.json()['id']}"
    assert applied.headers["location"] == application
    moves = [
        applied,
        await admin.patch(f"{application}/stage", {"stage": "screening"}),
        await admin.post(f"{application}/reject", {"reason": "No."}),
        await admin.post(f"{application}/reinstate"),
        await cy.post(f"{application}/withdraw"),
    ]
    answers += [await admin.post(f"{path}/{step}") for step in LIFE[1:]]
    for stream in (answers, moves):
        first = 1 if stream is answers else 2  # with an application comes its verdict
        for version, answer in enumerate(stream, start=first):
            assert answer.headers["etag"] == f'"{version}"'
            assert answer.json()["version"] == version
    positions = [answer.json()["position"] for answer in (*answers[:3], *moves, *answers[3:])]
    assert positions == [2, 3, 4, *range(6, 3 + len(positions))]
    assert (await admin.get(application)).headers["etag"] == moves[-1].headers["etag"]


async def test_nothing_to_change_answers_the_entity_as_it_is(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    path = f"/jobs/{job['id']}"
    for answer in (await admin.post(f"{path}/publish"), await admin.patch(path, {}), await admin.get(path)):
        assert done(answer) == job


async def test_if_match_makes_every_write_conditional(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job)
    about_job, about_application = f"/jobs/{job['id']}", f"/applications/{application['id']}"
    writes: list[tuple[Person, str, str, Json | None, int]] = [
        (admin, "PATCH", about_job, {"title": "Miller"}, 2),
        (admin, "POST", f"{about_job}/close", None, 3),
        (admin, "POST", f"{about_job}/reopen", None, 4),
        (admin, "POST", f"{about_job}/publish", None, 5),
        (admin, "PATCH", f"{about_application}/stage", {"stage": "screening"}, 2),
        (admin, "POST", f"{about_application}/reject", {"reason": "No."}, 3),
        (admin, "POST", f"{about_application}/reinstate", None, 4),
        (cy, "POST", f"{about_application}/withdraw", None, 5),
    ]
    for person, method, path, body, version in writes:
        for stale in (version - 1, version + 1, 999):
            answer = await person.send(method, path, body, version=stale)
            refused(answer, 412, "stale_version")
            assert answer.headers["etag"] == f'"{version}"'
        done(await person.send(method, path, body, version=version))
    any_version = await admin.send("POST", f"{about_job}/close", headers={"If-Match": "*"})
    assert any_version.status_code == 200


@pytest.mark.parametrize("header", ["3", '"x"', '"-1"', '"1", "2"', "", '"99999999999999999999"', "W/"])
async def test_an_if_match_that_is_no_version_is_400(system: System, header: str) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    answer = await admin.send("POST", f"/jobs/{job['id']}/close", headers={"If-Match": header})
    assert refused(answer, 400, "invalid")["errors"] == [
        {"field": "If-Match", "reason": 'expected one version, as in "3"'}
    ]


async def test_a_header_that_comes_twice_is_400_whichever_was_meant(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    for name, values in (
        ("If-Match", ('"2"', '"9"')),
        ("If-Match", ("*", "*")),
        ("Idempotency-Key", ("a", "b")),
    ):
        headers = [("Authorization", f"Bearer {admin.token}"), *((name, value) for value in values)]
        answer = await system.client.post(f"/jobs/{job['id']}/close", headers=headers)
        assert refused(answer, 400, "invalid")["errors"] == [{"field": name, "reason": "given twice"}]
    assert (await admin.sees(f"/jobs/{job['id']}"))["status"] == "open"
    headers = [("Authorization", f"Bearer {cy.token}"), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
    sent = await system.client.post("/resumes", headers=headers, files={"file": ("cy.txt", b"Bakes.")})
    refused(sent, 400, "invalid")
    assert (await cy.sees("/resumes"))["items"] == []


async def test_of_two_edits_of_one_version_one_is_stale(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    path = f"/jobs/{job['id']}"
    edits = [admin.patch(path, {"title": f"Title {n}"}, version=2) for n in range(5)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*edits)) == [200, 412, 412, 412, 412]


async def test_edits_of_different_fields_at_once_are_all_kept(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    path = f"/jobs/{job['id']}"
    fields: Json = {
        "title": "New",
        "location": "Lyon",
        "remote": True,
        "openings": 3,
        "skills": ["new"],
        "description": "D",
    }
    answers = await asyncio.gather(*(admin.patch(path, {name: value}) for name, value in fields.items()))
    assert {answer.status_code for answer in answers} == {200}
    kept = await admin.sees(path)
    assert {name: kept[name] for name in fields} == fields


async def test_the_same_key_and_body_answer_the_first_outcome(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job_body = {"title": "Baker", "status": "open"}
    first = await admin.post("/jobs", job_body, key="k")
    await admin.patch(f"/jobs/{first.json()['id']}", {"title": "Miller"})
    again = await admin.post("/jobs", job_body, key="k")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    apply = f"/jobs/{first.json()['id']}/apply"
    letter = {"cover_letter": "Dear all"}
    applied = await cy.post(apply, letter, key="k")
    repeated = await cy.post(apply, letter, key="k")
    assert (repeated.status_code, repeated.json()) == (201, applied.json())
    assert repeated.json()["cover_letter"] == "Dear all"
    seen = await admin.sees(f"/applications/{applied.json()['id']}")
    assert seen["cover_letter"] == "Dear all"


async def test_every_post_may_be_repeated_with_a_key(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job)
    about_job, about_application = f"/jobs/{job['id']}", f"/applications/{application['id']}"
    head = (await admin.sees("/audit/events", limit=1))["head"]
    writes: list[tuple[Person, str, Json | None]] = [
        (cy, f"{about_job}/view", None),
        (admin, f"{about_job}/close", None),
        (admin, f"{about_job}/reopen", None),
        (admin, f"{about_application}/reject", {"reason": "No."}),
        (admin, f"{about_application}/reinstate", None),
        (cy, f"{about_application}/withdraw", None),
    ]
    for number, (person, path, body) in enumerate(writes, start=1):
        first = await person.post(path, body, key=path)
        for again in await asyncio.gather(*(person.post(path, body, key=path) for _ in range(3))):
            assert (again.status_code, again.content) == (first.status_code, first.content)
        assert (await admin.sees("/audit/events", limit=1))["head"] == head + number


async def test_every_write_answers_its_first_outcome_again_whatever_came_between(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    other = await admin.posts_job()
    written: list[tuple[Person, str, str, Json | None, httpx.Response]] = []

    async def write(person: Person, method: str, path: str, body: Json | None = None) -> str:
        answer = await person.send(method, path, body, key=f"{len(written)}")
        written.append((person, method, path, body, answer))
        return str(done(answer).get("id"))

    about_job = f"/jobs/{await write(admin, 'POST', '/jobs', {'title': 'Baker'})}"
    await write(admin, "POST", f"{about_job}/publish")
    await write(admin, "PATCH", about_job, {"title": "Miller"})
    await write(cy, "POST", f"{about_job}/view")
    application = await write(cy, "POST", f"{about_job}/apply", {"cover_letter": "Dear all"})
    about = f"/applications/{application}"
    await write(admin, "PATCH", f"{about}/stage", {"stage": "screening", "note": "Soon."})
    await write(admin, "POST", f"{about}/comments", {"text": "Good hands."})
    for recommendation in ("no", "yes"):
        card = {"ratings": {"craft": 3}, "recommendation": recommendation, "note": "Shy."}
        await write(admin, "POST", f"{about}/scorecards", card)
    await write(admin, "POST", f"{about}/reject", {"reason": "No.", "note": "Yet."})
    await write(admin, "POST", f"{about}/reinstate")
    ids = {"ids": [application, str(uuid4())]}
    await write(admin, "POST", "/applications/bulk/stage", ids | {"stage": "interview"})
    await write(admin, "POST", "/applications/bulk/reject", ids | {"reason": "No."})
    await write(admin, "POST", f"{about}/reinstate")
    moved = await write(admin, "POST", f"{about}/move", {"job_id": other["id"], "note": "Fits."})
    await write(cy, "POST", f"/applications/{moved}/withdraw")
    for step in ("close", "reopen", "close", "archive"):
        await write(admin, "POST", f"{about_job}/{step}")
    invited = {"email": f"{uuid4().hex}@example.com", "role": "auditor"}
    await write(admin, "POST", "/company/invitations", invited)
    head = (await admin.sees("/audit/events", limit=1))["head"]

    for number, (person, method, path, body, first) in enumerate(written):
        again = await person.send(method, path, body, key=f"{number}")
        assert (again.status_code, again.content) == (first.status_code, first.content), path
        for name in ("etag", "location"):
            assert again.headers.get(name) == first.headers.get(name), path
    assert (await admin.sees("/audit/events", limit=1))["head"] == head
    asked = {(method, re.sub(r"[0-9a-f-]{36}", "{}", path)) for _, method, path, _, _ in written}
    taking = {(method, re.sub(r"{\w+}", "{}", path)) for method, path in routes(with_key=True)}
    assert taking - asked == {("POST", "/resumes")}  # has tests of its own


def routes(*, with_key: bool) -> set[tuple[str, str]]:
    """Those beyond `/auth` that take an Idempotency-Key, or that do not."""
    return {
        (method, route.path_format)
        for route in create_app(Settings()).routes
        if isinstance(route, HTTPRoute) and not route.path_format.startswith("/auth/")
        for handler in route.route_handlers
        for method in handler.http_methods
        if ("idempotency_key" in handler.parsed_fn_signature.parameters) == with_key
    }


SAFE_WITHOUT: Final = {
    "/jobs/{job_id}/screening/what-if",  # changes nothing
    "/notifications/{notification_id}/read",  # what is read or switched off stays so
    "/notifications/read",
    "/notifications/unsubscribe",
}


async def test_every_post_takes_a_key_and_so_do_edits_of_jobs_and_applications() -> None:
    """What a key is for is not asked of `/auth`, whose codes and tokens are spent once."""
    without = routes(with_key=False)
    assert {path for method, path in without if method == "POST"} <= SAFE_WITHOUT
    edits = {path for method, path in without if method == "PATCH"}
    assert {path for path in edits if path.startswith(("/jobs", "/applications"))} == set()


async def test_a_repeated_stage_or_edit_answers_its_first_outcome(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job)
    for path, body, further in (
        (f"/applications/{application['id']}/stage", {"stage": "screening"}, {"stage": "interview"}),
        (f"/jobs/{job['id']}", {"title": "Miller"}, {"title": "Grinder"}),
    ):
        first = await admin.send("PATCH", path, body, key=path)
        done(await admin.patch(path, further))
        again = await admin.send("PATCH", path, body, key=path)
        assert (again.status_code, again.content) == (200, first.content)
        refused(await admin.send("PATCH", path, further, key=path), 409, "idempotency_key_reused")


async def test_a_refusal_is_not_kept_under_its_key(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    apply = f"/jobs/{job['id']}/apply"
    done(await admin.post(f"/jobs/{job['id']}/close"))
    refused(await cy.post(apply, {}, key="k"), 409, "job_not_open")
    done(await admin.post(f"/jobs/{job['id']}/reopen"))
    first = await cy.post(apply, {}, key="k")
    assert (first.status_code, (await cy.post(apply, {}, key="k")).content) == (201, first.content)


async def test_a_key_sent_many_times_at_once_creates_one_job(system: System) -> None:
    admin = await system.company()
    posts = [admin.post("/jobs", {"title": "Baker"}, key="at once") for _ in range(15)]
    answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert (await admin.sees("/audit/events"))["head"] == 2


async def test_the_same_key_with_another_body_is_409(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = (await admin.post("/jobs", {"title": "Baker", "status": "open"}, key="k")).json()
    refused(await admin.post("/jobs", {"title": "Miller"}, key="k"), 409, "idempotency_key_reused")
    apply = f"/jobs/{job['id']}/apply"
    done(await cy.post(apply, {"source": "a"}, key="k"))
    refused(await cy.post(apply, {"source": "b"}, key="k"), 409, "idempotency_key_reused")
    refused(await admin.post(f"/jobs/{job['id']}/close", key="k"), 409, "idempotency_key_reused")
    other = await admin.posts_job()
    refused(
        await cy.post(f"/jobs/{other['id']}/apply", {"source": "b"}, key="k"), 409, "idempotency_key_reused"
    )


async def test_a_key_is_of_one_request_also_when_that_changed_nothing(system: System) -> None:
    admin = await system.company()
    one, other = await admin.posts_job(), await admin.posts_job()
    done(await admin.post(f"/jobs/{one['id']}/publish", key="k"))
    refused(await admin.post(f"/jobs/{other['id']}/close", key="k"), 409, "idempotency_key_reused")
    done(await admin.post(f"/jobs/{one['id']}/publish", key="k"))


async def test_two_people_may_use_the_same_key(system: System) -> None:
    one, other = await system.company(), await system.company()
    first = done(await one.post("/jobs", {"title": "Baker"}, key="k"))
    second = done(await other.post("/jobs", {"title": "Baker"}, key="k"))
    assert first["id"] != second["id"]
    colleague = await system.member(one, "recruiter")
    third = done(await colleague.post("/jobs", {"title": "Baker"}, key="k"))
    assert third["id"] != first["id"]


@pytest.mark.parametrize(("key", "status"), [("", 400), ("k" * 255, 201), ("k" * 256, 400), ("a b", 201)])
async def test_a_key_is_any_text_up_to_255(system: System, key: str, status: int) -> None:
    admin = await system.company()
    assert (await admin.post("/jobs", {"title": "Baker"}, key=key)).status_code == status
