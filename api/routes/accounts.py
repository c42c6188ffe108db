"""Registering an account."""

from uuid import uuid4

from litestar import post
from litestar.params import JSONBody

from api.http.access import ANYONE
from api.http.email_addresses import check_email
from api.http.fields import Body, Email, Name, Password
from api.http.requests import AnyRequest
from api.routes.passwords import check_password
from api.routes.profile import Profile
from api.services import Services, services_of
from domain.identifiers import tenant_id
from infrastructure.identity import accounts as table
from infrastructure.identity.accounts import Account, Company, EmailTaken
from infrastructure.identity.owner_mail import queue_for_owner


class RegisterBody(Body, frozen=True):
    """With a `company_name` the account founds a company and is its first admin; without one it is a candidate's."""

    email: Email
    password: Password
    name: Name
    company_name: Name | None = None


@post(
    "/auth/register",
    allow=ANYONE,
    throttle="sign_in",
    tags=["Accounts"],
    security=[{}],
    operation_id="register",
)
async def register(data: JSONBody[RegisterBody], request: AnyRequest) -> Profile:
    """Make an account: a candidate's, or with `company_name` that of a company's founder and first admin.

    When the address has an account already, the answer is the same, nothing is made, and that account's owner is told by mail: nobody
    learns here who is registered.
    """
    services = services_of(request)
    check_email(data.email)
    check_password(data.password, "password", data.name, data.email, data.company_name or "")
    account_id = uuid4()
    company = None
    if data.company_name is not None:
        company = Company(company_id=tenant_id(uuid4()), name=data.company_name, founder_id=account_id)
    account = Account(
        account_id=account_id,
        email=data.email,
        name=data.name,
        password_hash=await services.passwords.hash(data.password),
        company_id=None if company is None else company.company_id,
    )
    await _store(services, account, company)
    services.mail.wake()
    return Profile(
        id=account_id,
        email=data.email,
        name=data.name,
        role="candidate" if company is None else "admin",
        company_id=account.company_id,
        company_name=data.company_name,
    )


async def _store(services: Services, account: Account, company: Company | None) -> None:
    """Both outcomes are the same statements in one transaction, so that they take the same time.

    A company's log is begun by its founder's first login, which takes time that only a new account would take.
    """
    async with services.database.identity() as connection, connection.transaction():
        owner = await table.by_email(connection, account.email)
        try:
            await table.register(connection, account, company)
        except EmailTaken:
            owner = owner or await table.by_email(connection, account.email)
            if owner is not None:
                await queue_for_owner(connection, "already_registered", owner)
        else:
            await queue_for_owner(connection, "welcome", account)


HANDLERS = [register]
