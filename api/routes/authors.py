"""Who did something: by name, in the role that they had then."""

from bisect import bisect_right
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import assert_never, cast
from uuid import UUID

import msgspec

from api.services import Services
from application.actor import Role
from application.commands import membership_id
from application.entity import decode, pages
from application.ports import EventLog
from domain.membership import MEMBERSHIP, MemberJoined, MemberLeft, MemberRoleChanged, MembershipEvent
from infrastructure.identity import accounts


class Who(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person in the role that they had then; a candidate sees no names of staff. What nobody did has a name alone: the
    screening policy that judged."""

    role: Role | None = None
    id: UUID | None = None
    name: str | None = None


class Authors:
    """The people behind some events of a company's log. Names are today's, and missing for whom was erased."""

    def __init__(self, names: dict[UUID, str], roles: dict[UUID, list[tuple[int, Role | None]]]) -> None:
        self._names = names
        self._roles = roles

    def of(self, account_id: UUID | None, position: int) -> Who:
        """A member of staff, as of a position of the log."""
        if account_id is None:
            return Who()
        return Who(role=self._role(account_id, position), id=account_id, name=self._names.get(account_id))

    def candidate(self, account_id: UUID) -> Who:
        return Who(role="candidate", id=account_id, name=self._names.get(account_id))

    def _role(self, account_id: UUID, position: int) -> Role | None:
        changes = self._roles.get(account_id, [])
        before = bisect_right(changes, position, key=lambda change: change[0])
        return changes[before - 1][1] if before else None


async def authors(services: Services, company_id: UUID, account_ids: Iterable[UUID | None]) -> Authors:
    """What is to be known of these people."""
    wanted = {account_id for account_id in account_ids if account_id is not None}
    roles = await _roles(services.store, company_id, wanted)
    async with services.database.identity() as connection:
        names = await accounts.names(connection, list(wanted))
    return Authors(names, roles)


async def _roles(
    log: EventLog, company_id: UUID, wanted: AbstractSet[UUID]
) -> dict[UUID, list[tuple[int, Role | None]]]:
    """Per person, from which position on they had which role (None: they had left)."""
    roles: dict[UUID, list[tuple[int, Role | None]]] = {}
    async for page in pages(log, company_id, membership_id(company_id)):
        for stored in page:
            event = cast("MembershipEvent", decode(MEMBERSHIP, stored))
            if event.account_id in wanted:
                roles.setdefault(event.account_id, []).append((stored.position, _role_after(event)))
    return roles


def _role_after(event: MembershipEvent) -> Role | None:
    match event:
        case MemberJoined(role=role) | MemberRoleChanged(to_role=role):
            return role
        case MemberLeft():
            return None
        case _:
            assert_never(event)
