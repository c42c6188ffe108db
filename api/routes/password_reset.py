"""A new password for who has lost theirs, by a code that is mailed."""

from typing import Any

import msgspec
from litestar import post
from litestar.params import JSONBody

from api.http.access import ANYONE
from api.http.fields import Body, Email, Password
from api.http.requests import AnyRequest
from api.routes.passwords import check_password
from api.routes.profile import Code, invalid_code
from api.services import services_of
from infrastructure.identity import accounts as table
from infrastructure.identity import one_use_codes
from infrastructure.identity.owner_mail import queue_for_owner
from infrastructure.identity.sessions import end_all_sessions


class ResetBody(Body, frozen=True):
    email: Email


class ResetAnswer(msgspec.Struct, frozen=True):
    """What is told to everybody."""

    detail: str


class ResetConfirmBody(Body, frozen=True):
    code: Code
    password: Password


@post(
    "/auth/password-reset",
    allow=ANYONE,
    throttle="sign_in",
    status_code=202,
    tags=["Accounts"],
    security=[{}],
    operation_id="reset_password",
)
async def reset(data: JSONBody[ResetBody], request: AnyRequest) -> ResetAnswer:
    """Have a code mailed that sets a new password, if the address is an account's. The answer is always the same, and waits
    for nothing. The code works once, for 30 minutes, and only the latest."""
    services = services_of(request)
    services.password_resets.ask(data.email)
    return ResetAnswer("If the address has an account, a code is on its way.")


@post(
    "/auth/password-reset/confirm",
    allow=ANYONE,
    throttle="sign_in",
    status_code=204,
    tags=["Accounts"],
    security=[{}],
    operation_id="confirm_password_reset",
)
async def confirm(data: JSONBody[ResetConfirmBody], request: AnyRequest) -> None:
    """Set a new password with the code that was mailed, and end every session of the account. A password that is refused
    leaves the code as it is."""
    services = services_of(request)
    async with services.database.identity() as connection:
        purpose = await one_use_codes.find(connection, "password_reset", data.code)
        account = None if purpose is None else await table.by_id(connection, purpose.account_id)
    if account is None:
        raise invalid_code()
    company_name = "" if account.company_id is None else await services.company_names.of(account.company_id)
    check_password(data.password, "password", account.name, account.email, company_name)
    password_hash = await services.passwords.hash(data.password)
    async with services.database.identity() as connection, connection.transaction():
        if await one_use_codes.spend(connection, "password_reset", data.code) is None:
            raise invalid_code()
        await table.set_password(connection, account.account_id, password_hash)
        await end_all_sessions(connection, account.account_id, "password_reset")
        await queue_for_owner(connection, "password_changed", account)
    services.mail.wake()
    await services.revocations.refresh()


HANDLERS: list[Any] = [reset, confirm]
