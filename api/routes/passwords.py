"""Passwords: what is taken for one, and changing the own."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.params import JSONBody

from api.http.access import SIGNED_IN
from api.http.fields import Body, Password
from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError
from api.http.requests import AnyRequest, actor_of
from api.services import services_of
from infrastructure.identity import accounts as table
from infrastructure.identity.owner_mail import queue_for_owner
from infrastructure.identity.password_policy import refusal
from infrastructure.identity.sessions import end_all_sessions


class PasswordBody(Body, frozen=True):
    current_password: Annotated[str, msgspec.Meta(max_length=1024)]
    new_password: Password


def check_password(password: str, field: str, *context: str) -> None:
    """Raise a 400 problem for a password that attackers try first; `context` is what they know of its owner."""
    if (reason := refusal(password, context)) is not None:
        raise ProblemError(
            400, "password_refused", f"The password is refused: {reason}.", [InvalidField(field, reason)]
        )


@post(
    "/auth/password",
    allow=SIGNED_IN,
    throttle="sign_in",
    status_code=204,
    tags=["Accounts"],
    operation_id="change_password",
)
async def change_password(data: JSONBody[PasswordBody], request: AnyRequest) -> None:
    """Change the own password; the account's other sessions end."""
    services = services_of(request)
    actor = actor_of(request)
    async with services.database.identity() as connection:
        account = await table.by_id(connection, actor.account_id)
    if account is None:
        raise _wrong_password()
    await services.throttle.password(request, account.email)
    if not await services.passwords.matches(data.current_password, account.password_hash):
        raise _wrong_password()
    await services.throttle.password_was_right(request, account.email)
    company_name = "" if account.company_id is None else await services.company_names.of(account.company_id)
    check_password(data.new_password, "new_password", account.name, account.email, company_name)
    password_hash = await services.passwords.hash(data.new_password)
    async with services.database.identity() as connection, connection.transaction():
        if not await table.change_password(connection, account, password_hash):
            raise _wrong_password()
        await end_all_sessions(connection, account.account_id, "password_changed", keep=actor.session_id)
        await queue_for_owner(connection, "password_changed", account)
    services.mail.wake()
    await services.revocations.refresh()


def _wrong_password() -> ProblemError:
    wrong = InvalidField("current_password", "this is not the current password")
    return ProblemError(400, "wrong_password", "The current password is wrong.", [wrong])


HANDLERS = [change_password]
