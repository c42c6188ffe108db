"""The own sessions: who is logged in with this account, since when, and why a session ended."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import delete, get
from litestar.params import FromPath

from api.http.access import SIGNED_IN
from api.http.requests import AnyRequest, Cursor, Limit, actor_of
from api.services import services_of
from application.refusals import NotFound
from infrastructure.identity.sessions import Listed, end_session, of_account
from projections.paging import Page, decode_cursor, encode_cursor


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One login. `client` is what it called itself (User-Agent); `ended_reason` is null while it lasts, and
    `reuse_detected` when one of its refresh tokens was used twice: then somebody else had it."""

    id: UUID
    current: bool
    client: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ended_reason: str | None


@get("/auth/sessions", allow=SIGNED_IN, tags=["Accounts"], operation_id="list_sessions")
async def list_sessions(request: AnyRequest, limit: Limit = 50, cursor: Cursor = None) -> Page[Session]:
    """The own sessions, newest first, with those that ended in the last 30 days; `last_used_at` is the last refresh."""
    services = services_of(request)
    actor = actor_of(request)
    before = None if cursor is None else decode_cursor(cursor, "newest", datetime)
    async with services.database.identity() as connection:
        found = await of_account(connection, actor.account_id, limit + 1, before)
    items = [_answer(session, actor.session_id) for session in found[:limit]]
    last = items[-1] if len(found) > limit else None
    return Page(items, None if last is None else encode_cursor("newest", last.created_at, last.id))


@delete("/auth/sessions/{session_id:uuid}", allow=SIGNED_IN, tags=["Accounts"], operation_id="end_session")
async def end_own_session(session_id: FromPath[UUID], request: AnyRequest) -> None:
    """End one of the own sessions: its tokens are refused from now on."""
    services = services_of(request)
    async with services.database.identity() as connection:
        actor = actor_of(request)
        if not await end_session(connection, actor.account_id, session_id, "ended_by_owner"):
            raise NotFound
    await services.revocations.refresh()


def _answer(listed: Listed, current: UUID | None) -> Session:
    return Session(
        id=listed.session_id,
        current=listed.session_id == current,
        client=listed.client,
        created_at=listed.created_at,
        last_used_at=listed.refreshed_at,
        expires_at=listed.expires_at,
        ended_at=listed.ended_at,
        ended_reason=listed.ended_reason,
    )


HANDLERS = [list_sessions, end_own_session]
