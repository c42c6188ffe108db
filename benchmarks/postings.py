"""Invented postings in any number, the same in every run: words are as unevenly spread as in real texts (Zipf's law)."""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Final, Generic, TypeVar

from domain.job import Posting, Requirements

_LEVELS: Final = ("", "", "", "Senior", "Junior", "Lead", "Principal", "Staff", "Associate", "Chief")
_FIELDS: Final = """
    software data backend frontend mechanical electrical civil network security cloud platform sales marketing
    product finance payroll tax legal clinical nursing pediatric dental veterinary logistics warehouse fleet
    procurement retail hospitality kitchen pastry hotel events media video audio graphic interaction content
    technical quality safety environmental energy solar wind water rail aviation marine agricultural forestry
    chemical biology research laboratory statistics actuarial insurance credit investment customer community
    education language library museum social youth housing planning survey mining
"""
_ROLES: Final = """
    engineer manager analyst developer specialist technician assistant coordinator consultant nurse designer
    accountant administrator architect supervisor scientist teacher inspector officer operator planner advisor
    representative driver mechanic electrician clerk writer editor buyer auditor therapist surveyor chef baker
    librarian trainer researcher controller welder
"""
_SKILLS: Final = """
    python javascript sql excel java react kubernetes docker typescript aws git linux tableau go rust c++ c# php
    node.js postgresql terraform figma salesforce sap photoshop angular django spark hadoop kafka redis ansible
    jenkins scala kotlin swift ruby matlab autocad solidworks revit wordpress jira powerpoint bookkeeping forklift
    triage phlebotomy welding haccp
"""
_CITIES: Final = tuple(
    f"{city}, {country}"
    for country, cities in (
        ("Germany", "Berlin Hamburg Bremen Dresden Potsdam"),
        ("France", "Lyon Paris Nantes Lille Grenoble"),
        ("Portugal", "Lisbon Porto Braga Coimbra Faro"),
        ("Poland", "Gdansk Krakow Warsaw Lodz Poznan"),
        ("Norway", "Oslo Bergen Trondheim Stavanger Bodo"),
        ("Brazil", "Recife Salvador Curitiba Manaus Belem"),
    )
    for city in cities.split()
)
_EVERYDAY: Final = """
    the and to of a in for with we you our is on your will as are work team experience be that from an at or by
    skills this have who all customers projects support people business development years management new strong
    knowledge quality services systems ability responsible company degree environment good technical other
    training required working process communication join safety including data reports design planning office
"""
_INVENTED_WORDS: Final = 30_000
_WORDS_OF_A_DESCRIPTION: Final = (5.6, 0.5)
_ZIPF: Final = 1.05
_NOTABLE_CHANCE: Final = 0.03

ItemT = TypeVar("ItemT")


class Zipf(Generic[ItemT]):
    """Draws items of which the n-th is drawn `1 / n**exponent` as often as the first."""

    def __init__(self, items: Sequence[ItemT], exponent: float = _ZIPF) -> None:
        self.items = items
        self._weights = list(accumulate(1 / place**exponent for place in range(1, len(items) + 1)))

    def draw(self, random: Random, count: int) -> list[ItemT]:
        """So many items, the same one perhaps more than once."""
        return random.choices(self.items, cum_weights=self._weights, k=count)


def postings(count: int, seed: int = 3) -> Iterator[tuple[Posting, Requirements]]:
    """So many postings; the first ones are the same however many are asked for."""
    random = Random(seed)
    words = Zipf((*_EVERYDAY.split(), *invented_words(_INVENTED_WORDS)))
    fields, roles, skills = Zipf(_FIELDS.split(), 0.7), Zipf(_ROLES.split(), 0.7), Zipf(_SKILLS.split(), 0.8)
    notable = Zipf(f"{_FIELDS}{_ROLES}{_SKILLS}".split(), 0.5)
    for _ in range(count):
        role, field = roles.draw(random, 1)[0], fields.draw(random, 1)[0]
        title = " ".join(filter(None, (random.choice(_LEVELS), field.title(), role.title())))
        text = words.draw(random, min(2_000, int(math.exp(random.gauss(*_WORDS_OF_A_DESCRIPTION)))))
        text[:: int(1 / _NOTABLE_CHANCE)] = notable.draw(random, len(text[:: int(1 / _NOTABLE_CHANCE)]))
        base = 30_000 + random.randrange(90) * 1_000
        yield (
            Posting(
                title=title,
                description=f"{title}. {' '.join(text)}.",
                location=random.choice(_CITIES),
                remote=random.random() < 0.2,
            ),
            Requirements(
                skills=tuple(dict.fromkeys(skills.draw(random, random.randint(1, 8)))),
                min_experience_years=random.randrange(9),
                salary_min=base,
                salary_max=base + random.randrange(30) * 1_000,
                currency="EUR",
            ),
        )


def invented_words(count: int) -> list[str]:
    """So many different words of two to four syllables that no language has."""
    random = Random(count)
    syllables = [
        first + vowel for first in "bdfgklmnprstvwz" for vowel in ("a", "e", "i", "o", "u", "ar", "en")
    ]
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(random.choices(syllables, k=random.choice((2, 3, 3, 4))))] = None
    return list(found)
