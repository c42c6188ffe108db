"""`GET /metrics` in Prometheus's text form: requests, the log's writer, how far the read models lag, and mail.

Requests and writer are those of the process that answers; with several API processes each tells its own. No label carries an
id: a route is its template. The page takes milliseconds to write and scrapers are not counted, so it is written once a second
at most.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import psycopg
import structlog
from litestar import Litestar, Response, get
from litestar.types import HTTPScope, Message, Receive, Send
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.http.access import ANYONE
from api.http.methods import as_get
from api.http.requests import AnyRequest
from api.http.response_headers import RequestIds
from api.services import Services
from infrastructure.log.group_commit import GroupCommit
from infrastructure.mail.administration import Figures
from infrastructure.processes.shared_answer import SharedAnswer
from infrastructure.read_models.status import ProjectionStatus

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_log = structlog.get_logger(__name__)


class RequestMetrics:
    """Counts the requests of one application and times them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._count = Counter(
            "hirelog_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "hirelog_http_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._counts: dict[tuple[str, str, int], Counter] = {}
        self._times: dict[tuple[str, str], Histogram] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is a template, empty for an unknown path."""
        method = method if method in _METHODS else "other"
        route = route or "unknown"
        count = self._counts.get((method, route, status))
        if count is None:
            count = self._counts[method, route, status] = self._count.labels(method, route, status)
        count.inc()
        timed = self._times.get((method, route))
        if timed is None:
            timed = self._times[method, route] = self._seconds.labels(method, route)
        timed.observe(seconds)


class MeasuredApp(Litestar):
    """An application that names and measures every request, unknown paths and failures included, in a few microseconds; HEAD is
    answered as GET."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.metrics = RequestMetrics()
        self._names = RequestIds()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._measured(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _measured(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        method = scope["method"]
        if method == "HEAD":
            scope = as_get(scope)
        self._names.name(scope)
        status = 499

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await super().__call__(scope, receive, sending)
        finally:
            route: str = scope.get("path_template", "")
            self.metrics.observe(method, route, status, time.perf_counter() - started)


class _WriterCollector(Collector):
    """What the log's writer has done, read when somebody asks."""

    def __init__(self, writing: GroupCommit) -> None:
        self._writing = writing

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(
            "hirelog_append_batches", "Transactions that wrote appends.", self._writing.batches
        )
        yield CounterMetricFamily(
            "hirelog_appends", "Appends; by batches it is the batch size.", self._writing.appends
        )
        yield GaugeMetricFamily(
            "hirelog_append_queue_length", "Appends that wait for a transaction.", self._writing.queued
        )


class _ProjectionCollector(Collector):
    """How the read models stood a moment ago."""

    def __init__(self, found: list[ProjectionStatus]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        families = {
            "lag_seconds": "Age of the oldest event that is not projected.",
            "events_behind": "Events that are not projected.",
            "tenants_behind": "Tenants with events that are not projected.",
            "tenants_parked": "Tenants that are passed over since an event could not be folded.",
            "outdated": "1 if the live build is of another version than the program.",
        }
        for name, text in families.items():
            family = GaugeMetricFamily(f"hirelog_projection_{name}", text, labels=["read_model"])
            for status in self._found:
                family.add_metric([status.name], _value(status, name))
            yield family


class _MailCollector(Collector):
    """How mail stood a moment ago."""

    def __init__(self, found: Figures) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        found = self._found
        yield GaugeMetricFamily("hirelog_mail_waiting", "Mails that are to be sent.", found.waiting)
        yield GaugeMetricFamily(
            "hirelog_mail_lag_seconds", "How long the mail that is due first is due.", found.lag_seconds
        )
        yield GaugeMetricFamily("hirelog_mail_given_up", "Mails that were given up.", found.given_up)
        yield GaugeMetricFamily("hirelog_mail_held", "1 if all mail is held.", found.held_reason is not None)
        yield CounterMetricFamily("hirelog_mail_sent", "Mails that were sent.", found.sent)


def _value(status: ProjectionStatus, name: str) -> float:
    return float(getattr(status, name))


@get(
    "/metrics",
    allow=ANYONE,
    tags=["Operations"],
    security=[{}],
    answers=("text/plain",),
    operation_id="read_metrics",
)
async def metrics(request: AnyRequest) -> Response[bytes]:
    """Prometheus metrics: requests by route template, the log's appends, batches and queue, the lag of each read model,
    and mail; as they were a second ago at most."""
    page: SharedAnswer[bytes] = request.app.state.metrics_page
    return Response(await page.get(), media_type="text/plain; version=0.0.4")


async def metrics_page(services: Services, requests: RequestMetrics) -> bytes:
    """What `GET /metrics` answers; without read models and mail while the database is away."""
    once = CollectorRegistry()
    once.register(_WriterCollector(services.store.writing))
    try:
        found, mail = await services.readings.standing.get()
        once.register(_ProjectionCollector(found))
        once.register(_MailCollector(mail))
    except psycopg.Error as error:
        _log.warning("metrics without projections and mail", error=type(error).__name__)
    return generate_latest(requests.registry) + generate_latest(once)


HANDLERS: list[Any] = [metrics]
