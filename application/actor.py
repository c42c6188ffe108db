"""Who asks: a person, as the access token says, or an operator."""

from typing import Final, Literal, TypeAlias
from uuid import UUID

import msgspec

from domain.membership import StaffRole

Role: TypeAlias = Literal["candidate"] | StaffRole

ActingRole: TypeAlias = Role | Literal["operator"]

STAFF: Final[frozenset[Role]] = frozenset({"recruiter", "hiring_manager", "auditor", "admin"})


class Actor(msgspec.Struct, frozen=True):
    """A person with a role; staff act in one company, a candidate in none. `session_id` is the login they act by."""

    account_id: UUID
    role: ActingRole
    company_id: UUID | None = None
    session_id: UUID | None = None

    @property
    def named(self) -> UUID | None:
        """Whom the log names."""
        return None if self.role == "operator" else self.account_id


OPERATOR: Final = Actor(UUID(int=0), "operator")
"""Whoever runs the system, at its command line; nobody's account, and no token says so."""
