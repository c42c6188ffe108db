"""Skills: what a spelling means, and which skills a text names."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from re import compile as pattern

import msgspec

from domain.skill_names import SECTIONS

_ATOM = pattern(r"(?<![\w.])\.[^\W\d_]+|[^\W_]+(?:\+\+|\+(?!\w)|#)?")
_WITHIN_A_NAME = pattern(r"[ \t]*+(?:\n[ \t]*+)?|[-./_'\u2019&\u2010\u2011]")
_BEFORE_A_LISTED_NAME = pattern(
    r"(?:^|[\n\t,;|•·▪●◦*()\[\]:>\"\u2013\u2014✓■]|\s[-&+]|\b(?:and|or|und|et|y))[ ]*$"
)
_AFTER_A_LISTED_NAME = pattern(
    r"^[ ]*(?:$|[\n\t,;|•·▪●◦*()\[\]:\"\u2013\u2014■]|[-&+]\s|\.(?:\s|$)|(?:and|or|und|et|y)\b)"
)
_CUE_BEFORE = pattern(
    r"\b(?:in|with|using|of|on|by|via|language|languages|programming|framework|stack|fluent)[ ]+$"
)
_CUE_AFTER = pattern(
    r"^[ ]+(?:developer|engineer|programmer|programming|development|language|framework|backend|services"
    r"|microservices|code|applications|apps)\b"
)
_AS_SPACE = str.maketrans("-_./", "    ")
_SHORT = 4
_MOST_WORDS = 16
_CONTEXT = 16
_NEIGHBOUR = 40
_BESIDE = pattern(r"\s{0,3}[/&+]?\s{0,3}")
_ADDRESS = pattern(
    r"(?:https?://|www\.)\S{1,300}|(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,100}"
    r"|(?<![\w.-])[\w.-]{1,80}(?:\.(?:com|org|edu|gov|dev|me)\b|\.(?:io|net)/)\S{0,300}"
)
_SENTENCE_END = pattern(r"[.!?]\s+[A-Z]")


class Skill(msgspec.Struct, frozen=True):
    """A skill's name with its other spellings; those in `words` are also ordinary words (`go`) or bare letters (`c`)."""

    name: str
    aliases: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()


class _Term(msgspec.Struct, frozen=True):
    name: str
    is_word: bool


class _Match(msgspec.Struct, frozen=True):
    term: _Term
    start: int
    end: int


class Vocabulary(msgspec.Struct, frozen=True):
    """Spellings of skills; build it with `Vocabulary.of` and widen it with `extended`.

    `names`: a normalized spelling -> the skill's name. `terms`: the words of a spelling, with blanks between them -> what they
    mean in a text; spellings of very many words are left out. `longest`: a word -> the most words of any term that begins with it.
    """

    names: Mapping[str, str]
    terms: Mapping[str, _Term]
    longest: Mapping[str, int]

    @staticmethod
    def of(skills: Iterable[Skill]) -> "Vocabulary":
        """The vocabulary of these skills; a spelling that two of them claim belongs to the first."""
        return Vocabulary({}, {}, {}).extended(skills)

    def extended(self, skills: Iterable[Skill]) -> "Vocabulary":
        """This vocabulary and more skills. What a spelling means here already it goes on to mean."""
        added = tuple(skills)
        names, terms, longest = dict(self.names), dict(self.terms), dict(self.longest)
        own_names = [names.setdefault(normalized(skill.name), normalized(skill.name)) for skill in added]
        for skill, name in zip(added, own_names, strict=True):
            for spelling in (skill.name, *skill.aliases):
                names.setdefault(normalized(spelling), name)
        for skill in added:
            for spelling in (skill.name, *skill.aliases):
                meaning = names[normalized(spelling)]
                words = _words(spelling)
                term = _Term(meaning, spelling in skill.words)
                joined = "".join(words)
                for variant in (words, [joined] if len(joined) > _SHORT else words):
                    if variant:
                        names.setdefault(" ".join(variant), meaning)
                    if 0 < len(variant) <= _MOST_WORDS:
                        terms.setdefault(" ".join(variant), term)
                        longest[variant[0]] = max(longest.get(variant[0], 0), len(variant))
        return Vocabulary(names, terms, longest)

    def canonical(self, name: str) -> str:
        """The skill's name for any of its spellings; a spelling that is unknown stays itself, normalized."""
        spelling = normalized(name)
        known = self.names.get(spelling)
        return known or self.names.get(spelling.translate(_AS_SPACE), spelling)

    def find(self, text: str) -> tuple[str, ...]:
        """The names of the skills that a text names, sorted.

        A spelling that is also an ordinary word or a bare letter (`go`, `r`, `spring`) counts where it stands in a list
        beside other skills, or is capitalised where a language or tool is expected (`services in Go`, `Rust developer`).
        """
        normal = _ADDRESS.sub(" . ", unicodedata.normalize("NFKC", text))
        matches = list(self._matches(normal))
        certain = {match for match in matches if not match.term.is_word or _is_expected(normal, match)}
        certain |= _listed(normal, matches, certain)
        return tuple(sorted({match.term.name for match in certain}))

    def _matches(self, text: str) -> Iterator[_Match]:
        """Every spelling in the text, the longest at each place, none overlapping another."""
        atoms = [(atom.group().casefold(), atom.start(), atom.end()) for atom in _ATOM.finditer(text)]
        place = 0
        while place < len(atoms):
            taken = 1
            reach = self._reach(text, atoms, place)
            for length in range(reach, 0, -1):
                term = self.terms.get(" ".join(atom for atom, _, _ in atoms[place : place + length]))
                if term is not None:
                    yield _Match(term, atoms[place][1], atoms[place + length - 1][2])
                    taken = length
                    break
            place += taken

    def _reach(self, text: str, atoms: list[tuple[str, int, int]], place: int) -> int:
        """How many words from this place could be one name: no more than a known one has, and no list mark between."""
        limit = self.longest.get(atoms[place][0], 0)
        reach = min(limit, 1)
        while reach < limit and place + reach < len(atoms):
            gap = text[atoms[place + reach - 1][2] : atoms[place + reach][1]]
            if not _WITHIN_A_NAME.fullmatch(gap):
                break
            reach += 1
        return reach


