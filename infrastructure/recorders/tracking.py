"""The `eventsourcing` library's tracking: how far a projection has come, recorded in one transaction with what it made."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from eventsourcing.persistence import IntegrityError, ProcessRecorder, StoredEvent, Tracking, TrackingRecorder

from infrastructure.log.pipeline import run_sync, to_int
from infrastructure.log.writer import write_inside
from infrastructure.recorders import statements
from infrastructure.recorders.connections import Connection, translated_errors
from infrastructure.recorders.recorder import LogApplicationRecorder, LogRecorder


class LogTrackingRecorder(LogRecorder, TrackingRecorder):
    """How far its projection has come in each application's log.

    A view is a subclass with tables of its own, which it changes on the connection of `transaction`.
    """

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record a position. Raises `IntegrityError` unless it is beyond the last one."""

        def insert(connection: Connection, repeated: bool) -> None:
            self._track(connection, tracking, repeated=repeated)

        self.connections.run(insert)

    def max_tracking_id(self, application_name: str) -> int | None:
        """The last recorded position in an application's log."""
        (result,) = self.ask(statements.tracked(self.tenant_id, self._tracker(application_name)))
        return to_int(result.get_value(0, 0)) if result.ntuples else None

    @contextmanager
    def transaction(self, tracking: Tracking) -> Generator[Connection]:
        """A transaction that records a position and whatever is done on its connection, or neither.

        Raises `IntegrityError` unless the position is beyond the last one, and the library's errors for psycopg's.
        """
        with translated_errors(), self.connections.connection() as connection, connection.transaction():
            self._track(connection, tracking)
            yield connection

    def _track(self, connection: Connection, tracking: Tracking, *, repeated: bool = False) -> None:
        """Record a position; one that this may have recorded before is not refused when it is `repeated`."""
        tracker = self._tracker(tracking.application_name)
        position = tracking.notification_id
        (result,) = run_sync(connection, [statements.track(self.tenant_id, tracker, position)])
        if result.ntuples:
            return
        (result,) = run_sync(connection, [statements.tracked(self.tenant_id, tracker)])
        last = to_int(result.get_value(0, 0))
        if not repeated or last != position:
            raise IntegrityError(f"{tracker} is at position {last}, not before {position}")

    def _tracker(self, application_name: str) -> str:
        return f"{self.name}/{application_name}"


class LogProcessRecorder(LogTrackingRecorder, LogApplicationRecorder, ProcessRecorder):
    """Events, and the position of the event that they follow from, in one transaction."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append atomically, together with `tracking` if it is given. Raises `IntegrityError`."""
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return super().insert_events(stored_events)
        append = self.identified(stored_events)

        def write(connection: Connection, repeated: bool) -> Sequence[int] | None:
            with connection.transaction():
                self._track(connection, tracking, repeated=repeated)
                if not stored_events:
                    return None
                return list(write_inside(connection, append, repeated=repeated).positions)

        positions = self.connections.run(write)
        self.wake()
        return positions
