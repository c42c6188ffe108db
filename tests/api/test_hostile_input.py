"""Whatever is sent, the answer is a problem that says what is wrong, or a success; never a fault of ours."""

import base64
import gzip
import json
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

MALFORMED: Final = {
    "nothing": b"",
    "cut off": b'{"title":',
    "more than one": b'{"title": "x"} {}',
    "not a number": b'{"title": "x", "openings": NaN}',
    "half a surrogate pair": b'{"title": "a\\ud800b"}',
    "not UTF-8": b'{"title": "\xff\xfe"}',
    "UTF-16": '{"title": "x"}'.encode("utf-16"),
    "with a byte order mark": b'\xef\xbb\xbf{"title": "x"}',
    "very deep": b"[" * 50_000,
    "very deep inside": b'{"title": "x", "skills": ' + b"[" * 50_000,
}
INVALID: Final[dict[str, tuple[bytes, str]]] = {
    "null": (b"null", "$"),
    "an array": (b"[]", "$"),
    "a string": (b'"x"', "$"),
    "nothing that is needed": (b"{}", "title"),
    "a NUL": (b'{"title": "a\\u0000b"}', "title"),
    "two lines": (b'{"title": "a\\nb"}', "title"),
    "a line's end": (b'{"title": "a\\n"}', "title"),
    "blanks": (b'{"title": "\\u3000 \\t "}', "title"),
    "nothing that can be seen": (b'{"title": "\\u200b\\u00ad \\ufeff"}', "title"),
    "fillers": (b'{"title": "\\u3164\\u2800\\u115f\\u034f\\ufe0f\\u180e"}', "title"),
    "tags": ('{"title": "\U000e0062\U000e007f"}'.encode(), "title"),
    "text that turns around": (b'{"title": "\\u202egnp.exe"}', "title"),
    "a line break of Unicode's": (b'{"title": "a\\u2028b"}', "title"),
    "an escape": (b'{"title": "x", "description": "\\u001b[31m"}', "description"),
    "a number too large for 64 bits": (
        b'{"title": "x", "openings": 123456789012345678901234567890}',
        "openings",
    ),
    "a number too large for a float": (b'{"title": "x", "openings": 1e400}', "openings"),
    "half a number": (b'{"title": "x", "openings": 1.5}', "openings"),
    "a number in quotes": (b'{"title": "x", "openings": "3"}', "openings"),
    "a number for true": (b'{"title": "x", "remote": 1}', "remote"),
    "null for a list": (b'{"title": "x", "skills": null}', "skills"),
    "an item that is blank": (b'{"title": "x", "skills": ["ok", " "]}', "skills[1]"),
    "too many items": (json.dumps({"title": "x", "skills": ["a"] * 51}).encode(), "skills"),
    "too long a text": (json.dumps({"title": "x" * 201}).encode(), "title"),
    "an unknown choice": (b'{"title": "x", "status": "closed"}', "status"),
    "an unknown field": (b'{"title": "x", "titel": "y"}', "titel"),
    "a name that comes twice": (b'{"title": "x", "title": "y"}', "title"),
    "a name that comes twice, as JSON.stringify would write it": (b'{"title":"x","title":"x"}', "title"),
    "a name that comes twice further in": (
        b'{"title":"x","screening":{"weights":{"skills":1,"skills":1}}}',
        "skills",
    ),
    "a name that comes twice, spelt in two ways": (b'{"title": "x", "t\\u0069tle": "y"}', "title"),
    "a currency that is none": (b'{"title": "x", "currency": "eur"}', "currency"),
    "a currency of nowhere": (b'{"title": "x", "currency": "ZZZ"}', "currency"),
    "a currency that is none in ISO 4217": (b'{"title": "x", "currency": "XXX"}', "currency"),
    "a currency that is no more": (b'{"title": "x", "currency": "DEM"}', "currency"),
    "a currency and a line's end": (b'{"title": "x", "currency": "EUR\\n"}', "currency"),
}
HOSTILE: Final = [
    "%",
    "_",
    "'",
    '"',
    "\\",
    "';drop table event;--",
    "%00"[:1],
    "\u202e",
    "\U0001f600",
    "a" * 200,
    "&|!():*",
    "<->",
]


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_json_is_400(system: System, content: bytes) -> None:
    admin = await system.company()
    body = refused(await admin.send("POST", "/jobs", content=content), 400)
    assert body["errors"], body


