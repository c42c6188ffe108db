"""The table of one build of a read model: load rows by key, write them back in bulk."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, Generic, LiteralString, TypeVar
from uuid import UUID

import msgspec
from psycopg import Connection, sql
from psycopg.types.json import Json

from infrastructure.log.pipeline import Call, Statement, int8s, run_sync, statement, texts, uuids
from infrastructure.read_models.read_model import EventT, Key, ReadModel, RowT, columns, table_name

ROWS_PER_STATEMENT: Final = 5_000

ItemT = TypeVar("ItemT")


class RowTable(Generic[RowT, EventT]):
    """Rows travel as one JSON text each way: the row Struct is the only mapping there is."""

    def __init__(self, model: ReadModel[RowT, EventT], build: int) -> None:
        self.name = table_name(model, build)
        row_type: type[RowT] = model.row
        self._rows = msgspec.json.Decoder(list[row_type])  # type: ignore[valid-type]  # a type known when it runs
        self._encode = msgspec.json.Encoder().encode
        self._key: Callable[[RowT], Any] = attrgetter(*model.key)
        self._single = len(model.key) == 1
        types: dict[str, LiteralString] = {column.name: column.sql_type for column in columns(model.row)}
        self._sql_types = list(types.values())
        key_types: list[LiteralString] = [types[name] for name in ("tenant_id", *model.key)]
        self._key_arrays = [_ARRAYS[sql_type] for sql_type in key_types]
        parts = _parts(self.name, list(types), model.key)
        wanted = sql.SQL(", ").join(
            sql.SQL("${}::{}[]").format(sql.Literal(number), sql.SQL(sql_type))
            for number, sql_type in enumerate(key_types, 1)
        )
        self._load = statement(_LOAD.format(wanted=wanted, **parts).as_string(None))
        self._upsert = statement(_UPSERT.format(**parts).as_string(None))
        self._copy = _COPY.format(**parts)
        self._delete = statement(_DELETE.format(wanted=wanted, **parts).as_string(None))

    def key(self, row: RowT) -> Key:
        """The key of a row, without its tenant."""
        return (self._key(row),) if self._single else self._key(row)

    def load(self, connection: Connection[Any], wanted: Sequence[tuple[UUID, Key]]) -> list[RowT]:
        """The rows that exist among those wanted."""
        found: list[RowT] = []
        for answer in run_sync(connection, list(self._by_key(self._load, wanted))):
            text = answer.get_value(0, 0)
            if text is not None:
                found += self._rows.decode(text)
        return found

    def upserts(self, rows: Sequence[RowT]) -> Iterator[Call]:
        """What inserts or overwrites rows."""
        for some in _portions(rows):
            yield self._upsert, (self._encode(some),)

    def deletes(self, keys: Sequence[tuple[UUID, Key]]) -> Iterator[Call]:
        """What deletes the rows that exist among these."""
        return self._by_key(self._delete, keys)

    def copy(self, connection: Connection[Any], rows: Sequence[RowT]) -> None:
        """Insert rows that are known not to exist: twice as fast as to upsert them."""
        if not rows:
            return
        with connection.cursor().copy(self._copy) as copy:
            copy.set_types(self._sql_types)
            for row in rows:
                copy.write_row([_value(value) for value in msgspec.structs.astuple(row)])

    def _by_key(self, asked: Statement, keys: Sequence[tuple[UUID, Key]]) -> Iterator[Call]:
        """A statement about the rows with these keys."""
        for some in _portions(keys):
            columns_of = zip(*((tenant_id, *key) for tenant_id, key in some), strict=True)
            yield asked, [encode(column) for encode, column in zip(self._key_arrays, columns_of, strict=True)]


_ARRAYS: Final[dict[str, Callable[[Iterable[Any]], bytes]]] = {
    "uuid": uuids,
    "bigint": int8s,
    "text": texts,
}

_LOAD: Final = sql.SQL("""
select json_agg(found)::text
from (select {qualified} from {table} as stored
      join unnest({wanted}) as wanted ({key}) using ({key})) as found
""")
_UPSERT: Final = sql.SQL("""
insert into {table} ({columns})
select {columns} from json_populate_recordset(null::{table}, $1::json)
on conflict ({key}) {resolve}
""")
_COPY: Final = sql.SQL("copy {table} ({columns}) from stdin (format binary)")
_DELETE: Final = sql.SQL("""
delete from {table} where ({key}) in (select * from unnest({wanted}))
""")


def _portions(items: Sequence[ItemT]) -> Iterator[Sequence[ItemT]]:
    for start in range(0, len(items), ROWS_PER_STATEMENT):
        yield items[start : start + ROWS_PER_STATEMENT]


def _value(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, (dict, msgspec.Struct)):
        return Json(value, dumps=msgspec.json.encode)
    return value


def _parts(table: str, names: Sequence[str], key: Sequence[str]) -> dict[str, sql.Composable]:
    comma = sql.SQL(", ")
    full_key = ("tenant_id", *key)
    updates = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name not in full_key
    ]
    resolve = sql.SQL("do update set {}").format(comma.join(updates)) if updates else sql.SQL("do nothing")
    return {
        "table": sql.Identifier(table),
        "columns": comma.join([sql.Identifier(name) for name in names]),
        "qualified": comma.join([sql.Identifier("stored", name) for name in names]),
        "key": comma.join([sql.Identifier(name) for name in full_key]),
        "resolve": resolve,
    }
