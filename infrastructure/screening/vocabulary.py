"""The skills that an operator imported, and the vocabulary in force: the built-in one with these."""

import asyncio
import contextlib
import re
from collections.abc import Iterable
from typing import Any, Final, LiteralString, Self

import msgspec
import psycopg
import structlog
from psycopg import AsyncConnection, Connection

from domain.skills import BUILT_IN, Skill, Vocabulary, normalized
from infrastructure.database.tenant_walls import Database
from infrastructure.processes.background import Background

_RELOAD_SECONDS: Final = 5.0
_PLAIN_WORD: Final = re.compile(r"[^\W\d_]+")
_INNER_CAPITAL: Final = re.compile(r"[^\W\d_A-Z][A-Z]")

_log = structlog.get_logger(__name__)


class CurrentVocabulary(Background):
    """The vocabulary in force in this process; use it as a context manager. It looks for an import every few seconds."""

    def __init__(self, database: Database, reload_seconds: float = _RELOAD_SECONDS) -> None:
        self._database = database
        self._reload_seconds = reload_seconds
        self._vocabulary = BUILT_IN
        self._generation = 0

    def current(self) -> Vocabulary:
        """The built-in vocabulary with what was imported; no query, and the same object until there is another."""
        return self._vocabulary

    async def __aenter__(self) -> Self:
        with contextlib.suppress(psycopg.Error):
            await self.reload()
        return await super().__aenter__()

    async def reload(self) -> None:
        """Take over an import that is newer than what this process has."""
        async with self._database.identity() as connection:
            cursor = await connection.execute("select generation from skill_import")
            row = await cursor.fetchone()
            if row is None or row[0] == self._generation:
                return
            skills = await imported(connection)
        self._vocabulary = await asyncio.to_thread(BUILT_IN.extended, skills) if skills else BUILT_IN
        self._generation = row[0]
        _log.info("skills", imported=len(skills), generation=self._generation)

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._reload_seconds)
            with contextlib.suppress(psycopg.Error):
                await self.reload()


_IMPORTED: Final[LiteralString] = "select name, aliases from skill order by name"


async def imported(connection: AsyncConnection[Any]) -> list[Skill]:
    """What was imported, by name."""
    cursor = await connection.execute(_IMPORTED)
    return [as_skill(name, aliases) for name, aliases in await cursor.fetchall()]


def imported_names(connection: Connection[Any]) -> list[tuple[str, list[str]]]:
    """What was imported as it was written: names with their aliases."""
    return connection.execute(_IMPORTED).fetchall()


def as_skill(name: str, aliases: Iterable[str]) -> Skill:
    """A skill whose one-word spellings count as ordinary words, unless they are written as no word is (`GitHub`)."""
    spellings = (name, *aliases)
    words = frozenset(
        spelling
        for spelling in spellings
        if _PLAIN_WORD.fullmatch(spelling) and not _INNER_CAPITAL.search(spelling)
    )
    return Skill(spellings[0], spellings[1:], words)


class Imported(msgspec.Struct, frozen=True):
    """What an import changed, and how many skills are imported now."""

    added: int
    changed: int
    unchanged: int
    total: int


def import_skills(connection: Connection[Any], skills: dict[str, tuple[str, ...]]) -> Imported:
    """Add skills, or replace those of the same name (in any case), in one transaction."""
    with connection.transaction():
        connection.execute("select generation from skill_import for update")
        known = {
            normalized(name): (name, tuple(aliases))
            for name, aliases in connection.execute("select name, aliases from skill").fetchall()
        }
        added = {name: aliases for name, aliases in skills.items() if normalized(name) not in known}
        changed = {
            name: aliases
            for name, aliases in skills.items()
            if normalized(name) in known and known[normalized(name)] != (name, aliases)
        }
        with connection.cursor() as cursor:
            cursor.execute(
                "delete from skill where name = any(%s)", ([known[normalized(name)][0] for name in changed],)
            )
            with cursor.copy("copy skill (name, aliases) from stdin") as copy:
                for name, aliases in (added | changed).items():
                    copy.write_row((name, list(aliases)))
        if added or changed:
            connection.execute("update skill_import set generation = generation + 1")
    return Imported(
        added=len(added),
        changed=len(changed),
        unchanged=len(skills) - len(added) - len(changed),
        total=len(known) + len(added),
    )


def clear_skills(connection: Connection[Any]) -> int:
    """Forget what was imported; answers how many skills that were."""
    with connection.transaction():
        connection.execute("update skill_import set generation = generation + 1")
        return connection.execute("delete from skill").rowcount
