"""What follows from an event: somebody is told. Pure data; `application.policies` decides it, infrastructure carries it out."""

from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

Kind: TypeAlias = Literal[
    "application_received",
    "application_moved",
    "qualified",
    "stage_changed",
    "application_rejected",
    "application_reinstated",
    "new_application",
    "application_withdrawn",
]
"""What somebody is told about an application: each has a template, a notification and a preference."""

AccountKind: TypeAlias = Literal[
    "welcome",
    "invitation",
    "password_reset",
    "password_changed",
    "email_confirmation",
    "email_changed",
    "sessions_ended",
    "already_registered",
]
"""Mail about an account: it follows from no event, and nobody can switch it off."""

Recipient: TypeAlias = Literal["candidate", "recruiter"]
"""`recruiter` is whoever created the job or, once they have left the company, each of its admins."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient is told one thing, in the application and by mail, as their preferences allow."""

    kind: Kind
    recipient: Recipient
    application_id: UUID