@pytest.mark.parametrize(("content", "field"), INVALID.values(), ids=INVALID)
async def test_what_is_invalid_is_400_and_says_where(system: System, content: bytes, field: str) -> None:
    admin = await system.company()
    body = refused(await admin.send("POST", "/jobs", content=content), 400, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]
    assert "regex" not in body["errors"][0]["reason"]


async def test_what_was_sent_is_quoted_only_so_far(system: System) -> None:
    admin = await system.company()
    for body in ({"title": "x", "a" * 100_000: 1}, {"title": "x", "status": "s" * 100_000}, {"": 1}):
        assert len((await admin.post("/jobs", body)).content) < 1_000


async def test_a_body_of_two_megabytes_is_413_whoever_reads_it(system: System) -> None:
    admin = await system.company()
    job = await admin.posts_job()
    large = b'{"title": "' + b"x" * 2_000_000 + b'"}'
    refused(await admin.send("POST", "/jobs", content=large), 413, "too_large")
    refused(await admin.send("POST", f"/jobs/{job['id']}/close", content=large), 413, "too_large")
    refused(await admin.send("PATCH", f"/jobs/{job['id']}", content=large), 413, "too_large")


async def test_a_body_in_pieces_is_counted_too(system: System) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    admin = await system.company()
    headers = {"Authorization": f"Bearer {admin.token}", "Content-Type": "application/json"}
    answer = await system.client.post("/jobs", content=pieces(), headers=headers)
    refused(answer, 413, "too_large")


@pytest.mark.parametrize(
    "content", [b'{"reason": "Filled."}', b"[]", b'"x"', b"null", b"not json", b'{"": 1}']
)
async def test_what_is_said_where_nothing_is_read_is_refused(system: System, content: bytes) -> None:
    admin = await system.company()
    path = f"/jobs/{(await admin.posts_job())['id']}"
    refused(await admin.send("POST", f"{path}/close", content=content), 400)
    assert (await admin.sees(path))["status"] == "open"
    done(await admin.send("POST", f"{path}/close", content=b" {}"))


@pytest.mark.parametrize("coding", ["gzip", "br, gzip", "Identity"])
async def test_a_packed_body_is_415_and_says_so(system: System, coding: str) -> None:
    admin = await system.company()
    body = b'{"title": "x"}' if coding == "Identity" else gzip.compress(b'{"title": "x"}')
    answer = await admin.send("POST", "/jobs", content=body, headers={"Content-Encoding": coding})
    if coding == "Identity":
        done(answer)
    else:
        assert "without Content-Encoding" in refused(answer, 415, "unsupported_media_type")["detail"]


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/xml", "application/vnd.api+json", "multipart/form-data", "", "json"],
)
async def test_a_body_of_another_media_type_is_415(system: System, media_type: str) -> None:
    admin = await system.company()
    headers = {"Content-Type": media_type}
    refused(await admin.send("POST", "/jobs", content=b'{"title": "x"}', headers=headers), 415)
    json_to_a_form = await system.nobody.post("/auth/token", {"username": "x", "password": "y"})
    refused(json_to_a_form, 415)


