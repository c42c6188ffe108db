"""What a read model declares: a row whose fields are the columns, which events it folds and how, and its indexes."""

from collections.abc import Callable
from datetime import datetime
from types import NoneType, UnionType
from typing import (
    Any,
    Final,
    Generic,
    Literal,
    LiteralString,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
)
from uuid import UUID

import msgspec
from psycopg import sql

from application.recorded import Recorded
from domain.decision import Event
from infrastructure.database.tenant_walls import ACCOUNT, API_ROLE, TENANTS, WALLED, opaque_to_planner


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a read model. Its tenant is its first column and opens its primary key."""

    tenant_id: UUID


RowT = TypeVar("RowT", bound=Row)
EventT = TypeVar("EventT", bound=Event)
Key: TypeAlias = tuple[UUID | str | int, ...]


class ReadModel(msgspec.Struct, Generic[RowT, EventT], frozen=True, kw_only=True):
    """A pure fold from a tenant's log to rows.

    `keys(recorded)` names the rows that an event touches by the values of `key` (the primary key without the tenant);
    `evolve(row, recorded)` answers each of them anew: None where there is no row (yet, or any more). `handled` is the union
    of the events that it folds; others are not even fetched. `indexes` are SQL with a `{table}` in them, `generated` are
    definitions of further columns that PostgreSQL computes. Whoever changes any of this raises `version`.

    Row-level security shows the API the rows of the companies that it asks for. `person` names a column with an account: the
    rows of the account that the API asks for are shown, too. `public` is a condition on rows that everybody may see. Then the view
    applies it, and not row-level security, which would keep some of its operators away from an index.
    """

    name: LiteralString
    version: int
    row: type[RowT]
    key: tuple[LiteralString, ...]
    handled: object
    keys: Callable[[Recorded[EventT]], tuple[Key, ...]]
    evolve: Callable[[RowT | None, Recorded[EventT]], RowT | None]
    indexes: tuple[LiteralString, ...] = ()
    generated: tuple[LiteralString, ...] = ()
    person: LiteralString | None = None
    public: LiteralString | None = None


AnyReadModel: TypeAlias = ReadModel[Any, Any]

_SQL_TYPES: Final[dict[object, LiteralString]] = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    float: "double precision",
    bool: "boolean",
    datetime: "timestamptz",
    tuple[str, ...]: "text[]",
}

JSON: Final[LiteralString] = "json"
"""Of a field that is a Struct or a dict: kept as it was written, because rows are written and read whole; PostgreSQL need not take it
apart into `jsonb` and put it together again."""


class Column(msgspec.Struct, frozen=True):
    """A column: its SQL type, and whether it may be null."""

    name: str
    sql_type: LiteralString
    nullable: bool


def columns(row: type[Row]) -> tuple[Column, ...]:
    """The columns of a row's table, the tenant first. Raises `TypeError` for a field that has no SQL type."""
    return tuple(_column(field.name, field.type) for field in msgspec.structs.fields(row))


def _column(name: str, annotation: object) -> Column:
    wanted = annotation
    nullable = False
    if get_origin(wanted) in {Union, UnionType}:
        others = [part for part in get_args(wanted) if part is not NoneType]
        nullable = len(others) < len(get_args(wanted))
        wanted = others[0] if len(others) == 1 else wanted
    if get_origin(wanted) is Literal:
        wanted = str
    if wanted in _SQL_TYPES:
        return Column(name, _SQL_TYPES[wanted], nullable)
    if get_origin(wanted) is dict or (
        isinstance(wanted, type) and issubclass(wanted, (msgspec.Struct, dict))
    ):
        return Column(name, JSON, nullable)
    raise TypeError(f"column {name}: no SQL type for {annotation}")


def handled_types(model: AnyReadModel) -> list[str]:
    """The names, as the log spells them, of the events that a read model folds."""
    members: tuple[Any, ...] = get_args(model.handled) or (model.handled,)
    return [member.__name__ for member in members]


def view_name(model: AnyReadModel) -> str:
    """The name by which queries know the live build."""
    return f"rm_{model.name}"


def table_name(model: AnyReadModel, build: int) -> str:
    """The table of one build; `rm_<name>` is the view over the live one."""
    return f"rm_{model.name}__{build}"


def create_table(model: AnyReadModel, build: int) -> sql.Composed:
    """The table of a build with its primary key, without the other indexes (those are quicker after the load)."""
    definitions: list[sql.Composable] = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.sql_type),
            sql.SQL("" if column.nullable else " not null"),
        )
        for column in columns(model.row)
    ]
    definitions += [sql.SQL(definition) for definition in model.generated]
    key = [sql.Identifier(name) for name in ("tenant_id", *model.key)]
    definitions.append(sql.SQL("primary key ({})").format(sql.SQL(", ").join(key)))
    return sql.SQL("create table {} ({})").format(
        sql.Identifier(table_name(model, build)), sql.SQL(", ").join(definitions)
    )


def create_indexes(model: AnyReadModel, build: int) -> list[sql.Composed]:
    """The other indexes of a build."""
    table = sql.Identifier(table_name(model, build))
    return [sql.SQL(index).format(table=table) for index in model.indexes]


def create_view(model: AnyReadModel, build: int) -> list[sql.Composed]:
    """The view by which queries see a build, and the wall between tenants in front of the API's role."""
    names = {
        "view": sql.Identifier(view_name(model)),
        "table": sql.Identifier(table_name(model, build)),
        "role": sql.Identifier(API_ROLE),
    }
    own: LiteralString = f"tenant_id = any({TENANTS})"
    statements: list[LiteralString] = ["alter table {table} enable row level security"]
    if model.public is not None:
        open_or_own: LiteralString = f"{model.public} or {own} or not {WALLED}"
        statements.append(f"create view {{view}} as select * from {{table}} where {open_or_own}")
    else:
        whose: LiteralString = own if model.person is None else f"{own} or {model.person} = {ACCOUNT}"
        policy: LiteralString = (
            f"create policy api_tenant on {{table}} for select to {{role}} using ({opaque_to_planner(whose)})"
        )
        statements.append(policy)
        statements.append("grant select on {table} to {role}")
        statements.append("create view {view} with (security_invoker = true) as select * from {table}")
    statements.append("grant select on {view} to {role}")
    return [sql.SQL(statement).format(**names) for statement in statements]
