"""The first wall between tenants is taken away, one handler or query at a time: the second holds over HTTP."""

from typing import Any, LiteralString
from uuid import UUID

import pytest

from api.routes import applications, dashboard, invitations
from application.actor import Actor
from domain.identifiers import tenant_of
from infrastructure.log.connection import connect
from infrastructure.log.pipeline import Statement, run, to_int
from infrastructure.log.transaction import show_call
from infrastructure.mail import outcomes as mail_outcomes
from infrastructure.personal_data import personal_texts
from infrastructure.resumes import rows as resume_rows
from projections import application_search
from projections.sent_resumes import sender
from tests.api.people import Json, Person, System, done, refused
from tests.api.resume_upload import upload

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Neighbours:
    """Two companies that know nothing of each other; a candidate has sent the second a resume and a letter."""

    def __init__(self, first: Person, second: Person, candidate: Person, application: Json) -> None:
        self.first, self.second = first, second
        self.candidate = candidate
        self.application = application

    @property
    def victim(self) -> UUID:
        return UUID(self.second.company_id)


async def neighbours(system: System) -> Neighbours:
    first, second, candidate = await system.company(), await system.company(), await system.candidate()
    resume = done(await upload(candidate, b"A resume.", "resume.txt"))
    job = await second.posts_job()
    application = await candidate.applies(job, cover_letter="For your eyes only.", resume_id=resume["id"])
    done(await second.post("/company/invitations", {"email": "new@example.com", "role": "recruiter"}))
    done(await second.post(f"/applications/{application['id']}/comments", {"text": "Among ourselves."}))
    own = await candidate.applies(await first.posts_job())
    await first.advances(own, "screening")
    await system.project()
    await system.tell()
    return Neighbours(first, second, candidate, application)


async def test_handlers_that_mistake_the_company_show_nothing_of_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await neighbours(system)
    job_id = here.application["job_id"]
    assert (await here.second.sees("/dashboard/jobs"))["totals"]["jobs"] == 1
    assert len(await here.second.all("/company/invitations")) == 1
    for module in (dashboard, invitations, applications):
        monkeypatch.setattr(module, "company_of", lambda _request: here.victim)
    assert (await here.first.sees("/dashboard/jobs"))["totals"]["jobs"] == 0
    assert await here.first.all("/company/invitations") == []
    board = await here.first.sees(f"/jobs/{job_id}/board")
    assert [stage["count"] for stage in board["stages"]] == [0] * len(board["stages"])


async def test_lists_without_their_filter_show_each_only_their_own(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await neighbours(system)
    listed = vars(application_search)["_listed"]

    async def of_everybody(connection: Any, _whose: LiteralString, *more: Any, **others: Any) -> Any:
        return await listed(connection, "%(owner)s::uuid is not null", *more, **others)

    monkeypatch.setattr(application_search, "_listed", of_everybody)
    for staff in (here.first, here.second):
        assert {one["company_id"] for one in await staff.all("/applications")} == {staff.company_id}
    own = await here.candidate.all("/applications")
    assert {one["candidate_id"] for one in own} == {here.candidate.id}
    assert len(own) == 2


async def test_texts_and_files_are_not_read_past_the_second_wall(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await neighbours(system)
    path = f"/applications/{here.application['id']}"
    refused(await here.first.get(path), 404)
    monkeypatch.setattr(applications, "check_may_see", lambda _actor, _entity: None)
    assert (await here.second.sees(path))["cover_letter"] == "For your eyes only."
    assert (await here.candidate.sees(path))["cover_letter"] == "For your eyes only."
    assert (await here.first.sees(path))["cover_letter"] is None
    actor = Actor(UUID(here.first.id), "admin", UUID(here.first.company_id))
    text_id = UUID(done(await here.second.get(f"{path}/comments"))["items"][0]["id"])
    assert tenant_of(text_id) == here.victim
    resume_id = UUID(here.application["resume_id"])
    async with system.services.database.of(actor) as connection:
        assert await personal_texts.read(connection, here.victim, [text_id]) == {}
        assert await mail_outcomes.of_positions(connection, here.victim, list(range(1, 30))) == {}
        assert await sender(connection, here.victim, resume_id) is None
        assert await resume_rows.by_id(connection, resume_id) is None
    async with system.services.database.of_tenant(here.victim) as connection:
        assert await sender(connection, here.victim, resume_id) == UUID(here.candidate.id)
        assert len(await personal_texts.read(connection, here.victim, [text_id])) == 1


async def test_a_log_statement_that_forgets_its_tenant_reads_one_log(system: System) -> None:
    here = await neighbours(system)
    everything = Statement(
        "forgetful", "select count(distinct tenant_id) from event where $1::uuid is not null"
    )
    connection = await connect(system.services.settings.database_url or "")
    async with connection:
        for tenants, logs in (((), 0), ((here.victim.bytes,), 1)):
            calls = [show_call(tenants)] if tenants else []
            results = await run(connection, [*calls, (everything, (here.victim.bytes,))])
            assert to_int(results[-1].get_value(0, 0)) == logs
