"""Prepared statements sent together and answered together: one trip to PostgreSQL, binary both ways.

psycopg's own pipeline waits on the socket once per statement; sending a batch at once and waiting once halves the time
of a small transaction (measured in `benchmarks/append`). The generator works for its sync and async connections alike.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import msgspec
from psycopg import AsyncConnection, Connection, errors, pq
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.waiting import Ready, Wait

from domain.identifiers import from_bytes

Value: TypeAlias = bytes | None

INT8: Final = 20
TEXT: Final = 25
UUID_TYPE: Final = 2950
BYTEA: Final = 17
TIMESTAMPTZ: Final = 1184

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_int8 = struct.Struct(">q")
_int4 = struct.Struct(">i")
_array_header = struct.Struct(">iiIii")
_NULL: Final = b"\xff\xff\xff\xff"
_LENGTHS: Final = {INT8: _int4.pack(8), TIMESTAMPTZ: _int4.pack(8), UUID_TYPE: _int4.pack(16)}
"""Of the types whose values are all of one length: what stands before each of them in an array."""


class Statement(msgspec.Struct, frozen=True):
    """SQL with `$1`-style parameters, prepared once per connection under `name`."""

    name: str
    sql: str


Call: TypeAlias = tuple[Statement, Sequence[Value]]

BEGIN: Final[Call] = (Statement("begin", "begin isolation level read committed"), ())
COMMIT: Final[Call] = (Statement("commit", "commit"), ())


def statement(sql: str) -> Statement:
    """A statement that is put together while the program runs, named after its text."""
    return Statement(hashlib.sha256(sql.encode()).hexdigest()[:32], sql)


_prepared: WeakKeyDictionary[pq.abc.PGconn, set[str]] = WeakKeyDictionary()


def _exchange(pgconn: pq.abc.PGconn, calls: Sequence[Call]) -> PQGen[list[pq.abc.PGresult]]:
    known = _prepared.setdefault(pgconn, set())
    preparing: dict[int, str] = {}
    sent = 0
    pgconn.enter_pipeline_mode()
    try:
        for statement, parameters in calls:
            name = statement.name.encode()
            if statement.name not in known and statement.name not in preparing.values():
                pgconn.send_prepare(name, statement.sql.encode())
                preparing[sent] = statement.name
                sent += 1
            formats = [pq.Format.BINARY] * len(parameters)
            pgconn.send_query_prepared(name, parameters, formats, result_format=pq.Format.BINARY)
            sent += 1
        pgconn.pipeline_sync()
        while pgconn.flush():
            ready = yield Wait.RW
            if ready & Ready.R:
                pgconn.consume_input()
        results = yield from _receive(pgconn)
        pgconn.exit_pipeline_mode()
    except BaseException:
        # What the server would still say cannot be told from the answer to the next question.
        pgconn.finish()
        raise
    known.update(
        name for number, name in preparing.items() if results[number].status == pq.ExecStatus.COMMAND_OK
    )
    for result in results:
        if result.status == pq.ExecStatus.FATAL_ERROR:
            error = errors.error_from_result(result)
            if isinstance(error, (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)):
                pgconn.finish()
                raise errors.OperationalError(
                    "somebody else changed what is prepared on this connection"
                ) from error
            raise error
    return [result for number, result in enumerate(results) if number not in preparing]


def _receive(pgconn: pq.abc.PGconn) -> PQGen[list[pq.abc.PGresult]]:
    """All results up to the pipeline's end."""
    results: list[pq.abc.PGresult] = []
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status == pq.ConnStatus.BAD:
                raise errors.OperationalError("the connection was lost")
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            return results
        else:
            results.append(result)


async def run(connection: AsyncConnection[object], calls: Sequence[Call]) -> list[pq.abc.PGresult]:
    """The results of `calls`, executed in order; raises the first one's psycopg error.

    Outside a transaction they are one; inside one, an error leaves it to be rolled back. A connection that was
    interrupted in the middle is closed, and so is one whose server knows other statements than were prepared here.
    """
    async with connection.lock:
        return await connection.wait(_exchange(connection.pgconn, calls))


def run_sync(connection: Connection[object], calls: Sequence[Call]) -> list[pq.abc.PGresult]:
    """`run` on a synchronous connection."""
    with connection.lock:
        return connection.wait(_exchange(connection.pgconn, calls))


def rows(connection: Connection[Any], result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
    """A result as psycopg reads it, times in the time zone that the connection is set to."""
    transformer = Transformer(connection)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def int8(value: int) -> bytes:
    return _int8.pack(value)


def uuids(values: Iterable[UUID]) -> bytes:
    return array(UUID_TYPE, [value.bytes for value in values])


def int8s(values: Iterable[int]) -> bytes:
    return array(INT8, map(_int8.pack, values))


def texts(values: Iterable[str]) -> bytes:
    return array(TEXT, map(str.encode, values))


def array(element_type: int, values: Iterable[Value]) -> bytes:
    """A one-dimensional array of already encoded values."""
    items = list(values)
    if not items:
        return _array_header.pack(0, 0, element_type, 0, 1)[:12]
    header = _array_header.pack(1, None in items, element_type, len(items), 1)
    if (length := _LENGTHS.get(element_type)) is not None and None not in items:
        return header + length + length.join(cast("list[bytes]", items))
    pack = _int4.pack
    return header + b"".join([_NULL if item is None else pack(len(item)) + item for item in items])


def to_int(value: Value) -> int:
    number: int = _int8.unpack(value or b"")[0]
    return number


def to_uuid(value: Value) -> UUID:
    return from_bytes(value or b"")


def to_time(value: Value) -> datetime:
    return _EPOCH + timedelta(microseconds=to_int(value))


def from_time(value: datetime) -> bytes:
    return _int8.pack((value - _EPOCH) // timedelta(microseconds=1))
