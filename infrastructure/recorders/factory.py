"""The `eventsourcing` library's way to our log: `PERSISTENCE_MODULE=infrastructure.event_store`."""

from typing import Final, TypeVar
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, InfrastructureFactory
from eventsourcing.utils import Environment, EnvType, resolve_topic

from infrastructure.recorders.connections import Connections
from infrastructure.recorders.recorder import (
    LogAggregateRecorder,
    LogApplicationRecorder,
    LogRecorder,
    SnapshotRecorder,
)
from infrastructure.recorders.tracking import LogProcessRecorder, LogTrackingRecorder

RecorderT = TypeVar("RecorderT", bound=LogRecorder)


class Factory(InfrastructureFactory[LogTrackingRecorder]):
    """Recorders for the log of the tenant `TENANT_ID` in the migrated database `DATABASE_URL`.

    As all variables of the library, both may be prefixed with the name of one application or projection.
    """

    DATABASE_URL: Final = "DATABASE_URL"
    TENANT_ID: Final = "TENANT_ID"

    def __init__(self, env: Environment | EnvType | None) -> None:
        """Raises `EnvironmentError` when a variable is missing or wrong."""
        super().__init__(env)
        self._connections = Connections(self._variable(self.DATABASE_URL))
        tenant = self._variable(self.TENANT_ID)
        try:
            self._tenant_id = UUID(tenant)
        except ValueError:
            raise OSError(f"{self.TENANT_ID} is no UUID: {tenant!r}") from None

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """For events the log, for snapshots the table beside it."""
        if purpose == "snapshots":
            return self._make(SnapshotRecorder)
        return self._make(LogAggregateRecorder)

    def application_recorder(self) -> LogApplicationRecorder:
        return self._make(self._class(self.APPLICATION_RECORDER_TOPIC, LogApplicationRecorder))

    def tracking_recorder(
        self, tracking_recorder_class: type[LogTrackingRecorder] | None = None
    ) -> LogTrackingRecorder:
        chosen = tracking_recorder_class or self._class(self.TRACKING_RECORDER_TOPIC, LogTrackingRecorder)
        return self._make(chosen)

    def process_recorder(self) -> LogProcessRecorder:
        return self._make(self._class(self.PROCESS_RECORDER_TOPIC, LogProcessRecorder))

    def close(self) -> None:
        """Close every connection of the recorders made here."""
        self._connections.close()

    def _make(self, recorder_class: type[RecorderT]) -> RecorderT:
        return recorder_class(self._connections, self._tenant_id, self.env.name.lower())

    def _class(self, variable: str, default: type[RecorderT]) -> type[RecorderT]:
        topic = self.env.get(variable)
        chosen = resolve_topic(topic) if topic else default
        if not (isinstance(chosen, type) and issubclass(chosen, default)):
            raise OSError(f"{variable} names no {default.__name__}: {topic!r}")
        return chosen

    def _variable(self, name: str) -> str:
        value = self.env.get(name)
        if not value:
            raise OSError(f"{name} is not set")
        return value
