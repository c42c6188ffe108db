"""A made-up person leaves traces wherever one can, is erased, and is then looked for everywhere."""

import asyncio
from pathlib import Path
from typing import Final

import psycopg
from msgspec.structs import replace
from psycopg import sql

from infrastructure.mail.outbox import Outbox
from infrastructure.mail.smtp import Smtp
from infrastructure.mail.smtp import smtp_server as server_of
from infrastructure.read_models.rebuild import rebuild
from projections.menu import MENU
from tests.api.account_mail import code
from tests.api.conftest import settings
from tests.api.delivering import deliver
from tests.api.erasing import columns, erase, pointing
from tests.api.people import PASSWORD, Person, System, done, running
from tests.api.resume_upload import upload
from tests.mail_servers import smtp_server
from tests.redis_content import redis_content

NAME: Final = "Canarina Featherstone"
FIRST, SECOND, THIRD = (f"canarina.{number}@example.com" for number in ("first", "second", "third"))
WRITTEN: Final = "canary-song-4417"
CANARIES: Final = ("canarina", "featherstone", WRITTEN)

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
    "request_key": {"key_hash", "request_hash"},
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
        provider.recipient = f"550 5.1.1 <{SECOND.upper()}>: {NAME} (canarinafeatherstone2) is unknown here"
        await deliver(system, Smtp(server_of(f"smtp://{address}")))

    await admin.rejects(application, WRITTEN)
    done(await admin.post(f"{path}/reinstate"))
    done(await canary.post(f"{path}/withdraw"))
    done(await canary.patch("/auth/me", {"email": THIRD}))
    done(await other.post("/company/invitations", {"email": SECOND.upper(), "role": "recruiter"}))
    await system.tell()
    await system.project()
    return canary, admin


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
            reasons = connection.execute("select mail_reason from account_mail where mail_reason is not null")
            # Logged too, where nothing can be erased, it is without what is known of the recipient; the server knows more.
            assert reasons.fetchall() == [
                (
                    "the SMTP server answered 550 5.1.1 <(recipient)>: (recipient) (canarinafeatherstone2) is unknown here",
                )
            ]
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
            "jobs_closed": 0,
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
