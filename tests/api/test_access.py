"""Every route asked by everybody about everybody's things: the table of the contract, and nothing that is not in it."""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias, cast
from uuid import uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar import WebSocket, asgi, get, websocket
from litestar.routes import HTTPRoute
from litestar.types import Receive, Scope, Send
from msgspec.structs import replace

from api import app
from api.app import create_app
from infrastructure.settings import Settings
from tests.api.people import PASSWORD, Json, Person, System, refused
from tests.api.resume_upload import uploaded

pytestmark = pytest.mark.asyncio(loop_scope="session")

Row: TypeAlias = tuple[str, str, str]

# Who may: a candidate, r recruiter, h hiring manager, u auditor, d admin, n nobody (no token).
# Things: the route is asked about a job or application of the asker's company, which the asker did not make.
MATRIX: Final[dict[tuple[str, str], str]] = {
    ("POST", "/auth/register"): "arhudn",
    ("POST", "/auth/login"): "arhudn",
    ("POST", "/auth/token"): "arhudn",
    ("POST", "/auth/refresh"): "arhudn",
    ("POST", "/auth/logout"): "arhud",
    ("POST", "/auth/password"): "arhud",
    ("GET", "/auth/sessions"): "arhud",
    ("DELETE", "/auth/sessions/{session_id}"): "arhud",
    ("GET", "/auth/me"): "arhud",
    ("PATCH", "/auth/me"): "arhud",
    ("POST", "/auth/email/confirm"): "arhudn",
    ("POST", "/auth/password-reset"): "arhudn",
    ("POST", "/auth/password-reset/confirm"): "arhudn",
    ("POST", "/auth/invitations/accept"): "arhudn",
    ("GET", "/company"): "d",
    ("PATCH", "/company"): "d",
    ("GET", "/company/members"): "d",
    ("PATCH", "/company/members/{member_id}"): "d",
    ("DELETE", "/company/members/{member_id}"): "d",
    ("GET", "/company/invitations"): "d",
    ("POST", "/company/invitations"): "d",
    ("GET", "/company/invitations/{invitation_id}"): "d",
    ("DELETE", "/company/invitations/{invitation_id}"): "d",
    ("GET", "/jobs"): "arhudn",
    ("GET", "/jobs?mine=true"): "rhud",
    ("GET", "/jobs?status=draft"): "rhud",
    ("POST", "/jobs"): "rhd",
    ("GET", "/jobs/{job_id}"): "arhudn",
    ("GET", "/jobs/{draft_id}"): "rhud",
    ("PATCH", "/jobs/{job_id}"): "rd",
    ("POST", "/jobs/{job_id}/publish"): "rd",
    ("POST", "/jobs/{job_id}/close"): "rd",
    ("POST", "/jobs/{job_id}/reopen"): "rd",
    ("POST", "/jobs/{job_id}/archive"): "rd",
    ("POST", "/jobs/{job_id}/view"): "a",
    ("POST", "/jobs/{job_id}/apply"): "a",
    ("GET", "/applications"): "arhud",
    ("GET", "/jobs/{job_id}/board"): "rhud",
    ("POST", "/jobs/{job_id}/screening/what-if"): "rhud",
    ("GET", "/applications/{application_id}"): "arhud",
    ("GET", "/applications/{application_id}?as_of=1"): "rud",
    ("PATCH", "/applications/{application_id}/stage"): "rd",
    ("POST", "/applications/{application_id}/reject"): "rd",
    ("POST", "/applications/{application_id}/reinstate"): "rd",
    ("POST", "/applications/{application_id}/withdraw"): "a",
    ("POST", "/applications/{application_id}/move"): "rd",
    ("POST", "/applications/bulk/stage"): "rd",
    ("POST", "/applications/bulk/reject"): "rd",
    ("GET", "/applications/{application_id}/comments"): "rhud",
    ("POST", "/applications/{application_id}/comments"): "rhd",
    ("DELETE", "/applications/{application_id}/comments/{comment_id}"): "rhd",
    ("GET", "/applications/{application_id}/scorecards"): "rhud",
    ("POST", "/applications/{application_id}/scorecards"): "rhd",
    ("GET", "/applications/{application_id}/history"): "arud",
    ("GET", "/notifications"): "arhud",
    ("POST", "/notifications/read"): "arhud",
    ("POST", "/notifications/{notification_id}/read"): "a",
    ("GET", "/notifications/unsubscribe?token=x"): "arhudn",
    ("POST", "/notifications/unsubscribe?token=x"): "arhudn",
    ("POST", "/resumes"): "a",
    ("GET", "/resumes"): "arhud",
    ("GET", "/resumes/{resume_id}"): "arhud",
    ("DELETE", "/resumes/{resume_id}"): "a",
    ("GET", "/dashboard/jobs"): "rhud",
    ("GET", "/dashboard/chart"): "rhud",
    ("GET", "/audit/events"): "rud",
    ("GET", "/audit/streams/{stream_id}"): "rud",
    ("GET", "/health/live"): "arhudn",
    ("GET", "/health/ready"): "arhudn",
    ("GET", "/metrics"): "arhudn",
}
OPEN: Final = frozenset(
    {"/schema", "/schema/openapi.json", "/schema/{path}", "/docs", "/redoc", "/docs/static/{name}"}
    | {"/outbox", "/outbox/{name}", "/outbox/{name}/html"}
    | {"/", "/password-reset", "/invitation", "/email-confirmation"}
)
BODIES: Final[dict[str, Json]] = {
    "/auth/register": {"email": "new@example.com", "password": "correct horse", "name": "New"},
    "/auth/login": {"email": "nobody@example.com", "password": "wrong"},
    "/auth/refresh": {"refresh_token": "wrong"},
    "/auth/password": {"current_password": "wrong", "new_password": "another good password"},
    "/auth/me": {"name": "Other"},
    "/auth/email/confirm": {"code": "wrong"},
    "/auth/password-reset": {"email": "nobody@example.com"},
    "/auth/password-reset/confirm": {"code": "wrong", "password": "correct horse"},
    "/auth/invitations/accept": {"code": "wrong"},
    "/company": {"name": "Other"},
    "/company/members/{member_id}": {"role": "auditor"},
    "/company/invitations": {"email": "invited@example.com", "role": "recruiter"},
    "/jobs": {"title": "Baker"},
    "/jobs/{job_id}": {"title": "Baker"},
    "/jobs/{job_id}/apply": {},
    "/jobs/{job_id}/screening/what-if": {"policy": {"threshold": 10}},
    "/applications/{application_id}/stage": {"stage": "screening"},
    "/applications/{application_id}/reject": {"reason": "No."},
    "/applications/bulk/stage": {"ids": ["00000000-0000-8000-8000-000000000000"], "stage": "screening"},
    "/applications/bulk/reject": {"ids": ["00000000-0000-8000-8000-000000000000"], "reason": "No."},
    "/applications/{application_id}/comments": {"text": "Fine."},
    "/applications/{application_id}/scorecards": {"ratings": {"dough": 3}, "recommendation": "yes"},
    "/notifications/read": {},
}
FORMS: Final = {
    "/auth/token": b"username=nobody%40example.com&password=wrong",
    "/notifications/unsubscribe": b"List-Unsubscribe=One-Click",
}
ENDS_A_SESSION: Final = frozenset({"/auth/logout", "/auth/sessions/{session_id}"})
WRONG: Final = frozenset({"wrong_credentials", "invalid_refresh_token"})
LETTERS: Final = {"candidate": "a", "recruiter": "r", "hiring_manager": "h", "auditor": "u", "admin": "d"}


