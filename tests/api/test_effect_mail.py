"""What a mail says is known only when it is sent: to whom, and with which words."""

from typing import Any

import psycopg
import pytest

from infrastructure.mail.context import EffectMail, effect_mail
from infrastructure.mail.links import MailLinks
from infrastructure.mail.templates import render
from tests.api.people import Json, Person, System, done

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def the(system: System, application: Json, kind: str) -> EffectMail:
    """The mail of this kind about an application, as it would be sent now."""
    await system.tell()
    with psycopg.connect(system.database_url) as connection:
        rows: list[Any] = connection.execute(
            "select tenant_id, position, number from effect where application_id = %s and kind = %s",
            (application["id"], kind),
        ).fetchall()
        ((tenant, position, number),) = rows
        found = effect_mail(connection, tenant, position, number, MailLinks(system.services.settings))
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
