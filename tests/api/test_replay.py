"""`hirelog replay` tells every kind of stream that there is."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import pytest

from api.replay import plain, steps
from application.entity import encode
from application.recorded import StoredEvent
from domain.decision import Event
from domain.identifiers import tenant_of
from tests.domain.catalogue import AGGREGATES, decider_of, events_of
from tests.domain.golden_events import GOLDEN

STREAM = UUID("c0ffee00-0000-8000-9c1a-5e0f3b7d2a46")


@pytest.mark.parametrize("event", GOLDEN.values(), ids=GOLDEN)
def test_every_event_is_replayed_by_the_aggregate_that_it_belongs_to(event: Event) -> None:
    new = encode(event)
    stored = StoredEvent(
        tenant_id=tenant_of(STREAM),
        position=1,
        stream_id=STREAM,
        version=1,
        type=new.type,
        data=new.data,
        actor_id=None,
        command_id=uuid4(),
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    (step,) = steps([stored])
    assert msgspec.json.encode(step, enc_hook=plain)
    (own,) = (decider_of(aggregate) for aggregate in AGGREGATES if type(event) in events_of(aggregate))
    assert (step.event, type(step.state)) == (event, type(own.initial))
