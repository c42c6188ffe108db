"""`hirelog replay`: one stream, event by event, with the state after each; as of any version or moment."""

from datetime import datetime
from textwrap import indent
from typing import Any, Final
from uuid import UUID

import click
import msgspec
import psycopg
from rich.pretty import pretty_repr
from rpds import HashTrieMap, HashTrieSet

from api.command_line.as_json import print_json
from api.http.moments import version_or_time
from api.http.problems import ProblemError
from application.entity import AnyDecider, decode
from application.recorded import LogUnavailable, StoredEvent
from domain.assessment import ASSESSMENT
from domain.decision import Event
from domain.identifiers import tenant_of
from domain.job import JOB
from domain.job_application import JOB_APPLICATION
from domain.job_view import JOB_VIEW
from domain.membership import MEMBERSHIP
from infrastructure.event_store import SyncEventStore
from infrastructure.log.connection import session_conninfo
from infrastructure.operator_error import OperatorError

_DECIDERS: Final[tuple[AnyDecider, ...]] = (JOB_APPLICATION, ASSESSMENT, JOB, MEMBERSHIP, JOB_VIEW)
_WIDTH: Final = 100


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and the state of its stream after it."""

    position: int
    version: int
    recorded_at: datetime
    actor_id: UUID | None
    event: Event
    state: object


def steps(stream: list[StoredEvent]) -> list[Step]:
    """A stream's events in order, each with the state after it. Raises `OperatorError` for a stream of no known kind."""
    if not stream:
        return []
    decider = _decider(stream[0])
    state: Any = decider.initial
    found: list[Step] = []
    for stored in stream:
        event = decode(decider, stored)
        state = decider.evolve(state, event)
        found.append(
            Step(
                position=stored.position,
                version=stored.version,
                recorded_at=stored.recorded_at,
                actor_id=stored.actor_id,
                event=event,
                state=state,
            )
        )
    return found


def _decider(first: StoredEvent) -> AnyDecider:
    for decider in _DECIDERS:
        try:
            decode(decider, first)
        except LogUnavailable:
            continue
        return decider
    raise OperatorError(f"no aggregate begins with an event of the type {first.type}")


def plain(value: object) -> object:
    """What JSON has no word for: a persistent map, as of a membership's roles or of scorecards (whose key is a pair), or set, as
    of the openings that a job filled."""
    match value:
        case HashTrieMap():
            return {
                " ".join(map(str, key)) if isinstance(key, tuple) else key: item
                for key, item in value.items()
            }
        case HashTrieSet():
            return sorted(value, key=str)
        case _:
            return value


def replay(database_url: str, stream_id: UUID, as_of: str | None, *, as_json: bool) -> None:
    """Print a stream's replay. Raises `OperatorError` when there is no such stream."""
    try:
        version, time = version_or_time(as_of)
    except ProblemError as error:
        raise OperatorError(f"--as-of {as_of}: neither a version nor an RFC 3339 time") from error
    with psycopg.connect(session_conninfo(database_url), autocommit=True) as connection:
        stream = SyncEventStore(connection).load(tenant_of(stream_id), stream_id, version=version, time=time)
    if not stream:
        raise OperatorError(f"there is no stream {stream_id}" + (f" as of {as_of}" if as_of else ""))
    found = steps(stream)
    if as_json:
        print_json(found, enc_hook=plain)
        return
    click.echo(f"stream {stream_id}")
    for step in found:
        at = step.recorded_at.isoformat(sep=" ", timespec="milliseconds")
        by = f"  by {step.actor_id}" if step.actor_id else ""
        click.echo(f"\nversion {step.version}  position {step.position}  {at}{by}\n{_indented(step.event)}")
    click.echo(f"\nstate as of version {found[-1].version}\n{_indented(found[-1].state)}")


def _indented(value: object) -> str:
    """All of it, whatever the width of the terminal: this is read by auditors."""
    return indent(pretty_repr(value, max_width=_WIDTH), "    ")
