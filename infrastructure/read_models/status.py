"""How each read model stands: version, build, how far behind, who is parked and why."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg import Connection

from infrastructure.read_models.read_model import AnyReadModel


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that a read model passes over since the event at `position` could not be folded."""

    tenant_id: UUID
    position: int
    error: str
    parked_at: datetime


class ProjectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A read model as the database knows it.

    `version` is that of the live build (None: not created yet), `wanted_version` this program's; where they differ it is
    `outdated`, and is not projected until it is rebuilt. `lag_seconds` is the age of the oldest event that is not projected.
    Parked tenants are not counted as behind. Who they are (`parked`, the last 100) is not for the API's role to know.
    """

    name: str
    version: int | None
    wanted_version: int
    build: int | None
    changed_at: datetime | None
    tenants: int
    tenants_behind: int
    events_behind: int
    lag_seconds: float
    tenants_parked: int
    parked: list[Parked]

    @property
    def outdated(self) -> bool:
        return self.version != self.wanted_version


_STANDING: Final[LiteralString] = """
select version, build, changed_at, tenants, tenants_behind, events_behind, lag_seconds, tenants_parked
from projection_standing where name = %(name)s
"""
_PARKED: Final[LiteralString] = """
select tenant_id, parked_position, parked_error, parked_at from projection_checkpoint
where name = %(name)s and build = %(build)s and parked_position is not null
order by parked_at desc limit 100
"""
_RETRY: Final[LiteralString] = """
update projection_checkpoint as checkpoint
set parked_position = null, parked_error = null, parked_at = null
from projection
where projection.name = checkpoint.name and projection.build = checkpoint.build
      and checkpoint.name = %(name)s and checkpoint.parked_position is not null
      and (%(tenant_id)s::uuid is null or checkpoint.tenant_id = %(tenant_id)s)
"""


def statuses(connection: Connection[Any], models: Iterable[AnyReadModel]) -> list[ProjectionStatus]:
    """The status of each of these read models; of the parked tenants the last 100."""
    return [_status(connection, model) for model in models]


def retry_parked(connection: Connection[Any], name: str, tenant_id: UUID | None = None) -> int:
    """Let a read model try its parked tenants (or one of them) again; how many. The next sweep wakes it."""
    return connection.execute(_RETRY, {"name": name, "tenant_id": tenant_id}).rowcount


def _status(connection: Connection[Any], model: AnyReadModel) -> ProjectionStatus:
    found = connection.execute(_STANDING, {"name": model.name}).fetchone()
    version, build, changed_at, tenants, tenants_behind, events_behind, lag_seconds, tenants_parked = (
        found or (None, None, None, 0, 0, 0, 0.0, 0)
    )
    parked = connection.execute(_PARKED, {"name": model.name, "build": build})
    return ProjectionStatus(
        name=model.name,
        version=version,
        wanted_version=model.version,
        build=build,
        changed_at=changed_at,
        tenants=tenants,
        tenants_behind=tenants_behind,
        events_behind=events_behind,
        lag_seconds=max(0.0, lag_seconds),
        tenants_parked=tenants_parked,
        parked=[
            Parked(tenant_id=tenant_id, position=position, error=error, parked_at=parked_at)
            for tenant_id, position, error, parked_at in parked
        ],
    )
