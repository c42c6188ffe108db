"""One measured stretch of work, and how stretches of interleaved rounds are compared."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

import msgspec


class Sample(msgspec.Struct, frozen=True):
    """How many operations a second, and the latencies of single ones in milliseconds."""

    per_second: float
    median_ms: float
    p99_ms: float


def sample(latencies: Sequence[float], seconds: float) -> Sample:
    """A sample from the latencies (seconds) of all the operations that ended within `seconds`."""
    if not latencies:
        raise ValueError("nothing was measured")
    ordered = sorted(latencies)
    return Sample(
        per_second=len(ordered) / seconds,
        median_ms=percentile(ordered, 50) * 1e3,
        p99_ms=percentile(ordered, 99) * 1e3,
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the sorted values do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


Rounds = dict[str, list[Sample]]


def interleaved(cases: Mapping[str, Callable[[float], Sample]], rounds: int, seconds: float) -> Rounds:
    """Run every case for `seconds`, `rounds` times over: a machine that drifts then drifts for all of them."""
    found: Rounds = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            found[name].append(case(seconds))
    return found


def middle(samples: Sequence[Sample]) -> Sample:
    """The median of each figure over the rounds."""
    return Sample(
        per_second=statistics.median(one.per_second for one in samples),
        median_ms=statistics.median(one.median_ms for one in samples),
        p99_ms=statistics.median(one.p99_ms for one in samples),
    )


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of ours / theirs, each pair taken in the same round."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
