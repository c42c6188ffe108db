"""Mail about accounts: what was sent to an address."""

from tests.api.people import Json, Person, System, done


async def mails(system: System, email: str, kind: str) -> list[Json]:
    """What the mails of a kind to an address say, oldest first."""
    async with system.owner() as connection:
        cursor = await connection.execute(
            """select parameters from account_mail where email = %s and kind = %s
               order by created_at, mail_id""",
            (email, kind),
        )
        return [parameters for (parameters,) in await cursor.fetchall()]


async def kinds(system: System, email: str) -> list[str]:
    """Of which kinds the mails to an address are, in any spelling of it; sorted."""
    async with system.owner() as connection:
        cursor = await connection.execute(
            "select kind from account_mail where letter_box(email) = letter_box(%s) order by kind", (email,)
        )
        return [kind for (kind,) in await cursor.fetchall()]


async def code(system: System, email: str, kind: str) -> str:
    """The code in the last mail of a kind to an address."""
    await system.services.password_resets.done()
    return str((await mails(system, email, kind))[-1]["code"])


async def invited(system: System, admin: Person, email: str, role: str) -> str:
    """The code of an invitation that an admin sends."""
    done(await admin.post("/company/invitations", {"email": email, "role": role}))
    return await code(system, email, "invitation")
