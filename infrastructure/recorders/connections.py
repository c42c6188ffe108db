"""The connections of the `eventsourcing` recorders: shared by threads, replaced when lost, their errors in its words."""

import selectors
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Semaphore
from typing import Final, TypeAlias, TypeVar

import psycopg
from eventsourcing import persistence
from psycopg.pq import TransactionStatus

from application.recorded import LogUnavailable, VersionConflict
from infrastructure.log.connection import connect_sync

ResultT = TypeVar("ResultT")
Connection: TypeAlias = psycopg.Connection[object]

_MOST: Final = 4
_RETRY_DELAYS: Final = (0.0, 0.05, 0.2, 0.5, 1.0)
_WAIT_SECONDS: Final = 30.0
_LIBRARY_ERRORS: Final[tuple[tuple[type[Exception], type[persistence.PersistenceError]], ...]] = (
    (VersionConflict, persistence.IntegrityError),
    (LogUnavailable, persistence.OperationalError),
    (psycopg.IntegrityError, persistence.IntegrityError),
    (psycopg.DataError, persistence.DataError),
    (psycopg.OperationalError, persistence.OperationalError),
    (psycopg.InternalError, persistence.InternalError),
    (psycopg.ProgrammingError, persistence.ProgrammingError),
    (psycopg.NotSupportedError, persistence.NotSupportedError),
    (psycopg.InterfaceError, persistence.InterfaceError),
    (psycopg.Error, persistence.DatabaseError),
)


class Connections:
    """A few connections, kept open between uses, without threads of their own.

    The library never closes a projection's factory, so they also close when nobody holds them any more.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._free = Semaphore(_MOST)
        self._idle: deque[Connection] = deque()
        self._closed = False

    def run(self, work: Callable[[Connection, bool], ResultT]) -> ResultT:
        """What `work` answers on a connection, or on another one when that is lost: it is told whether it may have been
        done before. Raises the library's errors."""
        with translated_errors():
            repeated = False
            for delay in _RETRY_DELAYS:
                try:
                    with self.connection() as connection:
                        return work(connection, repeated)
                except (psycopg.OperationalError, psycopg.InterfaceError):
                    self._close_idle()
                time.sleep(delay)
                repeated = True
            with self.connection() as connection:
                return work(connection, repeated)

    @contextmanager
    def connection(self) -> Generator[Connection]:
        """A connection in autocommit mode for this thread alone. Raises psycopg's errors."""
        if self._closed:
            raise psycopg.ProgrammingError("the recorder is closed")
        if not self._free.acquire(timeout=_WAIT_SECONDS):
            raise psycopg.OperationalError("all connections of the recorder are in use")
        try:
            connection = self._quiet_one() or connect_sync(self._database_url)
            try:
                yield connection
            finally:
                self._take_back(connection)
        finally:
            self._free.release()

    def close(self) -> None:
        """Close every connection, one in use as soon as it is free."""
        self._closed = True
        self._close_idle()

    def __del__(self) -> None:
        self.close()

    def _take_back(self, connection: Connection) -> None:
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        if self._closed:
            self._close_idle()

    def _quiet_one(self) -> Connection | None:
        """An idle connection that its server has not ended meanwhile: then it would have something to say."""
        while (connection := self._idle_one()) is not None:
            with selectors.DefaultSelector() as selector:
                selector.register(connection.fileno(), selectors.EVENT_READ)
                if not selector.select(timeout=0):
                    return connection
            connection.close()
        return None

    def _idle_one(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _close_idle(self) -> None:
        while (connection := self._idle_one()) is not None:
            connection.close()


@contextmanager
def translated_errors() -> Generator[None]:
    """Raises the library's error for ours or psycopg's."""
    try:
        yield
    except (psycopg.Error, VersionConflict, LogUnavailable) as error:
        raise _library_error(error) from error


def _library_error(error: Exception) -> persistence.PersistenceError:
    return next(theirs(str(error)) for ours, theirs in _LIBRARY_ERRORS if isinstance(error, ours))
