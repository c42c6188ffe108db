"""Titles written in capitals, made readable: `SENIOR IT ANALYST II` is `Senior IT Analyst II`."""

import re

_SMALL = frozenset(
    {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
)
_KEPT = frozenset(
    {
        "II",
        "III",
        "IV",
        "VI",
        "VII",
        "VIII",
        "IX",
        "XI",
        "AI",
        "BIM",
        "CAD",
        "CEO",
        "CFO",
        "CIO",
        "CMS",
        "CRM",
        "CTO",
    }
    | {
        "DBA",
        "DHS",
        "EEO",
        "EHS",
        "EMS",
        "ERP",
        "ETL",
        "EVP",
        "FMS",
        "GIS",
        "HCM",
        "HIV",
        "HR",
        "HRA",
        "HRIS",
        "IAM",
    }
    | {"IT", "LAN", "NYC", "PMO", "QA", "QM", "RFP", "SAP", "SQL", "STEM", "UI", "USA", "UX", "VP", "WAN"}
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


def written_in_capitals(title: str) -> bool:
    """Whether every cased letter is a capital and there is more than one short word of them."""
    return title.isupper() and sum(letter.isalpha() for letter in title) > 4


def retitle(title: str) -> str:
    """`title` with capitals at the start of words only; initials, Roman numerals and codes such as `T32` stay."""
    words = title.split(" ")
    return " ".join(_word(word, first=index == 0) for index, word in enumerate(words))


def _word(word: str, *, first: bool) -> str:
    if any(letter.isdigit() for letter in word):
        return word
    if word.lower() in _SMALL and not first:
        return word.lower()
    return _WORD.sub(lambda match: _part(match.group()), word)


def _part(part: str) -> str:
    return part if part in _KEPT else part[0] + part[1:].lower()
