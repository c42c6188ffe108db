"""What crosses the port to the log: an event with where, when and by whom; an append and its outcome."""

from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from domain.decision import Event

EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)


class Recorded(msgspec.Struct, Generic[EventT_co], frozen=True, kw_only=True):
    """An event in a tenant's log.

    `position` is its place in the log (1..n, no holes), `version` its place in its stream (1..n), `recorded_at` is in UTC.
    """

    tenant_id: UUID
    position: int
    stream_id: UUID
    version: int
    event: EventT_co
    actor_id: UUID | None
    command_id: UUID
    recorded_at: datetime


class NewEvent(msgspec.Struct, frozen=True):
    """An event as it is written: its type's name and its JSON (or any other bytes) exactly as encoded."""

    type: str
    data: bytes


class StreamPart(msgspec.Struct, frozen=True):
    """New events for one stream, expected to stand at `expected_version` now (0: no events yet).

    A part without events is a guard: it only demands that version.
    """

    stream_id: UUID
    expected_version: int
    events: tuple[NewEvent, ...] = ()


class Append(msgspec.Struct, frozen=True):
    """An atomic write to streams of one tenant.

    `command_id` recognises the append when it is repeated: if these events are there already under this id, the first
    outcome is answered instead of a conflict.

    `generation`: that of the log on which it was decided; if it has another one by now, the append conflicts.
    """

    tenant_id: UUID
    parts: tuple[StreamPart, ...]
    command_id: UUID
    actor_id: UUID | None = None
    generation: int | None = None


class Appended(msgspec.Struct, frozen=True):
    """Where an append's events stand: their positions in order of parts, and when they were recorded (UTC)."""

    positions: tuple[int, ...]
    recorded_at: datetime


class VersionConflict(Exception):
    """A stream is not at the expected version: somebody else decided first. Nothing was written."""

    def __init__(self, stream_id: UUID, expected_version: int, version: int) -> None:
        super().__init__(f"stream {stream_id} is at version {version}, not {expected_version}")
        self.stream_id = stream_id
        self.expected_version = expected_version
        self.version = version


class LogUnavailable(Exception):
    """The log cannot take or answer this now (overload or no database). Safe to repeat with the same command id."""


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the log, its `data` not yet decoded; the fields are those of `Recorded`."""

    tenant_id: UUID
    position: int
    stream_id: UUID
    version: int
    type: str
    data: bytes
    actor_id: UUID | None
    command_id: UUID
    recorded_at: datetime