class Things(msgspec.Struct, frozen=True):
    """A company's open job and draft, and an application of a candidate for the job."""

    job: Json
    draft: Json
    application: Json
    candidate: Person
    notification_id: str = ""
    comment_id: str = ""
    member_id: str = ""
    invitation_id: str = ""
    resume_id: str = ""

    def path(self, template: str) -> str:
        return template.format(
            job_id=self.job["id"],
            draft_id=self.draft["id"],
            application_id=self.application["id"],
            stream_id=self.job["id"],
            notification_id=self.notification_id,
            comment_id=self.comment_id,
            member_id=self.member_id,
            invitation_id=self.invitation_id,
            resume_id=self.resume_id,
            session_id="OWN",
        )


class World(msgspec.Struct, frozen=True):
    """One company with everybody in it; another company; nobody."""

    admin: Person
    people: dict[str, Person]
    nobody: Person
    outsiders: dict[str, Person]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(system: System) -> World:
    admin, other = await system.company(), await system.company()
    people: dict[str, Person] = {"a": await system.candidate(), "d": admin}
    outsiders: dict[str, Person] = {"a": await system.candidate(), "d": other}
    for role in ("recruiter", "hiring_manager", "auditor"):
        people[LETTERS[role]] = await system.member(admin, role)
        outsiders[LETTERS[role]] = await system.member(other, role)
    return World(admin, people, system.nobody, outsiders)


