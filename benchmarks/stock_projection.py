"""The comparator that the read models replace: the library's `ProjectionRunner` keeping the dashboard's counters.

Written as the library's documentation shows: a view that extends the database's tracking recorder, a projection that
dispatches on the event's class, and one transaction per event for the view's row and the tracking record.
"""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, CanMutateAggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from benchmarks.shape import APPLICATIONS_PER_JOB, EVENTS_PER_JOB, VIEWS_PER_JOB
from benchmarks.stock import environment

_INSERT_BATCH = 1_000
_POLL_SECONDS = 0.02


class Job(Aggregate):
    class Created(Aggregate.Created):
        title: str

    class Published(Aggregate.Event):
        pass

    @event(Created)
    def __init__(self, title: str) -> None:
        self.title = title

    @event(Published)
    def publish(self) -> None:
        self.status = "open"


class JobView(Aggregate):
    class Recorded(Aggregate.Created):
        job_id: UUID
        viewer_id: UUID

    @event(Recorded)
    def __init__(self, job_id: UUID, viewer_id: UUID) -> None:
        self.job_id = job_id
        self.viewer_id = viewer_id


class JobApplication(Aggregate):
    class Submitted(Aggregate.Created):
        job_id: UUID
        candidate_id: UUID

    @event(Submitted)
    def __init__(self, job_id: UUID, candidate_id: UUID) -> None:
        self.job_id = job_id
        self.candidate_id = candidate_id


class Hiring(Application[UUID]):
    """The application whose events are projected."""


class DashboardView(PostgresTrackingRecorder):
    """Views and applications per job, in a table beside the tracking records."""

    def __init__(
        self, datastore: PostgresDatastore, *, tracking_table_name: str = "tracking", **kwargs: Any
    ) -> None:
        super().__init__(datastore, tracking_table_name=tracking_table_name, **kwargs)
        table = Identifier(self.datastore.schema, "stock_job_dashboard")
        self.sql_create_statements.append(
            SQL(
                "create table if not exists {} (job_id uuid primary key, title text not null, "
                "views bigint not null, applications bigint not null)"
            ).format(table)
        )
        self._add_job = SQL("insert into {} values (%s, %s, 0, 0)").format(table)
        self._add_view = SQL("update {} set views = views + 1 where job_id = %s").format(table)
        self._add_application = SQL("update {} set applications = applications + 1 where job_id = %s").format(
            table
        )
        self._totals = SQL(
            "select count(*) jobs, sum(views) views, sum(applications) applications from {}"
        ).format(table)

    def add_job(self, job_id: UUID, title: str, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._add_job, (job_id, title), prepare=True)

    def add_view(self, job_id: UUID, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._add_view, (job_id,), prepare=True)

    def add_application(self, job_id: UUID, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._add_application, (job_id,), prepare=True)

    def totals(self) -> tuple[int, int, int]:
        """How many jobs, views and applications the view has counted."""
        with self.datastore.transaction() as cursor:
            row = cursor.execute(self._totals).fetchone()
        assert row is not None
        return int(row["jobs"]), int(row["views"] or 0), int(row["applications"] or 0)


class Dashboard(Projection[DashboardView]):
    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ARG002 - the library dispatches on it
        """An event that the view does not show is tracked only."""
        self.view.insert_tracking(tracking)

    @process_event.register
    def job_created(self, domain_event: Job.Created, tracking: Tracking) -> None:
        self.view.add_job(domain_event.originator_id, domain_event.title, tracking)

    @process_event.register
    def view_recorded(self, domain_event: JobView.Recorded, tracking: Tracking) -> None:
        self.view.add_view(domain_event.job_id, tracking)

    @process_event.register
    def application_submitted(self, domain_event: JobApplication.Submitted, tracking: Tracking) -> None:
        self.view.add_application(domain_event.job_id, tracking)


def events_per_second(database_url: str, jobs: int) -> float:
    """How fast the runner builds the view from the events of `jobs` jobs, which are recorded first."""
    settings = environment(database_url, connections=5)
    with Hiring(settings) as hiring:
        pending = _events(jobs)
        while batch := list(islice(pending, _INSERT_BATCH)):
            hiring.recorder.insert_events([hiring.mapper.to_stored_event(one) for one in batch])
        last = hiring.recorder.max_notification_id()
    assert last is not None
    assert last == jobs * EVENTS_PER_JOB
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=Hiring, projection_class=Dashboard, view_class=DashboardView, env=settings
    ) as runner:
        while not runner.view.has_tracking_id("Hiring", last):
            runner.run_forever(timeout=_POLL_SECONDS)
        seconds = time.perf_counter() - began
        assert runner.view.totals() == (jobs, jobs * VIEWS_PER_JOB, jobs * APPLICATIONS_PER_JOB)
    return last / seconds


def _events(jobs: int) -> Iterator[CanMutateAggregate[UUID]]:
    for number in range(jobs):
        job = Job(f"Engineer {number}")
        job.publish()
        yield from job.collect_events()
        for _ in range(VIEWS_PER_JOB):
            yield from JobView(job.id, uuid4()).collect_events()
        for _ in range(APPLICATIONS_PER_JOB):
            yield from JobApplication(job.id, uuid4()).collect_events()
