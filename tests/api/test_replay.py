"""`hirelog replay` tells every kind of stream that there is."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from click.testing import CliRunner, Result

from api.cli import hirelog
from api.command_line.replay import plain, steps
from application.entity import encode
from application.recorded import StoredEvent
from domain.decision import Event
from domain.identifiers import tenant_of
from infrastructure.operator_error import OperatorError
from tests.domain.builders import created
from tests.domain.catalogue import AGGREGATES, decider_of, events_of
from tests.domain.golden_events import GOLDEN
from tests.read_models import new_id, new_tenant, world

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


def test_who_names_the_database_needs_to_name_no_redis(database_url: str, tmp_path: Path) -> None:
    job_id = new_id(new_tenant())
    with world(database_url) as here:
        here.append(job_id, created())
    found = replayed(job_id, HIRELOG_HOME=str(tmp_path), DATABASE_URL=database_url, SECRET_KEY="x" * 40)
    assert found.exit_code == 0, found.output
    assert "JobCreated" in found.output


def test_nothing_of_an_event_is_left_out_for_want_of_room(database_url: str, tmp_path: Path) -> None:
    job_id = new_id(new_tenant())
    with world(database_url) as here:
        here.append(job_id, created())
    found = replayed(job_id, HIRELOG_HOME=str(tmp_path), DATABASE_URL=database_url, SECRET_KEY="x" * 40)
    assert "\u2026" not in found.output
    (event,) = (line for line in found.output.splitlines() if line.startswith("    JobCreated("))
    assert event


def test_where_nothing_runs_it_is_said_what_is_needed(tmp_path: Path) -> None:
    found = replayed(STREAM, HIRELOG_HOME=str(tmp_path))
    assert isinstance(found.exception, OperatorError)
    assert str(found.exception) == "nothing runs here: start `hirelog up`, or set DATABASE_URL"


def replayed(stream: UUID, **environment: str) -> Result:
    return CliRunner().invoke(hirelog, ["replay", str(stream)], env=environment)
