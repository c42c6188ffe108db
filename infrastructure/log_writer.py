"""Writes appends of any tenants in as few transactions as can be. A generator of batches of statements, so that the
same code runs on a synchronous and on an asynchronous connection."""

from collections.abc import Generator, Sequence
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.pq.abc import PGresult

from application.recorded import Append, Appended, VersionConflict
from infrastructure import log_transaction as tx
from infrastructure.pipeline import UUID_TYPE, Statement, Value, array, run, run_sync

Outcome = Appended | VersionConflict
_Calls = list[tuple[Statement, Sequence[Value]]]


def _write(appends: Sequence[Append]) -> Generator[_Calls, list[PGresult], list[Outcome]]:
    outcomes: dict[int, Outcome] = {}
    pending = list(range(len(appends)))
    while pending:
        writes = tx.by_tenant(appends, pending)
        calls: _Calls = [(tx.BEGIN, ())]
        for write in writes:
            calls += write.calls()
        calls.append((tx.COMMIT, ()))
        results = yield calls
        failed: list[UUID] = []
        for number, write in enumerate(writes):
            told = write.outcomes(results[3 * number + 2], appends)
            if told is None:
                failed.append(write.tenant_id)
            else:
                outcomes.update(told)
        for tenant in failed:
            mine = [i for i in pending if appends[i].tenant_id == tenant]
            outcomes.update((yield from _conflicts(tenant, appends, mine)))
        pending = [index for index in pending if index not in outcomes]
    return [outcomes[index] for index in range(len(appends))]


def _conflicts(
    tenant: UUID, appends: Sequence[Append], mine: list[int]
) -> Generator[_Calls, list[PGresult], dict[int, Outcome]]:
    """Tells a tenant's appends that conflict from those that may be tried again; founds the log if it is new."""
    streams = {part.stream_id: None for index in mine for part in appends[index].parts}
    wanted = array(UUID_TYPE, [stream.bytes for stream in streams])
    results = yield [(tx.CREATE_HEAD, (tenant.bytes,)), (tx.VERSIONS, (tenant.bytes, wanted))]
    versions = tx.versions_of(results[1])
    outcomes: dict[int, Outcome] = {}
    for index in mine:
        append = appends[index]
        conflict = tx.conflict(append, versions)
        if conflict is None:
            continue
        own = array(UUID_TYPE, [part.stream_id.bytes for part in append.parts])
        results = yield [(tx.OWN_EVENTS, (tenant.bytes, own, append.command_id.bytes))]
        outcomes[index] = tx.first_outcome(append, results[0]) or conflict
    return outcomes


async def write(connection: AsyncConnection[object], appends: Sequence[Append]) -> list[Outcome]:
    """The outcome of each append, in order; all that hold are durable. The connection is in autocommit mode."""
    writing = _write(appends)
    try:
        calls = next(writing)
        while True:
            calls = writing.send(await run(connection, calls))
    except StopIteration as done:
        return done.value


def write_sync(connection: Connection[object], appends: Sequence[Append]) -> list[Outcome]:
    """`write` on a synchronous connection."""
    writing = _write(appends)
    try:
        calls = next(writing)
        while True:
            calls = writing.send(run_sync(connection, calls))
    except StopIteration as done:
        return done.value