async def fresh(system: System, world: World, template: str = "") -> Things:
    """New things of the world's company, by its candidate; if the template names one, what that candidate was told."""
    job = await world.admin.posts_job()
    draft = await world.admin.posts_job(status="draft")
    candidate = world.people["a"]
    application = await candidate.applies(job)
    things = Things(job, draft, application, candidate)
    if "comment_id" in template:
        colleague = await system.member(world.admin, "recruiter")
        comment = await colleague.post(f"/applications/{application['id']}/comments", {"text": "Fine."})
        return replace(things, comment_id=comment.json()["id"])
    if "member_id" in template:
        return replace(things, member_id=(await system.member(world.admin, "recruiter")).id)
    if "invitation_id" in template:
        letter = await world.admin.post(
            "/company/invitations", {"email": "in@example.com", "role": "auditor"}
        )
        return replace(things, invitation_id=letter.json()["id"])
    if "resume_id" in template:
        sent = await uploaded(candidate)
        await candidate.applies(await world.admin.posts_job(), resume_id=sent["id"])
        await system.project()
        return replace(things, resume_id=sent["id"])
    if "notification_id" not in template:
        return things
    await system.tell()
    newest = (await candidate.sees("/notifications"))["items"][0]
    return replace(things, notification_id=newest["id"])


def routes() -> Iterator[tuple[str, str]]:
    for route in create_app(Settings()).routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods - {"OPTIONS"}:
                    yield str(method), route.path_format


async def test_every_route_has_its_row() -> None:
    described = {(method, path.partition("?")[0]) for method, path in MATRIX if "draft_id" not in path}
    assert {(method, path) for method, path in routes() if path not in OPEN} == described


async def test_no_handler_has_the_applications_state_copied_for_each_request() -> None:
    for route in create_app(Settings()).routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                assert "state" not in handler.parsed_fn_signature.parameters, f"{route.path}: use services_of"


@get("/undeclared")
async def undeclared() -> None:
    """Says nothing of who may call it."""


@asgi("/mount", is_mount=True, copy_scope=True)
async def mount(scope: Scope, receive: Receive, send: Send) -> None:
    """Another application, whose callers nobody would check."""


@websocket("/socket")
async def socket(socket: WebSocket[Any, Any, Any]) -> None:
    """No HTTP."""


@pytest.mark.parametrize("handler", [undeclared, mount, socket])
async def test_a_handler_whose_callers_nobody_checks_does_not_start(handler: object) -> None:
    with pytest.raises(RuntimeError):
        create_app(Settings(), [handler])


async def test_an_undeclared_handler_that_starts_all_the_same_lets_nobody_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "check_declared", lambda _routes: None)
    transport = httpx.ASGITransport(cast("Any", create_app(Settings(), [undeclared])))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/undeclared")).status_code == 403


async def with_another_session(person: Person, path: str) -> tuple[Person, str]:
    """The same person by a login that may end, which is what the path is about."""
    session_id = str(uuid4())
    if person.profile:
        answer = await person.post("/auth/login", {"email": person.email, "password": PASSWORD})
        person = person.acting_with(answer.json()["access_token"])
        (session,) = [one for one in await person.all("/auth/sessions") if one["current"]]
        session_id = session["id"]
    return person, path.replace("OWN", session_id)


async def ask(person: Person, method: str, path: str, template: str, things: Things) -> httpx.Response:
    plain = template.partition("?")[0]
    if plain in ENDS_A_SESSION:
        person, path = await with_another_session(person, path)
    if plain in FORMS:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return await person.send(method, path, content=FORMS[plain], headers=form)
    if method in {"GET", "DELETE"}:
        return await person.send(method, path)
    body = {"job_id": things.job["id"]} if plain.endswith("/move") else BODIES.get(plain)
    return await person.send(method, path, body)


