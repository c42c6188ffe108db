"""What a benchmark found: figures as measured, and ratios against a comparator of the same run beside their targets."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured value; `about` says under which conditions."""

    name: str
    value: float
    unit: str
    about: str = ""


class Target(msgspec.Struct, frozen=True):
    """A claim: `value` compared with `bound`, in `unit` ("x" for a ratio of two figures of this run)."""

    name: str
    value: float
    bound: float
    unit: str = "x"
    at_least: bool = True

    @property
    def met(self) -> bool:
        """Whether the claim held in this run."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound


class Report(msgspec.Struct):
    """One benchmark's outcome; `notes` say what a reader must know to judge the figures."""

    title: str
    figures: list[Figure] = []
    targets: list[Target] = []
    notes: list[str] = []


class Options(msgspec.Struct, frozen=True):
    """`quick` asks for a smoke run: the same path with little data and short rounds, whose figures mean little."""

    quick: bool = False
    json: Path | None = None


def options(description: str) -> Options:
    """The command line every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a smoke run: little data, short rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    given = parser.parse_args()
    return Options(quick=given.quick, json=given.json)


def run(description: str, measures: Sequence[Callable[[bool], Report]]) -> None:
    """Run benchmarks one after the other, print each as it ends, and write the JSON that was asked for."""
    chosen = options(description)
    reports: list[Report] = []
    for measure in measures:
        report = measure(chosen.quick)
        print(text(report), flush=True)
        reports.append(report)
    if chosen.json is not None:
        chosen.json.write_bytes(
            msgspec.json.format(msgspec.json.encode([_plain(report) for report in reports]))
        )


def text(report: Report) -> str:
    """The report as plain tables."""
    blocks = [f"\n{report.title}\n{'=' * len(report.title)}"]
    blocks += [f"- {note}" for note in report.notes]
    if report.figures:
        rows = [(figure.name, _number(figure.value), figure.unit, figure.about) for figure in report.figures]
        blocks.append("\n" + _table(("figure", "value", "unit", ""), rows))
    if report.targets:
        rows = [
            (
                target.name,
                f"{_number(target.value)} {target.unit}",
                f"{'>=' if target.at_least else '<='} {target.bound:g} {target.unit}",
                "met" if target.met else "not met",
            )
            for target in report.targets
        ]
        blocks.append("\n" + _table(("claim", "this run", "target", ""), rows))
    return "\n".join(blocks)


def _plain(report: Report) -> dict[str, object]:
    return {
        "title": report.title,
        "notes": report.notes,
        "figures": report.figures,
        "targets": [{**msgspec.structs.asdict(target), "met": target.met} for target in report.targets],
    }


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column == 1 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
