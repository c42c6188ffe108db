"""The own company."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, patch
from litestar.params import JSONBody

from api.http.access import ADMIN
from api.http.fields import Body, Name
from api.http.requests import AnyRequest, company_of
from api.services import Services, services_of
from application.refusals import NotFound
from infrastructure.identity import accounts as table


class CompanyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A company."""

    id: UUID
    name: str


class CompanyBody(Body, frozen=True):
    name: Name


@get("/company", allow=ADMIN, tags=["Company"], operation_id="read_company")
async def read(request: AnyRequest) -> CompanyAnswer:
    """The own company."""
    return await _answer(services_of(request), company_of(request))


@patch("/company", allow=ADMIN, tags=["Company"], operation_id="change_company")
async def change(data: JSONBody[CompanyBody], request: AnyRequest) -> CompanyAnswer:
    """Rename the own company; wherever it is named, the new name is told within seconds."""
    services = services_of(request)
    company_id = company_of(request)
    async with services.database.identity() as connection:
        await table.rename_company(connection, company_id, data.name)
    services.company_names.forget(company_id)
    return await _answer(services, company_id)


async def _answer(services: Services, company_id: UUID) -> CompanyAnswer:
    async with services.database.identity() as connection:
        found = await table.company(connection, company_id)
    if found is None:
        raise NotFound
    return CompanyAnswer(id=found.company_id, name=found.name)


HANDLERS: list[Any] = [read, change]
