"""`hirelog accounts erase`: what is personal is gone wherever it was, and what remains points to nobody."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
import rich_click as click
from click.testing import CliRunner, Result
from msgspec.structs import replace
from psycopg import sql

from api.account_commands import COMMANDS
from infrastructure import account_mail, personal_texts, resume_rows
from infrastructure.blob_sweep import BlobSweep
from infrastructure.mail_delivery import Deliverer
from infrastructure.mail_links import MailLinks
from infrastructure.mail_message import sender
from infrastructure.mail_outbox import Outbox
from infrastructure.mail_smtp import Smtp
from infrastructure.mail_smtp import smtp_server as server_of
from infrastructure.mail_transport import Transport
from infrastructure.operator_error import OperatorError
from infrastructure.projection_pool import projection_pool
from infrastructure.rebuild import rebuild
from projections.menu import MENU
from tests.api.conftest import settings
from tests.api.letters import code, invited, letters
from tests.api.people import PASSWORD, Json, Person, System, done, refused, running
from tests.api.resume_upload import upload, uploaded
from tests.api.test_canary import redis_content
from tests.mail_servers import PATIENCE, smtp_server
from tests.post_office import PostOffice

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME: Final = "Canarina Featherstone"
FIRST, SECOND, THIRD = (f"canarina.{number}@example.com" for number in ("first", "second", "third"))
WRITTEN: Final = "canary-song-4417"
CANARIES: Final = ("canarina", "featherstone", WRITTEN)

WITHOUT_WORDS: Final = {"uuid", "bigint", "integer", "boolean", "timestamp with time zone"}
"""Types that can hold nothing that somebody is called or wrote."""

NOT_PERSONAL: Final[dict[str, set[str]]] = {
    "event": {"type", "data"},
    "snapshot": {"type", "data"},
    "tracking": {"tracker"},
    "projection": {"name"},
    "projection_checkpoint": {"name", "parked_error"},
    "schema_migration": {"version_num"},
    "company": {"name"},
    "skill": {"name", "aliases"},
    "search_word": {"word"},
    "signing_key": {"key_id", "salt"},
    "mail_pace": {"held_reason"},
    # Words of ours, digests and generated names, in rows that are about a person otherwise.
    "account": {"password_hash"},
    "session": {"ended_reason"},
    "refresh_token": {"token_hash", "successor_salt"},
    "one_use_code": {"code_hash", "kind"},
    "notification_preference": {"kind"},
    "invitation": {"role", "code_hash"},
    "resume": {"blob_name", "media_type", "sha256", "skills", "request_key", "request_hash"},
    "unowned_blob": {"name"},
    "effect": {"kind", "recipient", "mail_status"},
    "account_mail": {"kind", "mail_status"},
}

POINT_TO_NOBODY: Final = {
    "event.actor_id",
    "effect.account_id",
    "effect.candidate_id",
    "revocation.subject_id",
}
"""What may hold the id of an erased person, beside the read models."""


def run(system: System, *words: str, typed: str | None = None, **environment: str) -> Result:
    group = click.Group(commands={command.name or "": command for command in COMMANDS})
    given = {
        "DATABASE_URL": system.database_url,
        "SECRET_KEY": "x" * 40,
        "HIRELOG_HOME": str(system.services.settings.home),
        **environment,
    }
    return CliRunner().invoke(group, ["accounts", "erase", *words], env=given, input=typed)


async def erase(system: System, who: str, **environment: str) -> Json:
    """What the command says was deleted. Raises its `OperatorError`."""
    result = await asyncio.to_thread(run, system, who, "--yes", "--json", **environment)
    if isinstance(result.exception, OperatorError):
        raise result.exception
    assert result.exit_code == 0, result.output
    said: Json = json.loads(result.stdout)
    return said


# Nothing is left


class Post(PostOffice):
    """Delivers a system's mail by a transport."""

    transport: Transport

    def deliverer(self, key: str | None = None, **_settings: Any) -> Deliverer:  # noqa: ARG002 (as it is called)
        links = MailLinks(settings("", ""))
        return Deliverer(self.pool, self.transport, sender("jobs@example.com"), links, per_second=1_000)


async def deliver(system: System, transport: Transport) -> None:
    await system.tell()
    with projection_pool(system.database_url, 2) as pool:
        post = Post(system.database_url, pool)
        post.transport = transport
        await asyncio.to_thread(post.time_passes)
        await asyncio.to_thread(post.deliver)


