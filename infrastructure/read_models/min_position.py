"""Reading your own writes: wait until a read model has come as far as a position."""

import asyncio
from uuid import UUID

from infrastructure.database.tenant_walls import Database
from infrastructure.read_models.read_model import AnyReadModel

_FIRST_PAUSE = 0.003
_LONGEST_PAUSE = 0.025

_REACHED = """
select exists (
    select from projection
    join projection_checkpoint as checkpoint using (name, build)
    where name = %(name)s and checkpoint.tenant_id = %(tenant_id)s and checkpoint.position >= %(position)s)
"""


class ReadModelBehind(Exception):
    """A read model has not reached the position that was asked for in time."""


async def wait_for(
    database: Database, model: AnyReadModel, tenant_id: UUID, position: int, seconds: float
) -> None:
    """Return once `model` holds the tenant's log up to `position`; raises `ReadModelBehind` after `seconds`.

    No connection is held between two looks, which are 3 to 25 ms apart.
    """
    parameters = {"name": model.name, "tenant_id": tenant_id, "position": position}
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    pause = _FIRST_PAUSE
    while True:
        async with database.of_tenant(tenant_id) as connection:
            row = await (await connection.execute(_REACHED, parameters)).fetchone()
        if row is not None and row[0]:
            return
        if clock() >= deadline:
            raise ReadModelBehind(f"{model.name} has not reached position {position} in {seconds:g} s")
        await asyncio.sleep(min(pause, max(0.0, deadline - clock())))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
