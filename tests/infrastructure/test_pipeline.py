"""Statements sent together on a psycopg connection."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus

from infrastructure.database.connection_pools import projection_pool
from infrastructure.log import pipeline
from infrastructure.log.pipeline import Statement, run_sync

_ECHO = Statement("echo", "select $1::bigint")
_NEGATED = Statement("negated", "select -$1::bigint")
_ADD = Statement("add", "insert into numbers values ($1::bigint)")
_DIVIDE = Statement("divide", "select 1 / $1::bigint")


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[object]]:
    with psycopg.Connection[object].connect(database_url, autocommit=True) as opened:
        opened.execute("create table numbers (number bigint)")
        yield opened


def echo(connection: psycopg.Connection[object], number: int) -> int:
    (result,) = run_sync(connection, [(_ECHO, (pipeline.int8(number),))])
    return pipeline.to_int(result.get_value(0, 0))


def negated(connection: psycopg.Connection[object], number: int) -> int:
    (result,) = run_sync(connection, [(_NEGATED, (pipeline.int8(number),))])
    return pipeline.to_int(result.get_value(0, 0))


def numbers(connection: psycopg.Connection[object]) -> list[object]:
    return connection.execute("select number from numbers order by 1").fetchall()


def test_answers_come_in_order(connection: psycopg.Connection[object]) -> None:
    calls = [(_ECHO, (pipeline.int8(number),)) for number in range(100)]
    results = run_sync(connection, calls)
    assert [pipeline.to_int(result.get_value(0, 0)) for result in results] == list(range(100))
    assert run_sync(connection, []) == []


def test_outside_a_transaction_they_are_one(connection: psycopg.Connection[object]) -> None:
    calls = [(_ADD, (pipeline.int8(1),)), (_DIVIDE, (pipeline.int8(0),)), (_ADD, (pipeline.int8(2),))]
    with pytest.raises(psycopg.errors.DivisionByZero):
        run_sync(connection, calls)
    assert numbers(connection) == []
    assert connection.pgconn.transaction_status == TransactionStatus.IDLE


def test_inside_a_transaction_an_error_leaves_it_to_its_owner(connection: psycopg.Connection[object]) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), connection.transaction():
        run_sync(connection, [(_ADD, (pipeline.int8(1),)), (_DIVIDE, (pipeline.int8(0),))])
    with connection.transaction():
        run_sync(connection, [(_ADD, (pipeline.int8(2),))])
    assert numbers(connection) == [(2,)]


def test_what_was_prepared_before_an_error_is_known_after_it(connection: psycopg.Connection[object]) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            run_sync(
                connection, [(_ADD, (pipeline.int8(1),)), (_DIVIDE, (pipeline.int8(0),)), (_ECHO, (None,))]
            )
    assert echo(connection, 7) == 7


@pytest.mark.parametrize("change", [b"deallocate all", b"deallocate echo", b"prepare negated as select 1"])
def test_a_connection_whose_statements_somebody_else_changed_is_replaced(
    database_url: str, change: bytes
) -> None:
    with closing(projection_pool(database_url, 1)) as pool:
        with pool.connection() as connection:
            assert echo(connection, 1) == 1
            if not change.startswith(b"prepare"):
                assert negated(connection, 1) == -1
            connection.execute(change)
        with pytest.raises(psycopg.OperationalError), pool.connection() as connection:
            assert (echo(connection, 2), negated(connection, 2)) == (2, -2)
        for number in range(3):
            with pool.connection() as connection:
                assert (echo(connection, number), negated(connection, number)) == (number, -number)


def test_a_connection_that_was_interrupted_is_closed(connection: psycopg.Connection[object]) -> None:
    with pytest.raises(TypeError):
        run_sync(connection, [(_ECHO, (pipeline.int8(1),)), (_ECHO, (cast("bytes", 2),))])
    assert connection.closed


def test_a_lost_connection_is_an_error_at_once(
    connection: psycopg.Connection[object], database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as killer:
        killer.execute("select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        echo(connection, 1)
    assert connection.closed
    with pytest.raises(psycopg.OperationalError):
        echo(connection, 1)


@given(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=20),
    st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)),  # noqa: DTZ001 (hypothesis wants them so)
)
def test_values_are_what_postgresql_takes_them_for(
    shared_connection: psycopg.Connection[object], integers: list[int | None], moment: datetime
) -> None:
    statement = Statement("values", "select array_to_json($1::bigint[])::text, $2::timestamptz, $3::uuid")
    identifier = uuid4()
    time = moment.replace(tzinfo=UTC)
    array = pipeline.array(
        pipeline.INT8, [None if number is None else pipeline.int8(number) for number in integers]
    )
    calls = [(statement, (array, pipeline.from_time(time), identifier.bytes))]
    (result,) = run_sync(shared_connection, calls)
    text = (result.get_value(0, 0) or b"").decode()
    assert text == "[" + ",".join("null" if number is None else str(number) for number in integers) + "]"
    assert pipeline.to_time(result.get_value(0, 1)) == time
    assert pipeline.to_uuid(result.get_value(0, 2)) == identifier


@pytest.fixture(scope="module")
def shared_connection(administration: psycopg.Connection) -> psycopg.Connection[object]:
    return cast("psycopg.Connection[object]", administration)
