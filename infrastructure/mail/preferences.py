"""Which kinds of news a person wants, by mail and in the application. Without a row, both."""

from collections.abc import Mapping
from typing import Any, get_args
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from application.effects import Kind


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of news reaches a person: by `mail`, and `in_app` among the notifications."""

    mail: bool = True
    in_app: bool = True


class ChangedChannels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to switch; a channel that is not given stays as it is."""

    mail: bool | None = None
    in_app: bool | None = None


async def read(connection: AsyncConnection[Any], account_id: UUID) -> dict[Kind, Channels]:
    """The preferences of an account, every kind named."""
    kinds: tuple[Kind, ...] = get_args(Kind)
    cursor = await connection.execute(
        "select kind, mail, in_app from notification_preference where account_id = %s", (account_id,)
    )
    stored = {kind: Channels(mail=mail, in_app=in_app) for kind, mail, in_app in await cursor.fetchall()}
    return {kind: stored.get(kind, Channels()) for kind in kinds}


async def change(
    connection: AsyncConnection[Any], account_id: UUID, changes: Mapping[Kind, ChangedChannels]
) -> None:
    """Switch channels on and off; for an account that was erased nothing happens."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            """insert into notification_preference as old (account_id, kind, mail, in_app)
               select account_id, %(kind)s, coalesce(%(mail)s, true), coalesce(%(in_app)s, true)
               from account where account_id = %(account_id)s
               on conflict (account_id, kind) do update
               set mail = coalesce(%(mail)s, old.mail), in_app = coalesce(%(in_app)s, old.in_app)""",
            [
                {"account_id": account_id, "kind": kind, "mail": wanted.mail, "in_app": wanted.in_app}
                for kind, wanted in sorted(changes.items())
            ],
        )
