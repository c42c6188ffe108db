"""The `eventsourcing` library's recorders on one tenant's log: its applications and projections run here.

A tenant has one log: applications that are not to see each other's events need tenants of their own.
"""

import logging
from collections.abc import Iterator, Sequence
from threading import Condition
from typing import Any, ClassVar, Final
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InterfaceError,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
)
from psycopg.pq.abc import PGresult

from application.recorded import Append
from infrastructure.log import reading
from infrastructure.log.pipeline import Call, Statement, run_sync
from infrastructure.log.writer import write_sync
from infrastructure.recorders import statements
from infrastructure.recorders.connections import Connection, Connections

_PAGE: Final = 500
_POLL_SECONDS: Final = 0.1
_logger: Final = logging.getLogger(__name__)


class LogRecorder:
    """What every recorder has: connections, a tenant, and the name of the application or projection it serves."""

    def __init__(self, connections: Connections, tenant_id: UUID, name: str = "") -> None:
        self.connections = connections
        self.tenant_id = tenant_id
        self.name = name

    def ask(self, *calls: Call) -> list[PGresult]:
        """The results of statements that may be repeated."""
        return self.connections.run(lambda connection, _: run_sync(connection, calls))


class StreamRecorder(LogRecorder, AggregateRecorder):
    """What is kept of aggregates by version, read `forwards` or `backwards`."""

    forwards: ClassVar[Statement]
    backwards: ClassVar[Statement]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """What there is of an aggregate with versions in (gt, lte]."""
        statement = self.backwards if desc else self.forwards
        stream_id = statements.as_uuid(originator_id)
        call = statements.in_stream(statement, self.tenant_id, stream_id, gt=gt, lte=lte, limit=limit)
        return statements.stored_events(originator_id, *self.ask(call))


class SnapshotRecorder(StreamRecorder):
    """Snapshots of aggregates, at any of their versions, beside the log."""

    forwards = statements.SNAPSHOTS
    backwards = statements.SNAPSHOTS_BACKWARDS

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Store atomically. Raises `IntegrityError` where there is a snapshot of that version."""
        if not stored_events:
            return
        call = statements.insert_snapshots(self.tenant_id, stored_events)

        def insert(connection: Connection, repeated: bool) -> None:
            try:
                run_sync(connection, [call])
            except psycopg.errors.UniqueViolation:
                if not repeated or not all(self._has(connection, snapshot) for snapshot in stored_events):
                    raise

        self.connections.run(insert)

    def _has(self, connection: Connection, snapshot: StoredEvent) -> bool:
        stream_id, version = statements.as_uuid(snapshot.originator_id), snapshot.originator_version
        call = statements.in_stream(
            statements.SNAPSHOTS, self.tenant_id, stream_id, gt=version - 1, lte=version
        )
        return statements.stored_events(snapshot.originator_id, *run_sync(connection, [call])) == [snapshot]


class LogAggregateRecorder(StreamRecorder):
    """Events of aggregates in the log, without telling their positions."""

    forwards = statements.EVENTS
    backwards = statements.EVENTS_BACKWARDS

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Append atomically. Raises `IntegrityError` when an aggregate is not at the version before its first event."""
        self.append(stored_events)
        return None

    def append(self, stored_events: Sequence[StoredEvent]) -> Sequence[int] | None:
        """Write atomically; the events' positions, None if there are no events. Raises `IntegrityError`."""
        if not stored_events:
            return None
        append = self.identified(stored_events)

        def write(connection: Connection, _repeated: bool) -> Sequence[int]:
            outcome = write_sync(connection, [append])[0]
            if isinstance(outcome, Exception):
                raise outcome
            return list(outcome.positions)

        return self.connections.run(write)

    def identified(self, stored_events: Sequence[StoredEvent]) -> Append:
        """An append with an identity: sent again after a lost connection, it answers its first outcome."""
        return Append(self.tenant_id, statements.parts(stored_events), command_id=uuid4())


class LogApplicationRecorder(LogAggregateRecorder, ApplicationRecorder):
    """The log as an application's sequence: a notification's id is its position, 1..n without holes."""

    def __init__(self, connections: Connections, tenant_id: UUID, name: str = "") -> None:
        super().__init__(connections, tenant_id, name)
        self._changed = Condition()
        self.changes = 0

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """Append atomically; the events' positions. Raises `IntegrityError`."""
        positions = self.append(stored_events)
        self.wake()
        return positions

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """At most `limit` events with positions from `start` to `stop`, of the topics if any are named."""
        after = (start or 0) - 1 if inclusive_of_start else start or 0
        call = statements.notifications(self.tenant_id, after, stop, topics, limit)
        return statements.stored_notifications(*self.ask(call))

    def read_after(self, position: int, topics: Sequence[str]) -> tuple[Sequence[Notification], int]:
        """The next page of events after a position, and the position up to which there are no others."""
        page = statements.notifications(self.tenant_id, position, None, topics, _PAGE)
        head, found = self.ask(reading.head(self.tenant_id), page)
        notifications = statements.stored_notifications(found)
        reached = notifications[-1].id if notifications else position
        if len(notifications) < _PAGE:
            reached = max(reached, reading.head_position(head))
        return notifications, reached

    def max_notification_id(self) -> int | None:
        """The log's last position; None if it is empty."""
        return reading.head_position(*self.ask(reading.head(self.tenant_id))) or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> "Subscription[LogApplicationRecorder]":
        """Every event after position `gt`, those to come included."""
        return LogSubscription(self, gt, topics)

    def wake(self) -> None:
        """Count a change and end every wait for one."""
        with self._changed:
            self.changes += 1
            self._changed.notify_all()

    def wait_for_change(self, changes: int, seconds: float) -> None:
        """Wait until there are more than so many changes, at most some seconds."""
        with self._changed:
            if self.changes == changes:
                self._changed.wait(seconds)


class LogSubscription(Subscription[LogApplicationRecorder]):
    """Follows the log by asking: at once after its own recorder's inserts, else every tenth of a second.

    Nothing is missed for want of a message, and a database that is away for a while only delays it.
    """

    def __init__(self, recorder: LogApplicationRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._position = gt or 0
        self._page: Iterator[Notification] = iter(())

    def stop(self) -> None:
        """End the iteration, also one that waits in another thread."""
        super().stop()
        self._recorder.wake()

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            notification = next(self._page, None)
            if notification is not None:
                return notification
            self._page = iter(self._next_page())
        raise StopIteration

    def _next_page(self) -> Sequence[Notification]:
        """What is new; nothing after a short wait."""
        changes = self._recorder.changes
        try:
            notifications, self._position = self._recorder.read_after(self._position, self._topics)
        except (OperationalError, InterfaceError) as error:
            _logger.warning("a subscription waits for its database: %s", error)
            notifications = ()
        if not notifications and not self._has_been_stopped:
            self._recorder.wait_for_change(changes, _POLL_SECONDS)
        return notifications
