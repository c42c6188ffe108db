"""Who is erased: what others see then, what the command says, and who writes at the same time."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from application.actor import OPERATOR
from application.handle import Metadata
from domain.identifiers import random_id
from domain.membership import EraseMember
from infrastructure.identity import revocations
from infrastructure.mail import account_mail
from infrastructure.operator_error import OperatorError
from infrastructure.personal_data import erasure, personal_texts
from infrastructure.resumes import rows as resume_rows
from infrastructure.resumes.blob_sweep import BlobSweep
from tests.api.account_mail import code, invited, mails
from tests.api.erasing import erase, pointing, run
from tests.api.people import PASSWORD, Person, System, done, refused
from tests.api.resume_upload import uploaded
from tests.patience import blocked

pytestmark = pytest.mark.asyncio(loop_scope="session")


# What others see


async def test_an_erased_candidates_application_goes_on_without_a_name(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job, resume = await admin.posts_job(), await uploaded(cy)
    application = await cy.applies(job, cover_letter="Dear all", resume_id=resume["id"])
    path = f"/applications/{application['id']}"
    done(await admin.post(f"{path}/comments", {"text": "Shy."}))
    await system.tell()
    await system.project()
    assert len(await admin.all("/applications", q=cy.profile["name"])) == 1
    assert len(await admin.all("/notifications")) == 1

    await erase(system, cy.email)

    on_board = next(
        stage for stage in (await admin.sees(f"/jobs/{job['id']}/board"))["stages"] if stage["count"]
    )
    assert (on_board["stage"], on_board["items"][0]["candidate_id"]) == ("applied", cy.id)
    assert [one["id"] for one in await admin.all("/applications")] == [application["id"]]
    assert await admin.all("/applications", q=cy.profile["name"]) == []
    assert (await admin.sees(path))["cover_letter"] is None
    assert (await admin.sees(path, as_of=1))["cover_letter"] is None
    refused(await admin.get(f"/resumes/{resume['id']}"), 404, "not_found")
    assert await admin.all("/notifications") == []

    # Work goes on; what is written about nobody is not kept.
    await admin.advances(application, "screening")
    assert done(await admin.post(f"{path}/comments", {"text": "Still shy."}))["text"] is None
    card = {"ratings": {"craft": 3}, "recommendation": "yes", "note": "Shy as ever."}
    assert done(await admin.post(f"{path}/scorecards", card))["note"] is None
    await admin.rejects(application, "Gone.")
    await system.tell()
    entries = await admin.all(f"{path}/history")
    assert entries[0]["type"] == "ApplicationSubmitted"
    assert entries[0]["who"] == {"role": "candidate", "id": cy.id}
    assert {(one["reason"], one["note"], one["comment"]) for one in entries} == {(None, None, None)}
    assert {comment["text"] for comment in await admin.all(f"{path}/comments")} == {None}
    assert {mail["status"] for one in entries[:2] for mail in one["mails"]} == {"switched_off"}
    actors = [event["actor_id"] for event in await admin.all("/audit/events")]
    assert cy.id in actors
    with psycopg.connect(system.database_url) as connection:
        assert connection.execute("select from personal_text where subject_id = %s", [cy.id]).fetchall() == []


async def test_an_erased_member_leaves_first_and_what_they_wrote_of_others_stays(system: System) -> None:
    founder, cy = await system.company("Bread & Co."), await system.candidate()
    admin = await system.member(founder, "admin")
    application = await cy.applies(await admin.posts_job())
    path = f"/applications/{application['id']}"
    done(await admin.post(f"{path}/comments", {"text": "Good hands."}))
    invitee = f"{uuid4().hex}@example.com"
    given = await invited(system, admin, invitee, "auditor")
    done(
        await admin.post(
            "/applications/bulk/stage", {"ids": [application["id"]], "stage": "applied"}, key="k"
        )
    )
    await system.tell()
    assert "request_key.account_id" in pointing(system.database_url, admin)

    said = await erase(system, admin.email)

    assert (said["company_left"], said["account_mails"], said["texts"]) == ("Bread & Co.", 1, 0)
    assert "request_key.account_id" not in pointing(system.database_url, admin)
    await system.services.revocations.refresh()
    refused(await admin.get("/company"), 401)
    last = (await founder.all("/audit/events"))[-1]
    assert (last["type"], last["actor_id"], last["data"]["account_id"]) == ("MemberLeft", None, admin.id)
    assert [member["id"] for member in await founder.all("/company/members")] == [founder.id]
    ((comment,), history) = await founder.all(f"{path}/comments"), await founder.all(f"{path}/history")
    assert comment["author"] == {"role": "admin", "id": admin.id}
    assert (comment["text"], history[-1]["comment"]) == ("Good hands.", "Good hands.")
    assert history[-1]["who"] == {"role": "admin", "id": admin.id}
    accepted = await system.nobody.post(
        "/auth/invitations/accept", {"code": given, "name": "Nia", "password": PASSWORD}
    )
    refused(accepted, 400, "invalid_code")
    assert await mails(system, invitee, "invitation") == []
    assert [one["status"] for one in await founder.all("/company/invitations")] == ["revoked"]
    ((sent,),) = [
        [mail["status"] for mail in entry["mails"] if mail["to"] == "recruiter"] for entry in history[:1]
    ]
    assert sent == "switched_off"


async def test_the_last_admin_is_refused_and_keeps_everything(system: System) -> None:
    founder = await system.company("Bread & Co.")
    other = await system.member(founder, "recruiter")
    job = await founder.posts_job()
    with pytest.raises(OperatorError, match=r"is the last admin of Bread & Co\.: make another member"):
        await erase(system, founder.email)
    assert (await founder.sees("/auth/me"))["name"] == founder.profile["name"]
    assert (await founder.sees(f"/jobs/{job['id']}"))["status"] == "open"
    await system.change_role(founder, other, "admin")
    assert (await erase(system, founder.email))["company_left"] == "Bread & Co."


async def test_the_only_member_is_erased_and_nobody_can_apply_to_no_one(system: System) -> None:
    founder, cy = await system.company("Bread & Co."), await system.candidate()
    job, draft = await founder.posts_job(), await founder.posts_job(status="draft")
    archived = await founder.posts_job()
    for step in ("close", "archive"):
        done(await founder.post(f"/jobs/{archived['id']}/{step}"))
    application = await cy.applies(job)
    asked = await asyncio.to_thread(run, system, founder.email, typed="n\n")
    assert "Nobody else is a member of Bread & Co.: its open jobs are closed." in asked.stderr

    said = await erase(system, founder.email)

    assert (said["company_left"], said["jobs_closed"]) == ("Bread & Co.", 1)
    await system.services.revocations.refresh()
    refused(await founder.get("/company"), 401)
    refused(await (await system.candidate()).post(f"/jobs/{job['id']}/apply", {}), 409, "job_not_open")
    refused(await cy.get(f"/jobs/{draft['id']}"), 404)
    assert (await cy.sees(f"/applications/{application['id']}"))["stage"] == "applied"
    done(await cy.post(f"/applications/{application['id']}/withdraw"))
    async with system.owner() as connection:
        last = await connection.execute(
            "select type, actor_id from event where tenant_id = %s order by position desc limit 3",
            (founder.company_id,),
        )
        assert await last.fetchall() == [
            ("ApplicationWithdrawn", UUID(cy.id)),
            ("JobClosed", None),
            ("MemberLeft", None),
        ]


async def test_jobs_are_closed_also_when_an_erasure_was_cut_short_before(system: System) -> None:
    founder = await system.company()
    await founder.posts_job()
    begun = EraseMember(company_id=UUID(founder.company_id), account_id=UUID(founder.id))
    await system.services.commands.handle(begun, Metadata(OPERATOR, uuid4()))
    said = await erase(system, founder.email)
    assert (said["company_left"], said["jobs_closed"]) == (None, 1)


async def test_a_company_that_nobody_ever_entered_goes_with_its_founder(system: System) -> None:
    registered = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD, "name": "Fay"}
    profile = done(await system.nobody.post("/auth/register", registered | {"company_name": "Fay & Fay"}))
    await erase(system, profile["id"])
    async with system.owner() as connection:
        left = await connection.execute("select from company where company_id = %s", (profile["company_id"],))
        assert await left.fetchone() is None


# The command


async def test_it_asks_first(system: System) -> None:
    cy = await system.candidate()
    kept = await asyncio.to_thread(run, system, cy.email, typed="n\n")
    assert (kept.exit_code, kept.stdout) == (1, "")
    assert f"Erase {cy.email} ({cy.profile['name']}) for ever?" in kept.stderr
    assert (await cy.sees("/auth/me"))["email"] == cy.email
    gone = await asyncio.to_thread(run, system, cy.email, typed="y\n")
    assert gone.exit_code == 0
    assert gone.stdout == f"{cy.email} is erased\n  sessions: 1\n  account mails: 1\n"


async def test_whom_nobody_knows_cannot_be_erased_nor_anybody_twice(system: System) -> None:
    cy = await system.candidate()
    await erase(system, cy.email.upper())
    for who in (cy.email, cy.id, "nobody@example.com"):
        with pytest.raises(OperatorError, match=f"there is no account {who}"):
            await erase(system, who)


async def test_the_address_begins_anew(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    job, resume = await admin.posts_job(), await uploaded(cy)
    await cy.applies(job)
    await erase(system, cy.email)
    await system.services.revocations.refresh()
    refused(await cy.get("/auth/me"), 401)
    login = {"email": cy.email, "password": PASSWORD}
    refused(await system.nobody.post("/auth/login", login), 401, "wrong_credentials")

    profile = done(await system.nobody.post("/auth/register", login | {"name": "Cy again"}))
    anew = await system.logged_in(profile)

    assert anew.id != cy.id
    refused(await anew.get(f"/resumes/{resume['id']}"), 404)
    await anew.applies(job)
    await system.project()
    assert len(await anew.all("/applications")) == 1
    assert len(await admin.all("/applications")) == 2


async def test_an_address_that_is_somebody_elses_by_now_keeps_its_mail(system: System) -> None:
    admin, cy = await system.company(), await system.candidate()
    before, after = cy.email, f"{uuid4().hex}@example.com"
    done(await cy.patch("/auth/me", {"email": after}))
    given = await code(system, after, "email_confirmation")
    done(await system.nobody.post("/auth/email/confirm", {"code": given}))
    done(await system.nobody.post("/auth/register", {"email": before, "password": PASSWORD, "name": "Bo"}))
    await invited(system, admin, before, "auditor")

    await erase(system, after)

    assert len(await mails(system, before, "welcome")) == 1
    assert [one["status"] for one in await admin.all("/company/invitations")] == ["open"]


async def test_a_file_that_cannot_be_had_from_here_is_left_to_the_sweep(
    system: System, tmp_path: Path
) -> None:
    cy = await system.candidate()
    await uploaded(cy)
    said = await erase(system, cy.email, HIRELOG_HOME=str(tmp_path))
    assert (said["files"], said["files_left"]) == (0, 1)
    files = [path for path in (system.services.settings.home / "blobs").rglob("*") if path.is_file()]
    assert await BlobSweep(system.services.database, system.services.blobs).sweep() == 1
    assert sum(path.exists() for path in files) == len(files) - 1


async def test_nothing_is_deleted_when_a_mail_in_the_outbox_cannot_be(system: System, tmp_path: Path) -> None:
    cy = await system.candidate()
    async with system.owner() as connection:
        welcome = await connection.execute("select mail_id from account_mail where email = %s", (cy.email,))
        ((mail_id,),) = await welcome.fetchall()
    (tmp_path / "outbox" / f"20260101T000000Z-{mail_id}.eml").mkdir(parents=True)
    with pytest.raises(OperatorError, match="nothing was deleted: a mail in the outbox cannot be"):
        await erase(system, cy.email, HIRELOG_HOME=str(tmp_path))
    assert (await cy.sees("/auth/me"))["email"] == cy.email


# Those who write at the same time


class Late(msgspec.Struct, frozen=True):
    """Somebody who writes about a person in a company."""

    connection: psycopg.AsyncConnection[Any]
    person: Person
    company: Person

    async def texts(self) -> None:
        text_id = random_id(UUID(self.company.company_id), uuid4())
        text = personal_texts.PersonalText(text_id, UUID(self.person.id), {"comment": "Late."})
        await personal_texts.keep(self.connection, text, stream_id=uuid4(), command_id=uuid4())

    async def account_mails(self) -> None:
        account_id, email = UUID(self.person.id), f"{uuid4().hex}@example.com"
        await account_mail.queue(
            self.connection, "password_changed", account_id=account_id, email=email, parameters={"name": "Cy"}
        )

    async def resumes(self) -> None:
        resume = resume_rows.Resume(
            resume_id=uuid4(),
            owner_id=UUID(self.person.id),
            blob_name=uuid4().hex,
            filename="cy.txt",
            media_type="text/plain",
            size=1,
            sha256="",
            text_found=False,
            skills=[],
            experience_years=None,
            created_at=datetime.now(UTC),
        )
        await resume_rows.store(self.connection, resume, None)


@pytest.mark.parametrize("what", ["texts", "account_mails", "resumes"])
async def test_who_writes_before_an_erasure_is_waited_for_and_after_it_keeps_nothing(
    system: System, what: str
) -> None:
    company, cy = await system.company(), await system.candidate()
    before = {"texts": 0, "account_mails": 1, "resumes": 0}
    async with system.owner() as connection, system.owner() as watching:
        write = getattr(Late(connection, cy, company), what)
        async with connection.transaction():
            await write()
            erasing = asyncio.create_task(erase(system, cy.email))
            await blocked(watching, connection.info.backend_pid)
        said = await erasing
        assert {name: said[name] for name in before} == before | {what: before[what] + 1}
        await write()
    assert pointing(system.database_url, cy) == {"revocation.subject_id"}
    await BlobSweep(system.services.database, system.services.blobs).sweep()


async def test_who_was_erased_while_something_was_waited_for_has_no_token_either(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation is looked for among those of the last minute; here, of the last moment."""
    late_commit = timedelta(seconds=0.2)
    monkeypatch.setattr(revocations, "_LATE_COMMIT", late_commit)
    cy = await system.candidate()
    async with system.owner() as connection, system.owner() as watching:
        async with connection.transaction():
            await connection.execute("select from mail_pace for update")
            erasing = asyncio.create_task(erase(system, cy.email))
            await blocked(watching, connection.info.backend_pid)
            began = await moment(watching)
            while await moment(watching) < began + 2 * late_commit:
                await system.services.revocations.refresh()
        await erasing
    await system.services.revocations.refresh()
    assert UUID(cy.id) in system.services.revocations.revoked


