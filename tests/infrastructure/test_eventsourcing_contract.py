"""The `eventsourcing` library's own test cases, run on our log."""

import threading
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from infrastructure.event_store import Factory
from infrastructure.recorders.recorder import LogAggregateRecorder, LogApplicationRecorder
from infrastructure.recorders.tracking import LogProcessRecorder, LogTrackingRecorder
from tests.infrastructure.recorder_cases import persistence, projection


class OnOurLog:
    """What each test case gets: an environment that names a new log, and a factory made of it."""

    made: Factory

    @pytest.fixture(autouse=True)
    def _log(self, database_url: str) -> Iterator[None]:
        threads = set(threading.enumerate())
        env = Environment(
            env={
                "PERSISTENCE_MODULE": "infrastructure.event_store",
                "DATABASE_URL": database_url,
                "TENANT_ID": str(uuid4()),
                "COUNTERS_TENANT_ID": str(uuid4()),
            }
        )
        vars(self)["env"] = env
        self.made = Factory(env)
        yield
        # Some of the cases stop their threads without waiting for them.
        for thread in set(threading.enumerate()) - threads:
            thread.join(timeout=5)
        self.made.close()
        assert set(threading.enumerate()) <= threads


class TestSnapshots(OnOurLog, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.made.aggregate_recorder("snapshots")


class TestEventsOfAggregates(OnOurLog, persistence.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.made.aggregate_recorder()


class TestApplicationRecorder(OnOurLog, persistence.ApplicationRecorderTestCase[LogApplicationRecorder]):
    def create_recorder(self) -> LogApplicationRecorder:
        return self.made.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnOurLog, persistence.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self.made.tracking_recorder()


class TestProcessRecorder(OnOurLog, persistence.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.made.process_recorder()


class TestNonInterleaving(OnOurLog, persistence.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.made.application_recorder()


class AnyView(LogTrackingRecorder):
    pass


class TestFactory(OnOurLog, persistence.InfrastructureFactoryTestCase[Factory]):
    def expected_factory_class(self) -> type[Factory]:
        return Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return LogAggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return LogApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return LogTrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return AnyView

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return LogProcessRecorder


class CountersView(LogTrackingRecorder, projection.EventCountersView):
    """Two counters in a table of its own, changed together with the tracked position."""

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def _increment(self, kind: str, tracking: Tracking) -> None:
        with self.transaction(tracking) as connection:
            connection.execute("update event_count set events = events + 1 where kind = %s", [kind])

    def _count(self, kind: str) -> int:
        with self.connections.connection() as connection:
            row = connection.execute("select events from event_count where kind = %s", [kind]).fetchone()
        assert isinstance(row, tuple)
        return int(row[0])


@pytest.fixture
def event_count(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("create table event_count (kind text primary key, events bigint not null)")
        connection.execute("insert into event_count values ('created', 0), ('subsequent', 0)")


@pytest.mark.usefixtures("event_count")
class TestView(OnOurLog, projection.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> CountersView:
        view = self.made.tracking_recorder(CountersView)
        assert isinstance(view, CountersView)
        return view


@pytest.mark.usefixtures("event_count")
class TestProjectionRunner(OnOurLog, projection.AggregateEventCountersProjectionTestCase):
    view_class = CountersView


class TestEventSourcedProjection(OnOurLog, projection.EventSourcedProjectionTestCase):
    pass