@lru_cache(maxsize=4_096)
def normalized(name: str) -> str:
    """A spelling without case and without needless space."""
    return " ".join(name.casefold().split())


def _words(spelling: str) -> list[str]:
    return [atom.group().casefold() for atom in _ATOM.finditer(unicodedata.normalize("NFKC", spelling))]


def _is_expected(text: str, match: _Match) -> bool:
    """Whether a capitalised word stands where prose names a tool: after a cue and before a pause, or before a cue."""
    if match.end - match.start == 1 or not text[match.start].isupper():
        return False
    before, after = text[max(0, match.start - _CONTEXT) : match.start], text[match.end : match.end + _CONTEXT]
    if _CUE_AFTER.search(after):
        return True
    return bool(_CUE_BEFORE.search(before) and _AFTER_A_LISTED_NAME.search(after))


def _is_list_item(text: str, matches: list[_Match], place: int) -> bool:
    """Whether a list's marks, or other skills, stand on both sides."""
    match = matches[place]
    before, after = text[max(0, match.start - _CONTEXT) : match.start], text[match.end : match.end + _CONTEXT]
    begins = _BEFORE_A_LISTED_NAME.search(before) or (
        place > 0 and _BESIDE.fullmatch(text[matches[place - 1].end : match.start])
    )
    ends = _AFTER_A_LISTED_NAME.search(after) or (
        place + 1 < len(matches) and _BESIDE.fullmatch(text[match.end : matches[place + 1].start])
    )
    return bool(begins and ends)


def _listed(text: str, matches: list[_Match], certain: set[_Match]) -> set[_Match]:
    """The doubtful matches that are items of a list in which a neighbour is a skill, or two of them side by side."""
    listed: set[_Match] = set()
    items = [match in certain or _is_list_item(text, matches, place) for place, match in enumerate(matches)]
    for order in (range(len(matches)), range(len(matches) - 1, -1, -1)):
        step = order.step
        for place in order:
            match, beside = matches[place], place - step
            if match in certain or match in listed or not items[place] or not 0 <= beside < len(matches):
                continue
            neighbour = matches[beside]
            if not items[beside] or not _are_neighbours(text, match, neighbour):
                continue
            both_are_names = all(_looks_like_a_name(text, each) for each in (match, neighbour))
            if neighbour in certain or neighbour in listed or both_are_names:
                listed.add(match)
    return listed


def _looks_like_a_name(text: str, match: _Match) -> bool:
    return match.end - match.start > 2 and text[match.start].isupper()


def _are_neighbours(text: str, one: _Match, other: _Match) -> bool:
    first, second = sorted((one, other), key=lambda match: match.start)
    gap = text[first.end : second.start]
    return len(gap) <= _NEIGHBOUR and not _SENTENCE_END.search(gap)


def _parse(section: str) -> Iterator[Skill]:
    for entry in section.split(";"):
        name, _, aliases = entry.partition("=")
        spellings = [
            " ".join(spelling.split()) for spelling in (name, *aliases.split(",")) if spelling.strip()
        ]
        plain = [spelling.removesuffix("*") for spelling in spellings]
        words = frozenset(spelling.removesuffix("*") for spelling in spellings if spelling.endswith("*"))
        yield Skill(plain[0], tuple(plain[1:]), words)


BUILT_IN = Vocabulary.of(skill for section in SECTIONS for skill in _parse(section))
