"""How good the search for jobs is on real postings, against plain ILIKE: `JOBS=file.jsonl make bench BENCH=relevance`.

The judgements beside this file say, for each query, which postings (by their id in that file) somebody who types it
wants, and which are still useful; all others count as neither. One person made them in one pass, from the titles and
opening words of the first ten of each method pooled, before the ranking was tuned; six of the queries are mistyped.
"""

import asyncio
import math
import os
import statistics
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import report
from benchmarks.relevance_data import DEPTH, ILIKE, Found, Postings, load
from benchmarks.report import Figure, Report, Target
from benchmarks.servers import servers

_JUDGEMENTS: Final = Path(__file__).with_name("relevance_judgements.json")
_WANTED: Final = 2
_USEFUL: Final = 1
_OURS: Final = "GET /jobs?q="


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was judged of one query: ids of postings."""

    q: str
    wanted: frozenset[str]
    useful: frozenset[str]

    def gain(self, posting: str) -> int:
        """2 for a wanted posting, 1 for a useful one, else 0."""
        return _WANTED if posting in self.wanted else _USEFUL if posting in self.useful else 0


class Quality(msgspec.Struct, frozen=True):
    """How well one list of ten answers one query, each 0..1."""

    ndcg: float
    reciprocal_rank: float
    recall: float


def quality(judgement: Judgement, found: Found) -> Quality:
    """nDCG, the reciprocal rank of the first wanted or useful posting, and how many of those (ten at most) are found."""
    gains = [judgement.gain(posting) for posting in found[:DEPTH]]
    best = ([_WANTED] * len(judgement.wanted) + [_USEFUL] * len(judgement.useful))[:DEPTH]
    first = next((place for place, gain in enumerate(gains, 1) if gain), 0)
    return Quality(
        ndcg=_discounted(gains) / _discounted(best),
        reciprocal_rank=1 / first if first else 0.0,
        recall=sum(gain > 0 for gain in gains) / len(best),
    )


def _discounted(gains: list[int]) -> float:
    return sum(((1 << gain) - 1) / math.log2(place + 1) for place, gain in enumerate(gains, 1))


def measure(quick: bool) -> Report:
    """All judged queries by each method; a quick run takes the same, for it takes seconds."""
    del quick
    path = os.environ.get("JOBS")
    if not path or not Path(path).is_file():
        return Report(
            title="Relevance of the search for jobs",
            notes=[f"skipped: JOBS must name the JSONL file of the judged postings, and {path!r} is no file"],
        )
    judgements = msgspec.json.decode(_JUDGEMENTS.read_bytes(), type=list[Judgement])
    with servers() as running:
        postings = load(running, Path(path))
        found = asyncio.run(_search(postings, judgements))
    return _report(judgements, postings, found)


async def _search(postings: Postings, judgements: list[Judgement]) -> dict[str, list[Quality]]:
    found: dict[str, list[Quality]] = {
        _OURS: [quality(each, await postings.ours(each.q)) for each in judgements]
    }
    for name, statement in ILIKE.items():
        found[name] = [quality(each, await postings.ilike(statement, each.q)) for each in judgements]
    return found


def _report(judgements: list[Judgement], postings: Postings, found: dict[str, list[Quality]]) -> Report:
    known = set(postings.ids.values())
    judged = {posting for each in judgements for posting in each.wanted | each.useful}
    means = {name: _mean(all_of) for name, all_of in found.items()}
    ours = means[_OURS]
    figures: list[Figure] = []
    for name, mean in means.items():
        figures.append(Figure(f"{name}, nDCG@{DEPTH}", mean.ndcg, "", f"mean of {len(judgements)} queries"))
        figures.append(Figure(f"{name}, MRR", mean.reciprocal_rank, ""))
        figures.append(Figure(f"{name}, recall@{DEPTH}", mean.recall, ""))
    return Report(
        title="Relevance of the search for jobs",
        notes=[
            f"{len(known):,} postings, {len(judgements)} judged queries; {len(judged - known)} judged postings are not in the file",
            "ILIKE: every word is a part of title, skills or description",
        ],
        figures=figures,
        targets=[Target(f"nDCG@{DEPTH}: ours / {name}", ours.ndcg / means[name].ndcg, 1.0) for name in ILIKE],
    )


def _mean(all_of: list[Quality]) -> Quality:
    return Quality(
        *(statistics.mean(getattr(one, name) for one in all_of) for name in Quality.__struct_fields__)
    )


if __name__ == "__main__":
    report.run("Relevance of the search for jobs on judged postings.", [measure])
