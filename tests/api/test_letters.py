"""What a mail says is known only when it is sent: to whom, with which words, and whether at all."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from application.actor import Actor
from application.handle import Metadata
from domain.membership import RemoveMember
from infrastructure.mail_context import Letter, letter
from infrastructure.mail_links import MailLinks
from infrastructure.mail_templates import render
from tests.api.people import Json, Person, System, done

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def letters(system: System, application: Json, kind: str) -> list[Letter | None]:
    """The mails of this kind about an application, as they would be sent now."""
    await system.tell()
    with psycopg.connect(system.database_url) as connection:
        found: list[Any] = connection.execute(
            "select tenant_id, position, number from effect where application_id = %s and kind = %s",
            (application["id"], kind),
        ).fetchall()
        links = MailLinks(system.services.settings)
        return [letter(connection, tenant, position, number, links) for tenant, position, number in found]


async def the(system: System, application: Json, kind: str) -> Letter:
    (found,) = await letters(system, application, kind)
    assert found is not None
    return found


async def change(system: System, statement: Any, *values: object) -> None:
    async with system.owner() as connection:
        await connection.execute(statement, values)


async def applied(system: System) -> tuple[Person, Person, Json]:
    """A company's admin, a candidate, and their application to the admin's job."""
    admin, candidate = await system.company("Bread & Sons"), await system.candidate()
    job = await admin.posts_job(title="Baker")
    return admin, candidate, await candidate.applies(job)


async def test_it_names_people_and_things_as_they_are_called_now(system: System) -> None:
    admin, candidate, application = await applied(system)
    await change(system, "update account set name = 'New Name' where account_id = %s", candidate.id)
    done(await admin.patch(f"/jobs/{application['job_id']}", {"title": "Pastry Baker"}))

    received = await the(system, application, "application_received")
    arrived = await the(system, application, "new_application")

    assert (received.name, received.email, received.wanted) == ("New Name", candidate.email, True)
    assert received.context["job_title"] == "Pastry Baker"
    assert received.context["company_name"] == "Bread & Sons"
    assert received.context["url"].endswith(f"/applications/{application['id']}")
    assert (arrived.email, arrived.context["candidate_name"]) == (admin.email, "New Name")
    for one in (received, arrived):
        assert "Pastry Baker" in render(one.kind, one.context).text


async def test_a_stage_change_names_its_stage_and_a_rejection_its_reason_alone(system: System) -> None:
    admin, _, application = await applied(system)
    await admin.advances(application, "screening")
    body = {"reason": "Others have more experience.", "note": "Too shy."}
    done(await admin.post(f"/applications/{application['id']}/reject", body))
    done(await admin.post(f"/applications/{application['id']}/reinstate"))

    rejected = await the(system, application, "application_rejected")

    assert rejected.context["reason"] == "Others have more experience."
    assert "Too shy" not in str(rejected.context)
    assert (await the(system, application, "stage_changed")).context["stage"] == "screening"
    assert (await the(system, application, "application_reinstated")).context["stage"] == "screening"
    await change(system, "delete from personal_text where tenant_id = %s", admin.company_id)
    assert (await the(system, application, "application_rejected")).context["reason"] == ""


async def test_nobody_is_written_to_about_or_as_an_erased_person(system: System) -> None:
    _, candidate, application = await applied(system)
    await change(system, "delete from account where account_id = %s", candidate.id)

    assert await letters(system, application, "application_received") == [None]
    assert await letters(system, application, "new_application") == [None]


async def test_a_kind_that_was_switched_off_is_not_wanted(system: System) -> None:
    _, candidate, application = await applied(system)
    off = {"application_received": {"mail": False}, "stage_changed": {"in_app": False}}
    done(await candidate.patch("/auth/me", {"notifications": off}))

    assert not (await the(system, application, "application_received")).wanted
    assert (await the(system, application, "new_application")).wanted


async def test_who_left_the_company_is_written_to_no_more(system: System) -> None:
    admin, candidate = await system.company(), await system.candidate()
    recruiter = await system.member(admin, "recruiter")
    application = await candidate.applies(await recruiter.posts_job())
    assert (await the(system, application, "new_application")).email == recruiter.email

    company_id = UUID(admin.company_id)
    await system.services.commands.handle(
        RemoveMember(company_id=company_id, account_id=UUID(recruiter.id)),
        Metadata(Actor(UUID(admin.id), "admin", company_id), uuid4()),
    )

    assert await letters(system, application, "new_application") == [None]
    assert (await the(system, application, "application_received")).email == candidate.email
