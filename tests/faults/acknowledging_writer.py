"""A process that appends as fast as it can and prints each acknowledged append: stream, version, position."""

import asyncio
import os
import sys
from itertools import count

from infrastructure.event_store import EventStore
from tests.infrastructure.logs import new_stream, part, write
from tests.read_models import new_tenant

_CLIENTS = 64
_TENANTS = 4


async def main(database_url: str) -> None:
    tenants = [new_tenant() for _ in range(_TENANTS)]
    async with EventStore(database_url) as store:

        async def client(number: int) -> None:
            stream = new_stream(tenants[number % _TENANTS])
            for version in count():
                appended = await store.append(write(part(stream, version)))
                os.write(1, f"{stream} {version + 1} {appended.positions[0]}\n".encode())

        await asyncio.gather(*(client(number) for number in range(_CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
