"""`hirelog skills`: a large vocabulary of an operator's own beside the built-in one."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import rich_click as click

from api.command_line.as_json import AS_JSON, print_json
from api.command_line.servers import database_url
from api.http.fields import Skill
from domain.skills import normalized
from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from psycopg import Connection

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_LONGEST_LINE: Final = 1_000_000
_SHOWN: Final = 20


class Line(msgspec.Struct, frozen=True):
    """One skill of a file; other fields are left alone."""

    name: Skill
    aliases: Annotated[tuple[Skill, ...], msgspec.Meta(max_length=1_000)] = ()


class Read(msgspec.Struct):
    """What a file holds: skills by name, their normalized names, lines that were refused and why, aliases that two claim."""

    skills: dict[str, tuple[str, ...]]
    refused: list[tuple[int, str]]
    claimed_twice: dict[str, str]
    names: set[str]


@click.group()
def skills() -> None:
    """The operator's own skills and aliases, beside the built-in ones: import, list, clear."""


@skills.command("import")
@click.argument("file", type=_FILE)
@AS_JSON
def import_command(*, file: Path, as_json: bool) -> None:
    """Add skills from JSON lines, `{"name": "...", "aliases": ["..."]}`; one of the same name is replaced.

    What a spelling means in the built-in vocabulary it goes on to mean. Every process takes it over within seconds.
    """
    from rich.console import Console

    from infrastructure.screening.vocabulary import import_skills

    found = read_file(file, quiet=as_json)
    with _connection() as connection:
        imported = import_skills(connection, found.skills)
    report: dict[str, Any] = {
        **msgspec.to_builtins(imported),
        "refused": len(found.refused),
        "refused_lines": [{"line": number, "reason": reason} for number, reason in found.refused],
        "claimed_twice": found.claimed_twice,
    }
    if as_json:
        print_json(report)
        return
    out = Console(soft_wrap=True, highlight=False)
    out.print(
        f"{imported.added:,} skills added, {imported.changed:,} changed, {imported.unchanged:,} unchanged: "
        f"{imported.total:,} now"
    )
    if found.claimed_twice:
        out.print(f"{len(found.claimed_twice):,} aliases that two skills claim went to the first of them")
    if found.refused:
        out.print(f"{len(found.refused):,} lines refused")
    for number, reason in found.refused[:_SHOWN]:
        out.print(f"  line {number}: {reason}", markup=False)


@skills.command("list")
@AS_JSON
def list_command(*, as_json: bool) -> None:
    """List what was imported."""
    from infrastructure.screening.vocabulary import imported_names

    with _connection() as connection:
        rows = imported_names(connection)
    for name, aliases in rows:
        if as_json:
            click.echo(msgspec.json.encode({"name": name, "aliases": aliases}))
        else:
            click.echo(f"{name}: {', '.join(aliases)}" if aliases else name)


@skills.command("clear")
@click.confirmation_option(prompt="Forget every skill that was imported?")
def clear_command() -> None:
    """Forget what was imported; the built-in vocabulary stays."""
    from infrastructure.screening.vocabulary import clear_skills

    with _connection() as connection:
        click.echo(f"{clear_skills(connection):,} skills forgotten")


def read_file(path: Path, *, quiet: bool = False) -> Read:
    """Read and judge every line. Raises `OperatorError` when the file cannot be read."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    found = Read({}, [], {}, set())
    owners: dict[str, str] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar, path.open("rb") as file:
            task = bar.add_task(path.name, total=path.stat().st_size)
            for number, line in enumerate(_lines(file), start=1):
                bar.advance(task, len(line))
                if line.strip():
                    _take(line, number, found, owners)
    except OSError as error:
        raise OperatorError(f"cannot read {path}: {error.strerror or error}") from error
    return found


def _lines(file: Any) -> Iterator[bytes]:
    """Its lines; a byte order mark before them is none of the first."""
    first = file.readline(_LONGEST_LINE)
    if first:
        yield first.removeprefix(codecs.BOM_UTF8)
    while line := file.readline(_LONGEST_LINE):
        yield line


def _take(line: bytes, number: int, found: Read, owners: dict[str, str]) -> None:
    try:
        skill = msgspec.json.decode(line, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        found.refused.append((number, str(error)))
        return
    name = " ".join(skill.name.split())
    if normalized(name) in found.names:
        found.refused.append((number, f"{name!r} comes twice"))
        return
    found.names.add(normalized(name))
    aliases: list[str] = []
    owners.setdefault(normalized(name), name)
    for alias in (" ".join(alias.split()) for alias in skill.aliases):
        owner = owners.setdefault(normalized(alias), name)
        if owner == name:
            aliases.append(alias)
        else:
            found.claimed_twice[alias] = owner
    found.skills[name] = tuple(dict.fromkeys(aliases))


def _connection() -> "Connection[Any]":
    import psycopg

    return psycopg.connect(database_url(), autocommit=True)


COMMANDS: Final[list[click.Command]] = [skills]
