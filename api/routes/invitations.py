"""Invitations of the own company: sent by its admins, and taken back by them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from api.http.access import ADMIN
from api.http.email_addresses import check_email
from api.http.fields import Body, Email
from api.http.problems import ProblemError
from api.http.requests import AnyRequest, Cursor, IdempotencyKey, Limit, actor_of, company_of, metadata
from api.services import services_of
from application.refusals import NotFound
from domain.membership import StaffRole
from infrastructure.identity import accounts as table
from infrastructure.identity import invitations
from infrastructure.identity.invitations import Invitation, InvitationStatus, Invite, TooManyInvitations
from infrastructure.mail.account_mail import queue
from projections.paging import Page, decode_cursor, encode_cursor

_ORDER: Final = "newest"


class InvitationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation. `member_id` is the account that came of it. The code is only in the mail."""

    id: UUID
    email: str
    role: StaffRole
    status: InvitationStatus
    invited_by: UUID
    created_at: datetime
    expires_at: datetime
    member_id: UUID | None


class InviteBody(Body, frozen=True):
    email: Email
    role: StaffRole


@post(
    "/company/invitations",
    allow=ADMIN,
    tags=["Company"],
    headers=("Location",),
    operation_id="invite_member",
    rules=("already_a_member",),
)
async def invite(
    data: JSONBody[InviteBody], request: AnyRequest, idempotency_key: IdempotencyKey = None
) -> Response[InvitationAnswer]:
    """Invite somebody by mail to join the own company in a role. The mail holds a code that works once, for seven days.

    Inviting the same address again takes the older invitation back. Whether the address has an account is not told, unless it is a member's
    (409 `already_a_member`). An invitation is good only as long as who sent it is an admin.
    """
    services = services_of(request)
    check_email(data.email)
    how = await metadata(request, None, idempotency_key)
    company_id = company_of(request)
    members = (await services.memberships.state(company_id)).roles
    async with services.database.of(actor_of(request)) as connection, connection.transaction():
        wish = Invite(
            company_id=company_id,
            email=data.email,
            role=data.role,
            inviter_id=how.actor.account_id,
            command_id=how.command_id,
            repeatable=how.repeatable,
        )
        try:
            invitation, code = await invitations.invite(connection, wish)
        except TooManyInvitations as error:
            detail = f"A company sends {invitations.DAILY} invitations a day at most."
            raise ProblemError(429, "too_many_invitations", detail, retry_after=3600) from error
        if code is not None:
            invited = await table.by_email(connection, data.email)
            if invited is not None and invited.account_id in members:
                raise ProblemError(
                    409, "already_a_member", "This is the address of a member: change their role instead."
                )
            inviter = await table.by_id(connection, how.actor.account_id)
            company = await table.company(connection, company_id)
            if inviter is None or company is None:
                raise NotFound
            await queue(
                connection,
                "invitation",
                account_id=None,
                email=data.email,
                parameters={
                    "company": company.name,
                    "role": data.role.replace("_", " "),
                    "code": code,
                    "inviter": inviter.name,
                },
            )
    services.mail.wake()
    location = {"Location": f"/company/invitations/{invitation.invitation_id}"}
    return Response(_answer(invitation), status_code=201, headers=location)


@get("/company/invitations", allow=ADMIN, tags=["Company"], operation_id="list_invitations")
async def listed(request: AnyRequest, limit: Limit = 50, cursor: Cursor = None) -> Page[InvitationAnswer]:
    """The invitations of the own company in the last 60 days, newest first."""
    services = services_of(request)
    before = None if cursor is None else decode_cursor(cursor, _ORDER, datetime)
    async with services.database.of(actor_of(request)) as connection:
        found = await invitations.of_company(connection, company_of(request), limit + 1, before)
    items = [_answer(invitation) for invitation in found[:limit]]
    last = items[-1] if len(found) > limit else None
    return Page(items, None if last is None else encode_cursor(_ORDER, last.created_at, last.id))


@get(
    "/company/invitations/{invitation_id:uuid}", allow=ADMIN, tags=["Company"], operation_id="read_invitation"
)
async def one(invitation_id: FromPath[UUID], request: AnyRequest) -> InvitationAnswer:
    """One invitation of the own company."""
    services = services_of(request)
    async with services.database.of(actor_of(request)) as connection:
        found = await invitations.by_id(connection, company_of(request), invitation_id)
    if found is None:
        raise NotFound
    return _answer(found)


@delete(
    "/company/invitations/{invitation_id:uuid}",
    allow=ADMIN,
    status_code=200,
    tags=["Company"],
    operation_id="revoke_invitation",
    rules=("invitation_accepted",),
)
async def revoke(invitation_id: FromPath[UUID], request: AnyRequest) -> InvitationAnswer:
    """Take an invitation back: its code is worthless from now on. One that was accepted stays (409 `invitation_accepted`)."""
    services = services_of(request)
    company_id = company_of(request)
    async with services.database.of(actor_of(request)) as connection:
        await invitations.revoke(connection, company_id, invitation_id)
        found = await invitations.by_id(connection, company_id, invitation_id)
    if found is None:
        raise NotFound
    if found.status == "accepted":
        raise ProblemError(
            409, "invitation_accepted", "The invitation was accepted: remove the member instead."
        )
    return _answer(found)


def _answer(invitation: Invitation) -> InvitationAnswer:
    return InvitationAnswer(
        id=invitation.invitation_id,
        email=invitation.email,
        role=invitation.role,
        status=invitation.status,
        invited_by=invitation.inviter_id,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
        member_id=invitation.accepted_by,
    )


HANDLERS: list[Any] = [invite, listed, one, revoke]