async def lives(system: System, outbox: Outbox) -> tuple[Person, Person]:
    """The canary leaves traces wherever a person can; they, and the admin of a company that they applied to."""
    admin, other = await system.company(), await system.company()
    registered = {"email": FIRST, "password": PASSWORD, "name": NAME}
    profile = done(await system.nobody.post("/auth/register", registered))
    login = {"email": FIRST, "password": PASSWORD}
    tokens = done(await system.nobody.send("POST", "/auth/login", login, headers={"User-Agent": WRITTEN}))
    canary = Person(system.client, profile, tokens["access_token"])
    done(await system.nobody.post("/auth/register", registered))
    done(await other.post("/company/invitations", {"email": FIRST, "role": "auditor"}))
    done(await canary.patch("/auth/me", {"email": SECOND}))
    confirmed = {"code": await code(system, SECOND, "email_confirmation")}
    done(await system.nobody.post("/auth/email/confirm", confirmed))
    done(await canary.patch("/auth/me", {"notifications": {"qualified": {"mail": False}}}))

    resume = done(await upload(canary, f"{NAME}\nErlang\n{WRITTEN}".encode(), f"{NAME}.txt", key=WRITTEN))
    job = await admin.posts_job()
    application = await canary.applies(job, cover_letter=WRITTEN, resume_id=resume["id"])
    path = f"/applications/{application['id']}"
    done(await admin.post(f"{path}/comments", {"text": WRITTEN}))
    scorecard = {"ratings": {"craft": 4}, "recommendation": "yes", "note": WRITTEN}
    done(await admin.post(f"{path}/scorecards", scorecard))
    await deliver(system, outbox)

    done(await admin.patch(f"{path}/stage", {"stage": "screening", "note": WRITTEN}))
    done(await system.nobody.post("/auth/password-reset", {"email": SECOND}))
    await system.services.password_resets.done()
    with smtp_server() as (provider, address):
        provider.recipient = f"550 5.1.1 <{SECOND.upper()}>: {NAME} is unknown here"
        await deliver(system, Smtp(server_of(f"smtp://{address}")))

    await admin.rejects(application, WRITTEN)
    done(await admin.post(f"{path}/reinstate"))
    done(await canary.post(f"{path}/withdraw"))
    done(await canary.patch("/auth/me", {"email": THIRD}))
    done(await other.post("/company/invitations", {"email": SECOND.upper(), "role": "recruiter"}))
    await system.tell()
    await system.project()
    return canary, admin


def columns(connection: psycopg.Connection, *, worded: bool) -> list[tuple[str, str, str]]:
    """Table, name and type of the columns that can hold words, or of those that cannot."""
    found = connection.execute(
        """select table_name, column_name, data_type
           from information_schema.columns join information_schema.tables using (table_schema, table_name)
           where table_type = 'BASE TABLE' and table_schema = 'public' and (data_type = any(%s)) <> %s
           order by table_name, column_name""",
        [list(WITHOUT_WORDS), worded],
    )
    return found.fetchall()


def holding(database_url: str) -> set[str]:
    """The columns of the whole database in which a canary is."""
    found: set[str] = set()
    with psycopg.connect(database_url) as connection:
        for table, column, kind in columns(connection, worded=True):
            value = sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text")
            question = sql.SQL("select exists (select from {} where {} ilike any (%s))").format(
                sql.Identifier(table), value.format(sql.Identifier(column))
            )
            if connection.execute(question, [[f"%{canary}%" for canary in CANARIES]]).fetchone() == (True,):
                found.add(f"{table}.{column}")
    return found


def pointing(database_url: str, person: Person) -> set[str]:
    """The columns that hold a person's id, beside those of the read models."""
    found: set[str] = set()
    with psycopg.connect(database_url) as connection:
        for table, column, kind in columns(connection, worded=False):
            if kind != "uuid" or table.startswith("rm_"):
                continue
            question = sql.SQL("select exists (select from {} where {} = %s)").format(
                sql.Identifier(table), sql.Identifier(column)
            )
            if connection.execute(question, [person.id]).fetchone() == (True,):
                found.add(f"{table}.{column}")
    return found


def files_holding(home: Path) -> set[str]:
    """The folders of a home in which a file has a canary in it, or in its name."""
    canaries = [canary.encode() for canary in CANARIES]
    found = (path for path in home.rglob("*") if path.is_file())
    return {
        path.relative_to(home).parts[0]
        for path in found
        if any(canary in (path.name.encode() + path.read_bytes()).lower() for canary in canaries)
    }


