"""One small `eventsourcing` application on our log: aggregates, snapshots, and a projection that follows."""

import threading
import time
from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    DataError,
    InfrastructureFactory,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.projection import Projection, ProjectionRunner

from infrastructure.event_store import Factory, SyncEventStore
from infrastructure.recorders import connections as eventsourcing_connections
from infrastructure.recorders import recorder as eventsourcing_recorder
from infrastructure.recorders.recorder import LogApplicationRecorder
from infrastructure.recorders.tracking import LogTrackingRecorder
from tests.infrastructure.logs import all_logs

_KILL = """select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid()"""


class Posting(Aggregate):
    class Answered(Aggregate.Event):
        candidate: str

    @event("Opened")
    def __init__(self, title: str) -> None:
        self.title = title
        self.candidates: list[str] = []

    @event(Answered)
    def answer(self, candidate: str) -> None:
        self.candidates.append(candidate)


class Postings(Application[UUID]):
    is_snapshotting_enabled = True
    snapshotting_intervals: ClassVar = {Posting: 10}

    def open(self, title: str) -> UUID:
        posting = Posting(title)
        self.save(posting)
        return posting.id

    def answer(self, posting_id: UUID, candidate: str) -> int:
        posting: Posting = self.repository.get(posting_id)
        posting.answer(candidate)
        return self.save(posting)[-1].notification.id

    def candidates(self, posting_id: UUID, version: int | None = None) -> list[str]:
        posting: Posting = self.repository.get(posting_id, version=version)
        return posting.candidates


class Answers(LogTrackingRecorder):
    """How many answers there are, kept in one transaction with the position that it follows from."""

    def count_one(self, tracking: Tracking) -> None:
        with self.transaction(tracking) as connection:
            connection.execute("update answers set count = count + 1")

    def count(self) -> object:
        with self.connections.connection() as connection:
            return connection.execute("select count from answers").fetchone()


class AnswersProjection(Projection[Answers]):
    name = "answers"

    @singledispatchmethod
    def process_event(self, _: object, tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)

    @process_event.register
    def _answered(self, _: Posting.Answered, tracking: Tracking) -> None:
        self.view.count_one(tracking)


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "infrastructure.event_store",
        "DATABASE_URL": database_url,
        "TENANT_ID": str(uuid4()),
    }


@pytest.fixture
def factory(env: dict[str, str]) -> Iterator[Factory]:
    made = Factory(env)
    yield made
    made.close()


def stored(originator_id: UUID | str, version: int, topic: str = "topic") -> StoredEvent:
    return StoredEvent(originator_id, version, topic, b"{}")


def kill_all_connections(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_KILL)


def test_an_application_keeps_its_aggregates_and_snapshots(env: dict[str, str], database_url: str) -> None:
    with Postings(env) as app:
        posting_id = app.open("Nurse")
        positions = [app.answer(posting_id, f"candidate {number}") for number in range(24)]
        app.close()
    assert positions == list(range(2, 26))
    with Postings(env) as app:
        assert app.snapshots is not None
        assert [snapshot.originator_version for snapshot in app.snapshots.get(posting_id)] == [10, 20]
        assert len(app.candidates(posting_id)) == 24
        assert app.candidates(posting_id, version=13) == [f"candidate {number}" for number in range(12)]
        with pytest.raises(AggregateNotFoundError):
            app.candidates(uuid4())
        app.close()
    with psycopg.Connection[object].connect(database_url, autocommit=True) as connection:
        (first, *_) = SyncEventStore(connection).read(UUID(env["TENANT_ID"]))
    assert (first.stream_id, first.version) == (posting_id, 1)
    assert b"Nurse" in first.data
    assert len(all_logs(database_url)) == 25


