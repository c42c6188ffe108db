"""Who asks, as the access token says."""

from typing import Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from domain.membership import StaffRole

Role: TypeAlias = Literal["candidate"] | StaffRole

STAFF: Final[frozenset[Role]] = frozenset({"recruiter", "hiring_manager", "auditor", "admin"})


class Actor(msgspec.Struct, frozen=True):
    """A person with a role; staff act in one company, a candidate in none. `session_id` is the login they act by."""

    account_id: UUID
    role: Role
    company_id: UUID | None = None
    session_id: UUID | None = None