async def test_nothing_personal_of_an_erased_person_is_left_anywhere(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Each column that can hold words is one that the canary's life has filled, or one that is named above."""
    chosen = replace(settings(database_url, redis_url), rate_limits="on", home=tmp_path)
    outbox = Outbox(tmp_path / "outbox")
    async with running(chosen) as system:
        canary, admin = await lives(system, outbox)
        with psycopg.connect(database_url) as connection:
            worded = columns(connection, worded=True)
            ((before,),) = connection.execute("select count(*) from event").fetchall()
        personal = {
            f"{table}.{column}"
            for table, column, _ in worded
            if not table.startswith("rm_") and column not in NOT_PERSONAL.get(table, ())
        }
        assert holding(database_url) == personal
        assert files_holding(tmp_path) == {"blobs", "outbox"}
        assert pointing(database_url, canary) > POINT_TO_NOBODY - {"revocation.subject_id"}

        said = await erase(system, canary.id)

        assert said == {
            "account_id": canary.id,
            "company_left": None,
            "sessions": 1,
            "codes": 3,
            "preferences": 1,
            "invitations": 2,
            "texts": 5,
            "resumes": 1,
            "files": 1,
            "files_left": 0,
            "account_mails": said["account_mails"],
            "mails_stopped": 3,
            "outbox_files": said["outbox_files"],
        }
        await deliver(system, outbox)
        assert holding(database_url) == set()
        assert files_holding(tmp_path) == set()
        assert pointing(database_url, canary) == POINT_TO_NOBODY
        assert not any(canary in redis_content(redis_url).lower() for canary in CANARIES)

        # Nor does anything that is made from the log bring it back.
        for model in MENU:
            await asyncio.to_thread(rebuild, database_url, model)
        await system.tell()
        assert holding(database_url) == set()
        with psycopg.connect(database_url) as connection:
            ((after,),) = connection.execute("select count(*) from event").fetchall()
        assert after == before
        assert len((await admin.sees("/applications"))["items"]) == 1


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
    done(await admin.post(f"{path}/comments", {"text": "Still shy."}))
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
    await system.tell()

    said = await erase(system, admin.email)

    assert (said["company_left"], said["account_mails"], said["texts"]) == ("Bread & Co.", 1, 0)
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
    assert await letters(system, invitee, "invitation") == []
    ((sent,),) = [
        [mail["status"] for mail in entry["mails"] if mail["to"] == "recruiter"] for entry in history[:1]
    ]
    assert sent == "switched_off"


async def test_the_last_admin_is_refused_and_keeps_everything(system: System) -> None:
    founder = await system.company("Bread & Co.")
    with pytest.raises(OperatorError, match=r"is the last admin of Bread & Co\.: make another member"):
        await erase(system, founder.email)
    assert (await founder.sees("/auth/me"))["name"] == founder.profile["name"]
    other = await system.member(founder, "recruiter")
    await system.change_role(founder, other, "admin")
    assert (await erase(system, founder.email))["company_left"] == "Bread & Co."


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

    assert len(await letters(system, before, "welcome")) == 1
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


# Those who write at the same time


async def test_who_writes_about_a_person_before_them_is_waited_for_and_after_them_keeps_nothing(
    system: System,
) -> None:
    admin, cy = await system.company(), await system.candidate()
    person, tenant = UUID(cy.id), UUID(admin.company_id)
    resume = resume_rows.Resume(
        resume_id=uuid4(),
        owner_id=person,
        blob_name="none",
        filename="cy.txt",
        media_type="text/plain",
        size=1,
        sha256="",
        text_found=False,
        skills=[],
        experience_years=None,
        created_at=datetime.now(UTC),
    )

    async def write(connection: psycopg.AsyncConnection[Any]) -> None:
        await personal_texts.keep(connection, tenant, uuid4(), person, {"comment": "Late."})
        await account_mail.queue(
            connection, "password_changed", account_id=person, email=cy.email, parameters={"name": "Cy"}
        )
        await resume_rows.store(connection, replace(resume, resume_id=uuid4()), None)

    async with system.owner() as first, system.owner() as watching:
        async with first.transaction():
            await write(first)
            erasing = asyncio.create_task(erase(system, cy.email))
            await blocked(watching, first.info.backend_pid)
        said = await erasing
        assert (said["texts"], said["account_mails"], said["resumes"]) == (1, 2, 1)
        await write(first)
    assert pointing(system.database_url, cy) == {"revocation.subject_id"}
    assert await BlobSweep(system.services.database, system.services.blobs).sweep() == 1


async def blocked(connection: psycopg.AsyncConnection[Any], by: int) -> None:
    """Until somebody waits for a transaction."""
    async with asyncio.timeout(PATIENCE):
        while True:
            waiting = await connection.execute(
                "select from pg_stat_activity where %s = any(pg_blocking_pids(pid))", (by,)
            )
            if await waiting.fetchone() is not None:
                return
