"""Writes appends of any tenants in as few transactions as can be. A generator of batches of statements, so that the
same code runs on a synchronous and on an asynchronous connection."""

from collections.abc import Generator, Sequence
from typing import Final, TypeAlias
from uuid import UUID

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGresult

from application.recorded import Append, Appended, LogUnavailable, VersionConflict
from infrastructure.log import transaction as tx
from infrastructure.log.pipeline import BEGIN, COMMIT, Call, run, run_sync

AppendResult: TypeAlias = Appended | VersionConflict
_Writing: TypeAlias = Generator[list[Call], list[PGresult], list[AppendResult]]

_FRUITLESS_ROUNDS: Final = 20


def _write(appends: Sequence[Append], *, walled: bool = False) -> _Writing:
    outcomes: dict[int, AppendResult] = {}
    pending = _plan(appends, outcomes)
    fruitless = 0
    while pending:
        writes = tx.by_tenant(pending)
        calls: list[Call] = [BEGIN]
        if walled:
            calls.append(tx.show_call([write.tenant_id.bytes for write in writes]))
        before = len(calls)
        for write in writes:
            calls += write.calls()
        calls.append(COMMIT)
        results = yield calls
        known = len(outcomes)
        failed: set[UUID] = set()
        for number, write in enumerate(writes):
            written = write.outcomes(results[before + 3 * number : before + 3 * number + 3])
            if written is None:
                failed.add(write.tenant_id)
            else:
                outcomes.update(written)
        if failed:
            suspects = [planned for planned in pending if planned.append.tenant_id in failed]
            outcomes.update((yield from _conflicts(suspects, walled=walled)))
        fruitless = fruitless + 1 if len(outcomes) == known else 0
        if fruitless == _FRUITLESS_ROUNDS:
            raise LogUnavailable("the log refuses appends that do not conflict")
        pending = [planned for planned in pending if planned.index not in outcomes]
    return [outcomes[index] for index in range(len(appends))]


def _plan(appends: Sequence[Append], outcomes: dict[int, AppendResult]) -> list[tx.Planned]:
    """The appends that may hold; those that contradict themselves have their outcome already."""
    pending: list[tx.Planned] = []
    for index, append in enumerate(appends):
        try:
            pending.append(tx.plan(index, append))
        except VersionConflict as contradiction:
            outcomes[index] = contradiction
    return pending


def _conflicts(
    suspects: list[tx.Planned], *, walled: bool
) -> Generator[list[Call], list[PGresult], dict[int, AppendResult]]:
    """Tells the appends that conflict from those that may be tried again."""
    streams: dict[UUID, dict[tx.StreamBytes, None]] = {}
    for planned in suspects:
        streams.setdefault(planned.append.tenant_id, {}).update(dict.fromkeys(planned.spans))
    shown = [tx.show_call([tenant.bytes for tenant in streams])] if walled else []
    results = yield shown + [tx.versions_call(tenant, wanted) for tenant, wanted in streams.items()]
    found = results[len(shown) :]
    versions = {tenant: tx.versions_of(result) for tenant, result in zip(streams, found, strict=True)}
    conflicts = [
        (planned, conflict)
        for planned in suspects
        if (conflict := planned.conflict(versions[planned.append.tenant_id])) is not None
    ]
    if not conflicts:
        return {}
    own = (yield shown + [planned.own_events() for planned, _ in conflicts])[len(shown) :]
    return {
        planned.index: planned.first_outcome(result) or conflict
        for (planned, conflict), result in zip(conflicts, own, strict=True)
    }


async def write(
    connection: psycopg.AsyncConnection[object], appends: Sequence[Append], *, walled: bool = False
) -> list[AppendResult]:
    """The outcome of each append, in order; all that hold are durable. The connection is in no transaction.

    `walled`: it is the API's, and sees a tenant's rows only when it says so.
    """
    _outside_transactions(connection)
    writing = _write(appends, walled=walled)
    try:
        calls = next(writing)
        while True:
            calls = writing.send(await run(connection, calls))
    except StopIteration as done:
        outcomes: list[AppendResult] = done.value
        return outcomes
    except psycopg.Error:
        try:
            await connection.rollback()
        except psycopg.Error:
            await connection.close()
        raise


def write_sync(connection: psycopg.Connection[object], appends: Sequence[Append]) -> list[AppendResult]:
    """`write` on a synchronous connection."""
    _outside_transactions(connection)
    writing = _write(appends)
    try:
        calls = next(writing)
        while True:
            calls = writing.send(run_sync(connection, calls))
    except StopIteration as done:
        outcomes: list[AppendResult] = done.value
        return outcomes
    except psycopg.Error:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()
        raise


def _outside_transactions(connection: psycopg.Connection[object] | psycopg.AsyncConnection[object]) -> None:
    if connection.pgconn.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
        raise psycopg.ProgrammingError("an append is its own transaction")


def write_inside(connection: psycopg.Connection[object], append: Append, *, repeated: bool) -> Appended:
    """Write one append in the caller's open transaction.

    `repeated` says that it may have been written before; then its first outcome is answered. Raises `VersionConflict`
    (the transaction is then to be rolled back).
    """
    planned = tx.plan(0, append)
    if repeated and (first := planned.first_outcome(run_sync(connection, [planned.own_events()])[0])):
        return first
    write = tx.TenantWrite(append.tenant_id)
    write.add(planned)
    written = write.outcomes(run_sync(connection, write.calls()))
    if written is None:
        versions = tx.versions_of(
            run_sync(connection, [tx.versions_call(append.tenant_id, planned.spans)])[0]
        )
        raise planned.conflict(versions) or LogUnavailable("the log refuses an append that does not conflict")
    return written[0]
