"""The OpenAPI document: complete, true of what is answered, in plain names, and without another host."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs of its own

from api.http.body_examples import EXAMPLES
from tests.api.people import Json, System, done
from tests.api.resume_upload import upload, uploaded

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT: Final = Path(__file__).parents[2]
_VERBS = {"get", "post", "patch", "put", "delete"}


async def document(system: System) -> Json:
    return await system.nobody.sees("/schema")


def operations(described: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in described["paths"].items():
        for verb in _VERBS & set(item):
            yield verb.upper(), path, item[verb]


async def test_every_operation_says_what_it_does_and_what_it_answers(system: System) -> None:
    described = await document(system)
    assert described["openapi"].startswith("3.1")
    seen: set[str] = set()
    for verb, path, operation in operations(described):
        where = f"{verb} {path}"
        assert operation["summary"], where
        assert operation["description"].endswith("."), where
        assert operation["tags"], where
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+|register", operation["operationId"]), where
        assert operation["operationId"] not in seen
        seen.add(operation["operationId"])
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] == "path" or parameter["description"], f"{where} {parameter['name']}"
        for code, response in operation["responses"].items():
            if code.startswith("4"):
                assert list(response["content"]) == ["application/problem+json"], where


async def test_every_tag_that_is_used_is_described_and_no_other(system: System) -> None:
    described = await document(system)
    used = {tag for _, _, operation in operations(described) for tag in operation["tags"]}
    assert {tag["name"] for tag in described["tags"] if tag["description"]} == used


async def test_how_long_a_query_waits_is_not_told_where_a_setting_says_it(system: System) -> None:
    told = {
        parameter["description"]
        for _, _, operation in operations(await document(system))
        for parameter in operation.get("parameters", ())
        if parameter["name"] == "min_position"
    }
    assert told
    assert not [words for words in told if re.search(r"\d+ s\b", words)]


async def test_who_needs_a_token_is_told_of_401_and_403(system: System) -> None:
    described = await document(system)
    for verb, path, operation in operations(described):
        open_to_all = {} in operation.get("security", [])
        answers = await system.nobody.send(
            verb, re.sub(r"\{.*?\}", "00000000-0000-8000-8000-000000000000", path)
        )
        assert open_to_all == (answers.status_code != 401), f"{verb} {path}"
        if not open_to_all:
            assert "401" in operation["responses"], f"{verb} {path}"


async def test_names_are_plain_and_references_lead_somewhere(system: System) -> None:
    described = await document(system)
    schemas = described["components"]["schemas"]
    assert {"JobPage", "ApplicationPage", "Problem"} <= set(schemas)
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", name) for name in schemas)
    references = re.findall(r'"\$ref": ?"([^"]+)"', (await system.nobody.get("/schema")).text)
    assert {reference.rpartition("/")[2] for reference in references} <= set(schemas)
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


async def test_nothing_of_another_host_is_named(system: System) -> None:
    text = (await system.nobody.get("/schema")).text
    assert not re.findall(r"https?://", text)


async def test_bounds_are_the_ones_that_are_checked(system: System) -> None:
    described = await document(system)
    body = described["components"]["schemas"]["CreateJobBody"]
    assert body["additionalProperties"] is False
    assert body["required"] == ["title"]
    assert (
        body["properties"]["min_experience_years"]["minimum"],
        body["properties"]["openings"]["maximum"],
    ) == (0, 1000)
    assert body["properties"]["skills"]["items"]["maxLength"] == 200
    pattern = body["properties"]["title"]["pattern"]
    assert "\\Z" not in pattern
    limits = [
        parameter["schema"]
        for _, _, operation in operations(described)
        for parameter in operation.get("parameters", ())
        if parameter["name"] in {"limit", "min_position", "salary_at_least", "after", "top"}
    ]
    assert len(limits) > 8
    assert all("minimum" in schema and "maximum" in schema for schema in limits)


async def test_each_body_has_an_example_that_is_valid(system: System) -> None:
    described = await document(system)
    told = set[str]()
    for verb, path, operation in operations(described):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            told.add(operation["operationId"])
            assert content["example"], f"{verb} {path}"
            check(described, content["schema"], content["example"])
    assert told == set(EXAMPLES)


async def test_examples_can_be_sent(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = done(await admin.post("/jobs", EXAMPLES["create_job"]))
    done(await admin.patch(f"/jobs/{job['id']}", EXAMPLES["edit_job"]))
    application = done(await cy.post(f"/jobs/{job['id']}/apply", EXAMPLES["apply_for_job"]))
    path = f"/applications/{application['id']}"
    done(await admin.patch(f"{path}/stage", EXAMPLES["advance_application"]))
    done(await admin.post(f"{path}/comments", EXAMPLES["add_comment"]))
    done(await admin.post(f"{path}/scorecards", EXAMPLES["submit_scorecard"]))
    done(await admin.post(f"/jobs/{job['id']}/screening/what-if", EXAMPLES["screening_what_if"]))
    done(await admin.post(f"{path}/reject", EXAMPLES["reject_application"]))
    done(await admin.patch("/auth/me", EXAMPLES["change_account"]))


NOT_TOLD: Final = {
    "job_exists": "ids are made here",
    "openings_invalid": "the schema says so before",
    "ratings_invalid": "the same",
    "threshold_invalid": "the same",
    "not_a_member": "is found out before",
    "invitation_void": "is answered as a code that is not valid",
}
"""Rules that no request can break."""


async def test_each_rule_is_named_where_it_may_refuse(system: System) -> None:
    told = "".join(
        operation["responses"]["409"]["description"]
        for _, _, operation in operations(await document(system))
        if "409" in operation["responses"]
    )
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", told))
    sources = [
        file.read_text() for folder in ("domain", "application") for file in (ROOT / folder).glob("*.py")
    ]
    rules = {code for text in sources for code in re.findall(r'Rejected\(\s*"([a-z_]+)"', text)}
    assert len(rules) > 20
    assert {rule for rule in rules if not rule.endswith("_not_found")} - named == set(NOT_TOLD)


async def test_every_time_is_told_as_one(system: System) -> None:
    schemas = (await document(system))["components"]["schemas"]
    times = [
        schema
        for component in schemas.values()
        for name, schema in component.get("properties", {}).items()
        if name == "at" or name.endswith(("_at", "_since"))
    ]
    assert len(times) > 20
    for schema in times:
        kinds = [choice for choice in schema.get("anyOf", [schema]) if choice["type"] != "null"]
        assert kinds == [{"type": "string", "format": "date-time"}]


async def test_where_no_body_is_read_one_is_refused_as_described(system: System) -> None:
    described = await document(system)
    admin = await system.company()
    for verb, path, operation in operations(described):
        if "requestBody" in operation:
            continue
        where = re.sub(r"\{.*?\}", "00000000-0000-8000-8000-000000000000", path)
        other = await admin.send(verb, where, content=b"x", headers={"Content-Type": "text/plain"})
        large = await admin.send(verb, where, content=b" " * 1_000_001)
        unread = await admin.send(verb, where, content=b'{"x": 1}')
        codes = [str(answer.status_code) for answer in (other, large, unread)]
        assert set(codes) <= set(operation["responses"]), f"{verb} {path}"
        assert codes in (["415", "413", "400"], ["403"] * 3, ["415", "413", "415"]), f"{verb} {path}"


async def test_headers_are_told_where_they_are_answered(system: System) -> None:
    described = await document(system)
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    etag = (await admin.get("/dashboard/chart")).headers["etag"]
    unchanged = await admin.send("GET", "/dashboard/chart", headers={"If-None-Match": etag})
    letter = {"email": "in@example.com", "role": "auditor"}
    answers = {
        ("/jobs", "post"): await admin.post("/jobs", {"title": "Baker"}),
        ("/jobs/{job_id}", "get"): await system.nobody.get(f"/jobs/{job['id']}"),
        ("/jobs/{job_id}", "patch"): await admin.patch(f"/jobs/{job['id']}", {"title": "Chef"}, version=9),
        ("/jobs/{job_id}/apply", "post"): await cy.post(f"/jobs/{job['id']}/apply", {}),
        ("/resumes", "post"): await upload(cy),
        ("/company/invitations", "post"): await admin.post("/company/invitations", letter),
        ("/company", "get"): await system.nobody.get("/company"),
        ("/dashboard/chart", "get"): unchanged,
        ("/dashboard/jobs", "get"): await admin.get("/dashboard/jobs"),
    }
    told = {"etag", "location", "www-authenticate", "retry-after"}
    for (path, verb), answer in answers.items():
        response = described["paths"][path][verb]["responses"][str(answer.status_code)]
        names = {name.lower() for name in response["headers"] if not name.startswith("RateLimit")}
        assert names == told & set(answer.headers), (path, verb)
    for _, _, operation in operations(described):
        for code, response in operation["responses"].items():
            assert ("Retry-After" in response["headers"]) == (code in {"429", "503"})
            assert ("WWW-Authenticate" in response["headers"]) == (code == "401")
            limited = "429" in operation["responses"] and (code < "400" or code == "429")
            assert ("RateLimit-Remaining" in response["headers"]) == limited
    assert "ETag" in described["paths"]["/dashboard/chart"]["get"]["responses"]["200"]["headers"]


async def test_answers_are_as_described(system: System) -> None:
    described = await document(system)
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job(salary_min=1, salary_max=2, currency="EUR")
    application = await cy.applies(job, cover_letter="Dear")
    await cy.views(job)
    await admin.advances(application, "screening")
    await system.project()
    sent = done(await admin.post("/company/invitations", {"email": "in@example.com", "role": "auditor"}))
    ids = {"job_id": job["id"], "application_id": application["id"], "stream_id": job["id"]}
    ids["invitation_id"] = sent["id"]
    await uploaded(cy)
    checked = 0
    for verb, path, operation in operations(described):
        if verb != "GET" or "application/json" not in operation["responses"]["200"]["content"]:
            continue
        reader = cy if path == "/resumes" else admin
        answer = await reader.send(
            "GET", path.format(**ids), query={"format": "json"} if "chart" in path else None
        )
        check(
            described, operation["responses"]["200"]["content"]["application/json"]["schema"], answer.json()
        )
        checked += 1
    assert checked >= 12
    problem = (await system.nobody.get("/nothing")).json()
    check(described, {"$ref": "#/components/schemas/Problem"}, problem)
    check(described, {"$ref": "#/components/schemas/ApplicationAnswer"}, application)


def check(described: Json, schema: Json, answer: Any) -> None:
    """Raise when an answer is not what the schema says, or has a field that it does not name."""
    closed = {
        name: component | ({"additionalProperties": False} if "properties" in component else {})
        for name, component in described["components"]["schemas"].items()
    }
    Draft202012Validator({**schema, "components": {"schemas": closed}}).validate(answer)