def test_two_that_decide_on_the_same_version_conflict(env: dict[str, str]) -> None:
    with Postings(env) as app:
        posting_id = app.open("Nurse")
        one: Posting = app.repository.get(posting_id)
        other: Posting = app.repository.get(posting_id)
        one.answer("Ada")
        other.answer("Bob")
        app.save(one)
        with pytest.raises(IntegrityError):
            app.save(other)
        assert app.candidates(posting_id) == ["Ada"]
        app.close()


def test_a_projection_follows_and_goes_on_where_it_was(env: dict[str, str], database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("create table answers (count bigint not null)")
        connection.execute("insert into answers values (0)")
    threads = set(threading.enumerate())
    for lap in 1, 2:
        with ProjectionRunner(
            application_class=Postings, projection_class=AnswersProjection, view_class=Answers, env=env
        ) as runner:
            posting_id = runner.app.open("Nurse")
            for number in range(5):
                position = runner.app.answer(posting_id, f"candidate {number}")
                runner.wait(position, timeout=10)
                if number == 2:
                    kill_all_connections(database_url)
            assert runner.view.count() == (5 * lap,)
            runner.view.connections.close()
    assert set(threading.enumerate()) <= threads


def test_a_view_goes_on_after_its_idle_connections_were_killed(factory: Factory, database_url: str) -> None:
    view = factory.tracking_recorder()
    for position in 1, 2, 3:
        with view.transaction(Tracking("upstream", position)) as connection:
            connection.execute("select 1")
        kill_all_connections(database_url)
    with pytest.raises(IntegrityError), view.transaction(Tracking("upstream", 3)):
        pytest.fail("it was there already")
    with pytest.raises(RuntimeError), view.transaction(Tracking("upstream", 4)):
        raise RuntimeError
    assert view.max_tracking_id("upstream") == 3


class TestSubscription:
    def test_hears_of_its_own_recorders_inserts_at_once(
        self, factory: Factory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(eventsourcing_recorder, "_POLL_SECONDS", 60.0)
        recorder = factory.application_recorder()
        originator, heard = uuid4(), threading.Event()

        def follow() -> None:
            with recorder.subscribe() as subscription:
                for notification in subscription:
                    if notification.originator_version == 3:
                        heard.set()
                        return

        follower = threading.Thread(target=follow)
        follower.start()
        for version in 1, 2, 3:
            recorder.insert_events([stored(originator, version)])
        assert heard.wait(10)
        follower.join(10)

    def test_hears_of_others_soon(self, factory: Factory, env: dict[str, str]) -> None:
        other = Factory(env)
        originator = uuid4()
        with factory.application_recorder().subscribe() as subscription:
            other.application_recorder().insert_events([stored(originator, 1)])
            assert next(subscription).id == 1
        other.close()

    def test_outlives_its_connections(
        self, factory: Factory, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(eventsourcing_connections, "_RETRY_DELAYS", ())
        recorder = factory.application_recorder()
        originator = uuid4()
        with recorder.subscribe() as subscription:
            for version in 1, 2, 3:
                with psycopg.Connection[object].connect(database_url, autocommit=True) as connection:
                    recorder.connections.close()
                    connection.execute(_KILL)
                    recorder.connections = eventsourcing_connections.Connections(database_url)
                    assert recorder.insert_events([stored(originator, version)]) == [version]
                    connection.execute(_KILL)
                assert next(subscription).originator_version == version

    def test_skips_what_it_was_not_asked_for(self, factory: Factory) -> None:
        recorder = factory.application_recorder()
        originator = uuid4()
        recorder.insert_events([stored(originator, n, "odd" if n % 2 else "even") for n in range(1, 1201)])
        with recorder.subscribe(gt=3, topics=["even"]) as subscription:
            assert [next(subscription).id for _ in range(599)] == list(range(4, 1201, 2))
            assert recorder.read_after(0, ["none"]) == ([], 1200)

    def test_stops_promptly_in_another_thread(
        self, factory: Factory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(eventsourcing_recorder, "_POLL_SECONDS", 60.0)
        with factory.application_recorder().subscribe() as subscription:
            follower = threading.Thread(target=lambda: list(subscription))
            follower.start()
            began = time.monotonic()
            subscription.stop()
            follower.join(10)
        assert not follower.is_alive()
        assert time.monotonic() - began < 5


class TestRecorder:
    def test_keeps_the_order_of_events_of_several_aggregates(self, factory: Factory) -> None:
        recorder = factory.application_recorder()
        one, other = uuid4(), uuid4()
        events = [stored(one, 0), stored(other, 1), stored(one, 1), stored(one, 2), stored(other, 2)]
        assert recorder.insert_events(events) == [1, 2, 3, 4, 5]
        found = recorder.select_notifications(None, 10)
        assert [(n.originator_id, n.originator_version) for n in found] == [
            (event.originator_id, event.originator_version) for event in events
        ]

    @pytest.mark.parametrize("versions", [[3], [1, 3], [2, 1], [1, 1], [1, 2, 2]])
    def test_refuses_versions_that_do_not_follow(self, factory: Factory, versions: list[int]) -> None:
        recorder = factory.application_recorder()
        originator = uuid4()
        with pytest.raises(IntegrityError):
            recorder.insert_events([stored(originator, version) for version in versions])
        assert recorder.max_notification_id() is None

    def test_takes_uuids_as_text_too(self, factory: Factory) -> None:
        recorder = factory.application_recorder()
        originator = uuid4()
        recorder.insert_events([stored(str(originator), 1)])
        assert recorder.select_events(str(originator)) == [stored(str(originator), 1)]
        assert recorder.select_events(originator) == [stored(originator, 1)]

    @pytest.mark.parametrize(
        "event", [stored("no uuid", 1), stored(uuid4(), -1), stored(uuid4(), 2**63), stored(uuid4(), 1, "\0")]
    )
    def test_refuses_what_the_log_cannot_hold(self, factory: Factory, event: StoredEvent) -> None:
        with pytest.raises(DataError):
            factory.application_recorder().insert_events([event])

    def test_says_in_the_librarys_words_what_went_wrong(self, factory: Factory, env: dict[str, str]) -> None:
        recorder = factory.application_recorder()
        factory.close()
        with pytest.raises(ProgrammingError, match="closed"):
            recorder.max_notification_id()
        with pytest.raises(OperationalError):
            Factory(env | {"DATABASE_URL": "host=/nowhere"}).application_recorder().max_notification_id()

    def test_leaves_no_connection_when_nobody_holds_it(self, env: dict[str, str], database_url: str) -> None:
        recorder = Factory(env).application_recorder()
        assert recorder.max_notification_id() is None
        del recorder
        query = "select count(*) from pg_stat_activity where datname = current_database()"
        with psycopg.connect(database_url, autocommit=True) as connection:
            while connection.execute(query).fetchone() != (1,):
                pass


class TestFactoryVariables:
    def test_may_be_those_of_one_application(self, env: dict[str, str]) -> None:
        other = uuid4()
        with Postings(env | {"POSTINGS_TENANT_ID": str(other)}) as app:
            assert isinstance(app.recorder, LogApplicationRecorder)
            assert app.recorder.tenant_id == other
            app.close()

    @pytest.mark.parametrize(
        ("variable", "value"), [("DATABASE_URL", ""), ("TENANT_ID", ""), ("TENANT_ID", "x")]
    )
    def test_must_be_there_and_right(self, env: dict[str, str], variable: str, value: str) -> None:
        with pytest.raises(OSError, match=variable):
            InfrastructureFactory.construct(env | {variable: value})

    def test_may_name_recorders(self, env: dict[str, str]) -> None:
        topic = f"{Answers.__module__}:{Answers.__qualname__}"
        assert type(Factory(env | {"TRACKING_RECORDER_TOPIC": topic}).tracking_recorder()) is Answers
        with pytest.raises(OSError, match="PROCESS_RECORDER_TOPIC"):
            Factory(env | {"PROCESS_RECORDER_TOPIC": topic}).process_recorder()
