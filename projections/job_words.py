"""What somebody means by the words of a search for jobs: other spellings of skills, and words that were mistyped."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, LiteralString, TypeAlias

import msgspec
from msgspec import Meta
from psycopg import AsyncConnection
from rapidfuzz.distance import OSA

from domain.skills import Vocabulary, normalized

LONGEST_QUERY: Final = 500
"""Characters of `q` that count; PostgreSQL refuses a word of more than 2,046 bytes."""

_PART: Final = re.compile(r'(-?)("[^"]*"?|\S+)')
_LETTERS: Final = re.compile(r"[^\W\d_]{4,30}")
_SMALL_WORDS: Final = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "the", "to", "with")
)
_WORDS_OF_A_SKILL: Final = 4
_OTHERS: Final = 6
_REPLACEMENTS: Final = 24
_NEAREST: Final = 30
_KEPT: Final = 3

Word: TypeAlias = Annotated[str, Meta(max_length=100, pattern=r"^[^\x00]*$")]
Replacement: TypeAlias = tuple[Word, Word]
Replacements: TypeAlias = Annotated[tuple[Replacement, ...], Meta(max_length=_REPLACEMENTS)]
"""Pairs of what was written and what is looked for as well."""


class Words(msgspec.Struct, frozen=True):
    """A `q` as it is looked for: what was written without small words, and what will do instead of a part of it."""

    text: str
    replacements: Replacements = ()

    def parameters(self, corrected: Replacements) -> dict[str, Any]:
        """What the SQL function `job_query` takes: to find jobs, and to tell those that have the words as they were written."""
        every = (*self.replacements, *corrected)
        return {
            "q": self.text,
            "names": [name for name, _ in every],
            "others": [other for _, other in every],
            "names_as_written": [name for name, _ in self.replacements],
            "others_as_written": [other for _, other in self.replacements],
        }


class Spellings:
    """All the spellings of a vocabulary's skills."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._of: dict[str, list[str]] = {}
        for spelling, name in vocabulary.names.items():
            self._of.setdefault(name, []).append(spelling)

    def of(self, skill: str) -> list[str]:
        """Every spelling of a skill, whichever of them is given; a skill that is unknown is spelt as it is, normalized."""
        name = self.vocabulary.canonical(skill)
        return list(dict.fromkeys((name, normalized(skill), *self._of.get(name, ()))))

    def others(self, spelling: str) -> list[str]:
        """Some other spellings of a known skill, its name first; none that has the words of `spelling` in it anyway."""
        if spelling not in self.vocabulary.names:
            return []
        words = set(spelling.split())
        return [other for other in self.of(spelling) if not words <= set(other.split())][:_OTHERS]


class SpellingsOf:
    """The spellings of the vocabulary that was asked for last, made once."""

    def __init__(self) -> None:
        self._last: Spellings | None = None

    def __call__(self, vocabulary: Vocabulary) -> Spellings:
        if self._last is None or self._last.vocabulary is not vocabulary:
            self._last = Spellings(vocabulary)
        return self._last


def skill_keys(skills: tuple[str, ...]) -> tuple[str, ...]:
    """The spellings under which a job's skills are found."""
    names = [normalized(skill) for skill in skills]
    return tuple(
        dict.fromkeys((*names, *(re.sub(r"[-_./]+", " ", skill).strip() or skill for skill in names)))
    )


def words(q: str, spellings: Spellings) -> Words:
    """What `q` asks for, in the words of a search engine: all of its words, "in this order", -not this, this or that."""
    parts = list(_parts(q))
    telling = [part for part in parts if part.lower() not in _SMALL_WORDS] or parts
    plain = [normalized(part) if _is_plain(part) else "" for part in telling]
    found: dict[Replacement, None] = {}
    for start in range(len(plain)):
        for end in range(start + 1, min(start + _WORDS_OF_A_SKILL, len(plain)) + 1):
            if all(plain[start:end]):
                spelling = " ".join(plain[start:end])
                found.update(dict.fromkeys((spelling, other) for other in spellings.others(spelling)))
    return Words(" ".join(telling), tuple(found)[:_REPLACEMENTS])


def _parts(q: str) -> Iterator[str]:
    for found in _PART.finditer(q[:LONGEST_QUERY]):
        yield found.group()


def _is_plain(part: str) -> bool:
    return not part.startswith(("-", '"')) and part.lower() != "or"


_NEAR: Final[LiteralString] = """
select written, array(select word from search_word order by word <-> written limit %(nearest)s)
from unnest(%(written)s::text[]) as written
"""


async def corrections(connection: AsyncConnection[Any], q: str) -> Replacements:
    """Words of open jobs' titles and skills that differ from those of `q` by a slip or two.

    A slip is a letter too much, too little, wrong, or changed places with its neighbour; words of four or five letters
    have one, longer ones two.
    """
    written = [part.lower() for part in _parts(q) if _is_plain(part) and _LETTERS.fullmatch(part)]
    if not written:
        return ()
    asked = await connection.execute(_NEAR, {"written": list(dict.fromkeys(written)), "nearest": _NEAREST})
    found: list[Replacement] = []
    for word, near in await asked.fetchall():
        slips = 1 if len(word) < 6 else 2
        distances = {other: OSA.distance(word, other, score_cutoff=slips) for other in near if other != word}
        best = min(distances.values(), default=slips + 1)
        if best <= slips:
            found += [(word, other) for other, distance in distances.items() if distance == best][:_KEPT]
    return tuple(found)[:_REPLACEMENTS]