@pytest.mark.parametrize("parameter", ["q", "skill", "location"])
async def test_a_filter_means_itself_whatever_is_in_it(system: System, parameter: str) -> None:
    admin = await system.company()
    odd = '100%_sure\'s "x" \\ é\U0001f600'
    await admin.posts_job(title=odd, location=odd, skills=[odd])
    await admin.posts_job(title="plain", location="plain", skills=["plain"])
    await system.project()
    mine = {"company_id": admin.company_id}
    for text in HOSTILE:
        answer = await admin.get("/jobs", **{parameter: text}, **mine)
        assert answer.status_code == 200
        assert "plain" not in [item["title"] for item in answer.json()["items"]], text
    found = await admin.all("/jobs", **{parameter: odd}, **mine)
    assert [job["title"] for job in found] == [odd]


@pytest.mark.parametrize(
    "query",
    [
        *(
            f"{name}=%00"
            for name in ("q", "skill", "location", "cursor", "company_id", "status", "sort", "remote")
        ),
        *(f"limit={value}" for value in ("0", "201", "-1", "x", "", "1.5", "9" * 30)),
        *(
            f"{name}=x"
            for name in ("remote", "company_id", "sort", "min_position", "salary_at_least", "mine")
        ),
        "q=" + "x" * 201,
        "skill=" + "x" * 201,
        "&".join(["skill=a"] * 21),
        "min_position=-1",
        "min_position=" + "9" * 30,
        "min_position=1",
        "salary_at_least=-1",
        "experience_at_most=" + "9" * 30,
    ],
)
async def test_an_invalid_query_is_400(system: System, query: str) -> None:
    refused(await system.nobody.send("GET", f"/jobs?{query}"), 400)


@pytest.mark.parametrize(
    "query", ["q=%ff", "q=%ed%a0%80", "skill=%ff", "location=%c3", "q=%", "=", "&&", "unknown=1"]
)
async def test_an_odd_query_is_taken_as_it_is(system: System, query: str) -> None:
    assert (await system.nobody.send("GET", f"/jobs?{query}")).status_code == 200


def sealed(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


SOMETHING: Final = "00000000-0000-8000-8000-000000000000"
TAMPERED: Final = [
    "",
    "x",
    "é",
    "%00",
    "=" * 10,
    sealed([]),
    sealed({}),
    sealed(None),
    sealed(["newest"]),
    sealed(["newest", 5, SOMETHING]),
    sealed(["newest", "2024-01-01T00:00:00Z", "x"]),
    sealed(["newest", "x\u0000", SOMETHING]),
    sealed(["newest", "2024-01-01T00:00:00Z", SOMETHING, "more"]),
    sealed(["salary", 5, SOMETHING]),
    sealed(["relevance", 0.5, SOMETHING]),
    base64.urlsafe_b64encode(b"[" * 700).decode(),
]


@pytest.mark.parametrize("cursor", TAMPERED)
async def test_a_tampered_cursor_is_400(system: System, cursor: str) -> None:
    admin = await system.company()
    for path in (
        "/jobs",
        "/applications",
        "/company/members",
        "/company/invitations",
        "/auth/sessions",
        "/notifications",
    ):
        body = refused(await admin.get(path, cursor=cursor), 400, "invalid")
        assert [error["field"] for error in body["errors"]] == ["cursor"], path


@pytest.mark.parametrize(
    ("sort", "place"),
    [
        ("newest", ["0001-01-01T00:00:00+23:59"]),
        ("newest", ["9999-12-31T23:59:59-23:59"]),
        ("newest", ["2024-01-01T00:00:00"]),
        ("salary", [int("9" * 30)]),
        ("salary", [-1]),
        ("relevance", [1e300, "0001-01-01T00:00:00+23:59"]),
    ],
)
async def test_a_cursor_with_an_odd_place_is_a_place_like_any(
    system: System, sort: str, place: object
) -> None:
    corrections = [["x", "' & | !"], ["", "<->"]]
    cursor = sealed([sort, [place, corrections, True], SOMETHING])
    for q in ("x", None) if sort != "relevance" else ("x",):
        answer = await system.nobody.get("/jobs", sort=sort, q=q, cursor=cursor)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "path", ["/jobs/x", "/jobs/%00", "/jobs/%ff", "/JOBS", "/x", "/jobs/1/2/3", "/applications/1"]
)
async def test_an_odd_path_is_404(system: System, path: str) -> None:
    refused(await system.nobody.send("GET", path), 404, "not_found")


