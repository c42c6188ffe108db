"""A row Struct is its table."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
import psycopg
import pytest

from application.recorded import Recorded
from domain.job_view import JobViewed
from infrastructure.read_models.read_model import (
    Column,
    Key,
    ReadModel,
    Row,
    columns,
    create_table,
    handled_types,
)
from infrastructure.read_models.setup import ensure_read_models
from projections.menu import MENU
from tests.read_models import new_id, new_tenant, world


class Detail(msgspec.Struct, frozen=True):
    words: tuple[str, ...]
    rating: float


class AnyRow(Row, frozen=True, kw_only=True):
    """One column of each type, and a key of two columns."""

    job_id: UUID
    viewer: str
    count: int
    share: float
    remote: bool
    seen_at: datetime
    names: tuple[str, ...]
    mood: Literal["good", "bad"]
    detail: Detail
    numbers: dict[str, int]
    nothing: datetime | None
    maybe: Detail | None


def keys(recorded: Recorded[JobViewed]) -> tuple[Key, ...]:
    return ((recorded.event.job_id, str(recorded.event.viewer_id)),)


def evolve(row: AnyRow | None, recorded: Recorded[JobViewed]) -> AnyRow | None:
    if row is not None and row.count == 3:
        return None
    return AnyRow(
        tenant_id=recorded.tenant_id,
        job_id=recorded.event.job_id,
        viewer=str(recorded.event.viewer_id),
        count=row.count + 1 if row else 1,
        share=1 / 3,
        remote=True,
        seen_at=recorded.recorded_at,
        names=('quote " and, comma', "ünï"),
        mood="good",
        detail=Detail(("a", "b"), 0.1),
        numbers={"one": 1},
        nothing=None,
        maybe=Detail((), 2.0) if row else None,
    )


EVERYTHING = ReadModel(
    name="everything",
    version=1,
    row=AnyRow,
    key=("job_id", "viewer"),
    handled=JobViewed,
    keys=keys,
    evolve=evolve,
    indexes=("create index on {table} (tenant_id, count)",),
)


def test_columns_have_the_types_of_their_fields() -> None:
    found = {column.name: (column.sql_type, column.nullable) for column in columns(AnyRow)}
    assert columns(AnyRow)[0] == Column("tenant_id", "uuid", nullable=False)
    assert found["viewer"] == ("text", False)
    assert found["count"] == ("bigint", False)
    assert found["share"] == ("double precision", False)
    assert found["remote"] == ("boolean", False)
    assert found["seen_at"] == ("timestamptz", False)
    assert found["names"] == ("text[]", False)
    assert found["mood"] == ("text", False)
    assert found["detail"] == ("json", False)
    assert found["numbers"] == ("json", False)
    assert found["nothing"] == ("timestamptz", True)
    assert found["maybe"] == ("json", True)


def test_a_field_without_sql_type_is_an_error() -> None:
    class Odd(Row, frozen=True, kw_only=True):
        thing: complex

    with pytest.raises(TypeError, match="column thing"):
        columns(Odd)


def test_values_come_back_as_they_were_and_a_row_can_go(database_url: str) -> None:
    with world(database_url, EVERYTHING) as here:
        company = new_tenant()
        job_id, viewer, other = new_id(company), new_id(company), new_id(company)
        here.append(new_id(company), JobViewed(job_id=job_id, viewer_id=viewer))
        here.project()
        here.append(new_id(company), JobViewed(job_id=job_id, viewer_id=viewer))
        here.append(new_id(company), JobViewed(job_id=job_id, viewer_id=other))
        here.project()
        assert here.rows(EVERYTHING) == here.expected(EVERYTHING)
        assert len(here.rows(EVERYTHING)) == 2
        for _ in range(2):
            here.append(new_id(company), JobViewed(job_id=job_id, viewer_id=viewer))
            here.project()
        assert list(here.rows(EVERYTHING)) == [(company, job_id, str(other))]


def test_handled_events_are_named_as_the_log_spells_them() -> None:
    assert handled_types(EVERYTHING) == ["JobViewed"]


def test_what_a_killed_rebuild_left_of_a_new_read_model_is_no_hindrance(database_url: str) -> None:
    (model, *_) = MENU
    with psycopg.connect(database_url) as connection:
        connection.execute(create_table(model, 1))
    assert model.name in ensure_read_models(database_url, MENU)
    assert ensure_read_models(database_url, MENU) == []


def test_setting_up_twice_creates_once(database_url: str) -> None:
    ensure_read_models(database_url, MENU)
    assert ensure_read_models(database_url, MENU) == []
    with psycopg.connect(database_url) as connection:
        views = connection.execute(
            "select viewname from pg_views where schemaname = 'public' and viewname like 'rm%'"
        ).fetchall()
    assert {name for (name,) in views} == {f"rm_{model.name}" for model in MENU}
