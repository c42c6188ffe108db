"""The comparator that the log replaces: the `eventsourcing` library's own PostgreSQL recorder, as it comes."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresFactory
from psycopg.conninfo import conninfo_to_dict

from benchmarks.sample import Sample, sample


def environment(database_url: str, connections: int) -> dict[str, str]:
    """The library's settings for a database: everything at its default but the size of the connection pool."""
    given = conninfo_to_dict(database_url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(given.get("dbname") or "postgres"),
        "POSTGRES_HOST": str(given.get("host") or "127.0.0.1"),
        "POSTGRES_PORT": str(given.get("port") or "5432"),
        "POSTGRES_USER": str(given.get("user") or "postgres"),
        "POSTGRES_PASSWORD": str(given.get("password") or ""),
        "POSTGRES_POOL_SIZE": str(connections),
    }


@contextmanager
def recorder(database_url: str, connections: int) -> Generator[PostgresApplicationRecorder]:
    """The library's application recorder, with its table."""
    with PostgresFactory(environment(database_url, connections)) as factory:
        made = factory.application_recorder()
        assert isinstance(made, PostgresApplicationRecorder)
        yield made


def inserts(database_url: str, threads: int, seconds: float, size: int = 200) -> Sample:
    """`threads` threads, each recording events of `size` bytes in its own stream one after the other for `seconds`."""
    latencies: list[float] = []
    state = b"x" * size
    with recorder(database_url, threads) as made:
        ready = threading.Barrier(threads)

        def record() -> None:
            stream, own = uuid4(), list[float]()
            made.insert_events([StoredEvent(stream, 1, "benchmark:Event", state)])
            ready.wait()
            began = time.perf_counter()
            deadline = began + seconds
            while began < deadline:
                made.insert_events([StoredEvent(stream, len(own) + 2, "benchmark:Event", state)])
                ended = time.perf_counter()
                own.append(ended - began)
                began = ended
            latencies.extend(own)

        workers = [threading.Thread(target=record) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return sample(latencies, seconds)