@pytest.mark.parametrize(("method", "template"), MATRIX)
async def test_whoever_may_is_let_through_and_nobody_else(
    system: System, world: World, method: str, template: str
) -> None:
    allowed = MATRIX[method, template]
    things = await fresh(system, world, template)
    hidden = "draft_id" in template or "notification_id" in template or template == "/resumes/{resume_id}"
    for letter, person in world.people.items():
        answer = await ask(person, method, things.path(template), template, things)
        where = f"{letter} {method} {template}: {answer.status_code} {answer.text[:200]}"
        if letter in allowed:
            assert answer.status_code not in {403, 404}, where
            assert answer.status_code != 401 or answer.json()["code"] in WRONG, where
        else:
            assert answer.status_code == (404 if hidden else 403), where
    answer = await ask(world.nobody, method, things.path(template), template, things)
    if "n" in allowed:
        assert answer.status_code not in {403, 404}
        assert answer.status_code != 401 or answer.json()["code"] in WRONG
    elif template.startswith("/jobs?"):
        refused(answer, 403, "forbidden")
    else:
        refused(answer, 404 if "draft_id" in template else 401)


ABOUT_THINGS: Final = [row for row in MATRIX if "{" in row[1] and row[1] not in ENDS_A_SESSION]
PUBLIC: Final = {("GET", "/jobs/{job_id}"), ("POST", "/jobs/{job_id}/view"), ("POST", "/jobs/{job_id}/apply")}


@pytest.mark.parametrize(("method", "template"), ABOUT_THINGS)
async def test_another_companys_things_are_not_told_from_nothing(
    system: System, world: World, method: str, template: str
) -> None:
    things = await fresh(system, world, template)
    strange = things.path(template).replace(things.job["id"][-12:], "0" * 12)
    strange = strange.replace(things.draft["id"][-12:], "0" * 12)
    strange = strange.replace(things.application["id"][-12:], "0" * 12)
    for name in (things.notification_id, things.member_id, things.invitation_id, things.resume_id):
        strange = strange.replace(name[-12:] or "-" * 12, "0" * 12)
    for letter, person in world.outsiders.items():
        if letter not in MATRIX[method, template]:
            continue
        about_theirs = await ask(person, method, things.path(template), template, things)
        about_nothing = await ask(person, method, strange, template, things)
        refused(about_nothing, 404, "not_found")
        if (method, template) in PUBLIC:
            assert about_theirs.is_success
        else:
            refused(about_theirs, 404, "not_found")
            assert about_theirs.content == about_nothing.content


async def test_a_hiring_manager_changes_the_jobs_they_created(world: World) -> None:
    manager = world.people["h"]
    job = await manager.posts_job()
    path = f"/jobs/{job['id']}"
    for answer in (
        await manager.patch(path, {"title": "Own"}),
        await manager.post(f"{path}/close"),
        await manager.post(f"{path}/reopen"),
        await manager.post(f"{path}/close"),
        await manager.post(f"{path}/archive"),
    ):
        assert answer.status_code == 200


async def test_lists_counts_and_charts_hold_only_the_own_companys(system: System, world: World) -> None:
    things = await fresh(system, world)
    await system.project()
    stranger = world.outsiders["d"]
    query = {"job_id": things.job["id"]}
    assert await stranger.all("/applications", **query) == []
    assert (await stranger.sees("/dashboard/jobs", **query))["items"] == []
    assert (await stranger.sees("/dashboard/jobs", **query))["totals"]["applications"] == 0
    drafts = await stranger.all("/jobs", status="draft", company_id=world.admin.company_id)
    assert drafts == []
    events = (await stranger.sees("/audit/events"))["items"]
    assert things.job["id"] not in {event["stream_id"] for event in events}
    own = await world.admin.all("/applications", **query)
    assert [application["id"] for application in own] == [things.application["id"]]


async def test_a_candidate_sees_only_their_own_applications(system: System, world: World) -> None:
    things = await fresh(system, world)
    await system.project()
    other = world.outsiders["a"]
    assert await other.all("/applications", job_id=things.job["id"]) == []
    path = f"/applications/{things.application['id']}"
    refused(await other.get(path), 404)
    refused(await other.get(f"{path}/history"), 404)
    refused(await other.post(f"{path}/withdraw"), 404)
    assert await things.candidate.sees(path)
