"""Staff who applied to their company before they joined: to their own application they are candidates still."""

import pytest

from tests.api.account_mail import invited
from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def joined(system: System) -> tuple[Person, Person, Json, Json]:
    """An admin, a recruiter who applied before, their application, and another job."""
    admin, cy = await system.company(), await system.candidate()
    application = await cy.applies(await admin.posts_job())
    path = f"/applications/{application['id']}"
    done(await admin.post(f"{path}/comments", {"text": "Too proud."}))
    done(await admin.post(f"{path}/scorecards", {"ratings": {"dough": 1}, "recommendation": "no"}))
    given = await invited(system, admin, cy.email, "recruiter")
    done(await cy.post("/auth/invitations/accept", {"code": given}))
    return admin, await system.logged_in(cy.profile), application, await admin.posts_job()


async def test_nobody_decides_or_judges_about_themselves(system: System) -> None:
    admin, cy, application, other = await joined(system)
    path = f"/applications/{application['id']}"
    card = {"ratings": {"dough": 5}, "recommendation": "strong_yes"}
    for answer in (
        await cy.patch(f"{path}/stage", {"stage": "screening"}),
        await cy.post(f"{path}/reject", {"reason": "No."}),
        await cy.post(f"{path}/reinstate"),
        await cy.post(f"{path}/move", {"job_id": other["id"]}),
        await cy.post(f"{path}/comments", {"text": "The best."}),
        await cy.post(f"{path}/scorecards", card),
    ):
        refused(answer, 409, "own_application")
    many = done(await cy.post("/applications/bulk/stage", {"ids": [application["id"]], "stage": "screening"}))
    assert many["items"][0]["code"] == "own_application"
    done(await admin.patch(f"{path}/stage", {"stage": "screening"}))


async def test_what_was_said_about_them_is_not_for_them(system: System) -> None:
    admin, cy, application, _ = await joined(system)
    path = f"/applications/{application['id']}"
    refused(await cy.get(f"{path}/comments"), 403)
    refused(await cy.get(f"{path}/scorecards"), 403)
    own = await cy.get(f"{path}/history")
    assert {item["type"] for item in done(own)["items"]} == {"ApplicationSubmitted", "ApplicationScreened"}
    assert "Too proud." not in own.text
    assert len((await admin.sees(f"{path}/history"))["items"]) == 4