async def test_an_id_of_another_kind_is_404(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job = await admin.posts_job()
    application = await cy.applies(job)
    for person, method, path, body in (
        (admin, "GET", f"/jobs/{application['id']}", None),
        (admin, "GET", f"/jobs/{application['id']}/board", None),
        (admin, "PATCH", f"/jobs/{application['id']}", {"title": "x"}),
        (admin, "POST", f"/jobs/{application['id']}/close", None),
        (cy, "POST", f"/jobs/{application['id']}/apply", {}),
        (cy, "POST", f"/jobs/{application['id']}/view", None),
        (admin, "GET", f"/applications/{job['id']}", None),
        (admin, "GET", f"/applications/{job['id']}/history", None),
        (admin, "PATCH", f"/applications/{job['id']}/stage", {"stage": "screening"}),
        (admin, "PATCH", f"/applications/{job['id']}/stage", {"stage": "rejected"}),
        (admin, "POST", f"/applications/{job['id']}/reject", {"reason": "x"}),
        (admin, "POST", f"/applications/{job['id']}/reinstate", None),
        (cy, "POST", f"/applications/{job['id']}/withdraw", None),
        (admin, "GET", f"/applications/{admin.company_id}", None),
        (admin, "GET", f"/jobs/{admin.company_id}", None),
    ):
        refused(await person.send(method, path, body), 404, "not_found")


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
JOB_FIELDS: Final = [
    "title",
    "description",
    "location",
    "remote",
    "employment_type",
    "skills",
    "min_experience_years",
    "salary_min",
    "salary_max",
    "currency",
    "openings",
    "status",
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.dictionaries(st.sampled_from(JOB_FIELDS), JSON) | JSON, text=st.text(max_size=30))
async def test_any_json_and_any_text_is_answered(system: System, body: Json, text: str) -> None:
    admin = await _somebody(system)
    answer = await admin.send("POST", "/jobs", content=json.dumps(body).encode())
    assert answer.status_code in {201, 400, 409}
    for name in ("q", "skill", "location", "cursor"):
        assert (await admin.send("GET", f"/jobs?{name}={quote(text)}")).status_code in {200, 400}


_known: list[Person] = []


async def _somebody(system: System) -> Person:
    if not _known:
        _known.append(await system.company())
    return _known[0]


async def test_letters_are_found_however_a_keyboard_composes_them(system: System) -> None:
    admin, apart = await system.company(), "Zu\u0308rich"
    job = await admin.posts_job(title=f"Baker in {apart}", location=apart)
    one, other = await system.candidate(), await system.candidate()
    for person, name in ((one, "Zoe\u0308"), (other, "Zo\u00eb")):
        done(await person.patch("/auth/me", {"name": name}))
    application = await one.applies(job, source="Jo\u0308b Board")
    later = await other.applies(job, source="J\u00f6b board")
    await system.project()
    for spelled in ("zo\u00eb", "ZOE\u0308"):
        found = {item["id"] for item in await admin.all("/applications", q=spelled)}
        assert found == {application["id"], later["id"]}, spelled
    for spelled in ("J\u00d6B BOARD", "jo\u0308b board"):
        assert len(await admin.all("/applications", source=spelled)) == 2
    for spelled in ("z\u00fcrich", "zu\u0308rich"):
        for name in ("location", "q"):
            found_jobs = await system.nobody.all("/jobs", **{name: spelled, "company_id": admin.company_id})
            assert [item["id"] for item in found_jobs] == [job["id"]], (name, spelled)