async def test_an_erasure_that_would_wait_for_long_says_so_and_deletes_nothing(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_LONGEST_WAIT", "50ms")
    cy = await system.candidate()
    async with system.owner() as connection, connection.transaction():
        await connection.execute("select from account where account_id = %s for update", (cy.id,))
        with pytest.raises(OperatorError, match=f"nothing was deleted: .* {cy.email}: try again"):
            await erase(system, cy.email)
    assert (await cy.sees("/auth/me"))["email"] == cy.email


async def test_mail_goes_out_while_an_erasure_waits(system: System) -> None:
    company, cy = await system.company(), await system.candidate()
    async with system.owner() as connection, system.owner() as watching:
        await Late(connection, cy, company).texts()
        async with connection.transaction():
            await connection.execute("select from personal_text where subject_id = %s for update", (cy.id,))
            erasing = asyncio.create_task(erase(system, cy.email))
            await blocked(watching, connection.info.backend_pid)
            await watching.execute("select from mail_pace for update nowait")
        assert (await erasing)["texts"] == 1


async def test_news_about_a_person_are_found_without_reading_those_about_others(system: System) -> None:
    async with system.owner() as connection, connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        statement, nobody = erasure._ERASE_REASONS, {"id": uuid4()}  # pyright: ignore[reportPrivateUsage]
        plan = await connection.execute(f"explain {statement}", nobody)
        assert "effect_about_candidate" in str(await plan.fetchall())


async def moment(connection: psycopg.AsyncConnection[Any]) -> datetime:
    """What time it is for the database."""
    ((now,),) = await (await connection.execute("select clock_timestamp()")).fetchall()
    found: datetime = now
    return found
