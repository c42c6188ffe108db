"""Accounts for load: founders of companies and candidates, registered through the API, with their tokens."""

import asyncio
from uuid import UUID, uuid4

import msgspec

from api.loading.client import Client

_AT_ONCE = 8
_PASSWORD = "a long enough password"


class Founder(msgspec.Struct, frozen=True):
    """The first admin of a company."""

    id: UUID
    company_id: UUID
    token: str


async def founders(url: str, count: int) -> list[Founder]:
    """So many new companies' founders."""

    async def found(client: Client, number: int) -> Founder:
        account = await client.register(_address(), _PASSWORD, f"Founder {number}", f"Company {number}")
        profile = await client.get("/auth/me", account)
        return Founder(UUID(account.id), UUID(profile["company_id"]), account.token)

    async with Client(url, at_once=_AT_ONCE) as client:
        return await asyncio.gather(*(found(client, number) for number in range(count)))


async def candidates(url: str, count: int) -> list[str]:
    """The tokens of so many new candidates."""
    async with Client(url, at_once=_AT_ONCE) as client:
        accounts = await asyncio.gather(
            *(client.register(_address(), _PASSWORD, f"Candidate {number}") for number in range(count))
        )
    return [account.token for account in accounts]


def _address() -> str:
    return f"{uuid4().hex}@example.com"
