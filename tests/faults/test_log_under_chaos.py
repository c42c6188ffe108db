"""Several processes write and read while transactions hang and connections are killed: whatever the order of things, every
log has positions 1..n, what was acknowledged is there once, what was refused is not, and no reader misses anything."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from application.recorded import Append, Appended, LogUnavailable, StreamPart, VersionConflict
from infrastructure.event_store import EventStore
from tests.infrastructure.logs import NOTED, all_logs, new_stream, write
from tests.read_models import new_tenant

_WRITERS = 3
_READERS = 2
_TENANTS = 2
_STREAMS = 3
_KILL = """select count(pg_terminate_backend(pid)) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() and application_name = ''"""

ResultT = TypeVar("ResultT")


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, ResultT]) -> "Future[ResultT]":
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self.start(work).result(timeout=60)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=10)
        self.loop.close()


class Setting:
    """What all examples share: the database, its processes, and who disturbs them."""

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        self.loop = Loop()
        self.stores = [EventStore(database_url, batch_limit=4) for _ in range(max(_WRITERS, _READERS))]
        for store in self.stores:
            self.loop.run(store.__aenter__())
        own = f"{database_url}&application_name=chaos"
        self.killer = psycopg.connect(own, autocommit=True)
        self.blockers = [psycopg.connect(own) for _ in range(_TENANTS)]

    def close(self) -> None:
        for store in self.stores:
            self.loop.run(store.__aexit__())
        for connection in (self.killer, *self.blockers):
            connection.close()
        self.loop.close()


def is_written(outcome: "Future[Appended]") -> bool:
    return outcome.done() and outcome.exception() is None


class Chaos(RuleBasedStateMachine):
    setting: ClassVar[Setting]

    def __init__(self) -> None:
        super().__init__()
        self.tenants = [new_tenant() for _ in range(_TENANTS)]
        self.streams = [[new_stream(tenant) for _ in range(_STREAMS)] for tenant in self.tenants]
        self.written: list[tuple[Append, Future[Appended]]] = []
        self.repeated: list[tuple[Appended, Future[Appended]]] = []
        self.seen: list[dict[UUID, list[UUID]]] = [{t: [] for t in self.tenants} for _ in range(_READERS)]
        self.slow: set[int] = set()
        for tenant in self.tenants:
            self.setting.killer.execute("insert into log_head values (%s, 0)", [tenant])

    appends = Bundle("appends")

    @rule(
        target=appends,
        writer=st.integers(0, _WRITERS - 1),
        tenant=st.integers(0, _TENANTS - 1),
        shape=st.dictionaries(
            st.integers(0, _STREAMS - 1), st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1
        ).filter(lambda shape: any(count for _, count in shape.values())),
    )
    def append(self, writer: int, tenant: int, shape: dict[int, tuple[int, int]]) -> Append:
        """Start an append over some streams, at expected versions that may be right or wrong, with guards."""
        streams = self.streams[tenant]
        parts = [
            StreamPart(streams[key], version, (NOTED,) * count) for key, (version, count) in shape.items()
        ]
        append = write(*parts)
        self._start(writer, append)
        return append

    @rule(writer=st.integers(0, _WRITERS - 1), append=appends)
    def repeat(self, writer: int, append: Append) -> None:
        """Somebody sends the same command again, through any process; what was told once is told again."""
        told = [
            outcome.result() for other, outcome in self.written if other is append and is_written(outcome)
        ]
        self._start(writer, append)
        self.repeated += [(first, self.written[-1][1]) for first in told]

    @rule(tenant=st.integers(0, _TENANTS - 1))
    def slow_down(self, tenant: int) -> None:
        """Writers of a tenant hang in their transactions until `go_on`."""
        if tenant not in self.slow:
            blocker, row = self.setting.blockers[tenant], [self.tenants[tenant]]
            # A transaction may stand at another head with this one locked: it is slow enough.
            blocker.execute("select from log_head where tenant_id = %s for update skip locked", row)
            self.slow.add(tenant)

    @rule(tenant=st.integers(0, _TENANTS - 1))
    def go_on(self, tenant: int) -> None:
        """Whoever hangs may go on."""
        self.setting.blockers[tenant].rollback()
        self.slow.discard(tenant)

    @rule()
    def kill_connections(self) -> None:
        """Every connection of the writers and readers ends, whatever it is doing."""
        self.setting.killer.execute(_KILL)

    @rule()
    def settle(self) -> None:
        """Everything that was started has an outcome."""
        for tenant in range(_TENANTS):
            self.go_on(tenant)
        for _, outcome in self.written:
            outcome.exception(timeout=60)

    @rule(reader=st.integers(0, _READERS - 1), limit=st.integers(1, 5))
    def read(self, reader: int, limit: int) -> None:
        """A reader goes on where it was."""
        for tenant, seen in self.seen[reader].items():
            store = self.setting.stores[reader]
            for event in self.setting.loop.run(store.read(tenant, after=len(seen), limit=limit)):
                assert event.position == len(seen) + 1
                seen.append(event.command_id)

    @invariant()
    def nothing_is_refused_for_other_reasons(self) -> None:
        for _, outcome in self.written:
            if outcome.done():
                assert isinstance(outcome.exception(), VersionConflict | LogUnavailable | None)

    def teardown(self) -> None:
        self.settle()
        rows = [row for row in all_logs(self.setting.database_url) if row.tenant_id in self.tenants]
        stored = {(row.tenant_id, row.position): row for row in rows}
        events = Counter(row.command_id for row in rows)
        for append, outcome in self.written:
            error = outcome.exception()
            if error is None:
                self._is_stored(append, outcome.result(), stored)
            elif isinstance(error, VersionConflict):
                acknowledged = any(other is append and is_written(told) for other, told in self.written)
                assert acknowledged or events[append.command_id] == 0
        for first, again in self.repeated:
            assert isinstance(again.exception(), LogUnavailable) or again.result() == first
        for append, _ in self.written:
            assert events[append.command_id] in {0, sum(len(part.events) for part in append.parts)}
        for number, seen in enumerate(self.seen):
            for _ in rows:
                self.read(number, 5)
            for tenant, commands in seen.items():
                assert commands == [row.command_id for row in rows if row.tenant_id == tenant]

    def _start(self, writer: int, append: Append) -> None:
        work = self.setting.stores[writer].append(append)
        self.written.append((append, self.setting.loop.start(work)))

    def _is_stored(self, append: Append, told: Appended, stored: dict[tuple[UUID, int], Any]) -> None:
        """Each event of an acknowledged append is where it was said to be, and is its own."""
        places = iter(told.positions)
        for part in append.parts:
            for version in range(part.expected_version + 1, part.expected_version + len(part.events) + 1):
                row = stored[append.tenant_id, next(places)]
                assert (row.stream_id, row.version) == (part.stream_id, version)
                assert row.command_id == append.command_id
        assert next(places, None) is None


@pytest.fixture
def setting(database_url: str) -> Iterator[Setting]:
    made = Setting(database_url)
    yield made
    made.close()


def test_no_event_is_lost_doubled_or_passed(setting: Setting) -> None:
    Chaos.setting = setting
    once = settings(max_examples=20, stateful_step_count=30, phases=[Phase.generate], database=None)
    run_state_machine_as_test(Chaos, settings=once)
