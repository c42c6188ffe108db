"""The job performance chart, drawn in a process of its own: Altair and vl-convert are loaded here and nowhere else."""

import math
import multiprocessing
import os
import signal
import threading
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import msgspec

from api.charts.labels import distinct_labels, printable

if TYPE_CHECKING:
    from altair import Chart, LayerChart

ChartFormat: TypeAlias = Literal["png", "svg", "json"]

CHART_VERSION: Final = 2
"""Counted up with every change to the look, so that no cache keeps the old one."""

MOST_JOBS: Final = 60
"""More jobs than this cannot be read side by side: the first ones are drawn and the subtitle says so."""

# Okabe and Ito's shades, which stay apart for colour-blind readers.
_COLORS: Final = {"Views": "#0072B2", "Applications": "#E69F00", "Conversion rate": "#009E73"}
_GREEN_INK: Final = "#007A5A"
"""The line's green is too pale for small letters; this has 4.5:1 on white."""
_INK: Final = "#333333"
_PALE_INK: Final = "#666666"
_FAINT: Final = "#E6E6E6"

_TITLE: Final = "Job performance"
_PIXELS_PER_POINT: Final = 2
_NARROWEST: Final = 480
_HEIGHT: Final = 340
_GRID_LINES: Final = 5
_NICE_STEPS: Final = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


class JobBars(NamedTuple):
    """What the chart shows of one job; `conversion_rate` is in percent, None without views."""

    title: str
    views: int
    applications: int
    conversion_rate: float | None


class Shown(NamedTuple):
    """The jobs of a chart, which are the first `of` so many."""

    jobs: Sequence[JobBars]
    of: int


class DrawingError(Exception):
    """Altair or vl-convert refused the chart; the message is theirs."""


class _Layout(NamedTuple):
    """How the jobs stand side by side: pixels per job, and the room of a label in characters and lines."""

    step: int
    columns: int
    lines: int


def leave_with_parent() -> None:
    """Prepare the process: it ends when the API process does, even a killed one, and leaves Ctrl+C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(0)

        threading.Thread(target=follow, daemon=True).start()


def draw(shown: Shown, form: ChartFormat) -> bytes:
    """The chart's file. Raises `DrawingError`, which unlike the libraries' errors can travel between processes."""
    try:
        return _file(shown, form)
    except Exception as error:  # noqa: BLE001 (whatever foreign code raises)
        raise DrawingError(f"{type(error).__name__}: {error}") from None


def _file(shown: Shown, form: ChartFormat) -> bytes:
    from altair import SCHEMA_VERSION

    specification = chart(shown).to_dict()
    if form == "json":
        return msgspec.json.encode(specification)
    import vl_convert

    grammar = ".".join(SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    svg = vl_convert.vegalite_to_svg(specification, vl_version=grammar, allowed_base_urls=[])
    svg = svg.replace("<svg ", f'<svg role="graphics-document" aria-label="{_TITLE}. {_subtitle(shown)}" ', 1)
    if form == "svg":
        return svg.encode()
    return compressed(vl_convert.svg_to_png(svg, scale=_PIXELS_PER_POINT))


def compressed(png: bytes) -> bytes:
    """The same picture in a third of the bytes: vl-convert compresses in haste. The format: RFC 2083, section 3."""
    signature, chunks, pixels, at = png[:8], list[tuple[bytes, bytes]](), b"", 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size
        if kind == b"IDAT":
            pixels += content
        else:
            chunks.append((kind, content))
    chunks.insert(-1, (b"IDAT", zlib.compress(zlib.decompress(pixels))))
    return signature + b"".join(
        len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
        for kind, content in chunks
    )


def chart(shown: Shown) -> "Chart | LayerChart":
    """Two bars per job, and the conversion rate as a line on an axis of its own; Vega-Lite by Altair."""
    import altair as alt

    jobs = shown.jobs[:MOST_JOBS]
    drawn: Chart | LayerChart = (
        (_bars_and_line(jobs) if jobs else _no_jobs())
        .properties(
            title=alt.TitleParams(
                _TITLE,
                subtitle=_subtitle(shown),
                anchor="start",
                offset=16,
                fontSize=18,
                color=_INK,
                subtitleFontSize=12,
                subtitleColor=_PALE_INK,
            ),
            background="white",
            padding=20,
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_INK,
            labelFontSize=11,
            titleColor=_INK,
            titleFontSize=12,
            titlePadding=12,
            gridColor=_FAINT,
            domainColor="#999999",
            ticks=False,
        )
        .configure_axisY(domain=False, labelPadding=6)
        .configure_legend(
            orient="top",
            title=None,
            labelColor=_INK,
            labelFontSize=12,
            symbolSize=140,
            columnPadding=24,
            offset=14,
        )
    )
    return drawn


def _subtitle(shown: Shown) -> str:
    said = "Views, applications and conversion rate (applications / views) per job"
    first = min(len(shown.jobs), MOST_JOBS)
    return f"{said}; the first {first} of {shown.of:,} jobs" if shown.of > first else said


def _bars_and_line(jobs: Sequence[JobBars]) -> "LayerChart":
    import altair as alt

    layout = _layout(len(jobs))
    width = max(_NARROWEST, layout.step * len(jobs))
    base = alt.Chart(alt.InlineData(values=_rows(jobs, layout))).encode(
        x=alt.X(
            "Job:N",
            sort=None,
            title=None,
            scale=alt.Scale(
                paddingInner=0.25, paddingOuter=min(1, (width / layout.step - len(jobs) + 0.25) / 2)
            ),
            axis=alt.Axis(
                labelExpr="split(datum.value, '\\n')",
                labelAngle=0 if layout.lines > 1 else -40,
                labelAlign="center" if layout.lines > 1 else "right",
                labelLimit=layout.step - 6 if layout.lines > 1 else 240,
                labelLineHeight=14,
                labelOverlap=False,
                labelPadding=8,
            ),
        ),
        tooltip=[
            "Title:N",
            alt.Tooltip("Views:Q", format=",d"),
            alt.Tooltip("Applications:Q", format=",d"),
            alt.Tooltip("Conversion rate:Q", title="Conversion rate (%)"),
        ],
    )

    most = max(max(job.views, job.applications) for job in jobs)
    counts = _ticks(most, whole=True)
    bars = (
        base.transform_fold(["Views", "Applications"], as_=["Measure", "Count"])
        .mark_bar(cornerRadiusTopLeft=2, cornerRadiusTopRight=2)
        .encode(
            y=alt.Y(
                "Count:Q",
                title="Views and applications",
                scale=alt.Scale(domain=[0, counts[-1]], nice=False),
                axis=alt.Axis(values=counts, format=",d"),
            ),
            xOffset=alt.XOffset("Measure:N", sort=None),
            color=alt.Color("Measure:N", scale=alt.Scale(domain=list(_COLORS), range=list(_COLORS.values()))),
        )
    )
    rates = _ticks(max(job.conversion_rate or 0.0 for job in jobs) or 100.0)
    line = base.mark_line(
        strokeWidth=2.5,
        strokeJoin="round",
        point=alt.OverlayMarkDef(filled=True, size=70, stroke="white", strokeWidth=1.5),
    ).encode(
        y=alt.Y(
            "Conversion rate:Q",
            title="Conversion rate (%)",
            scale=alt.Scale(domain=[0, rates[-1]], nice=False),
            axis=alt.Axis(
                values=rates, orient="right", grid=False, titleColor=_GREEN_INK, labelColor=_GREEN_INK
            ),
        ),
        color=alt.datum("Conversion rate"),
    )
    return alt.LayerChart(
        layer=[bars, line],
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(y="independent")),
        width=width,
        height=_HEIGHT,
    )


def _no_jobs() -> "Chart":
    import altair as alt

    return alt.Chart(
        alt.InlineData(values=[{"Text": "No jobs yet"}]),
        mark=alt.MarkDef("text", fontSize=20, color=_PALE_INK),
        encoding=alt.FacetedEncoding(text=alt.Text("Text:N")),
        width=_NARROWEST,
        height=_HEIGHT // 2,
        view=alt.ViewBackground(fill="#F7F7F7"),
    )


def _layout(jobs: int) -> _Layout:
    """Few jobs get labels in lines below them; many stand closer together, with slanted labels."""
    return _Layout(110, 15, 3) if jobs <= 8 else _Layout(max(30, 76 - 2 * jobs), 30, 1)


def _rows(jobs: Sequence[JobBars], layout: _Layout) -> list[dict[str, str | float | None]]:
    labels = distinct_labels([job.title for job in jobs], layout.columns, layout.lines)
    return [
        {
            "Job": label,
            "Title": printable(job.title),
            "Views": job.views,
            "Applications": job.applications,
            "Conversion rate": job.conversion_rate,
        }
        for label, job in zip(labels, jobs, strict=True)
    ]


def _ticks(most: float, *, whole: bool = False) -> list[float]:
    """Evenly spaced round numbers from 0 to `most` or above; as many on both axes, so that they share the grid."""
    step = max(most / _GRID_LINES, 1.0 if whole else 1e-6)
    power = 10.0 ** math.floor(math.log10(step))
    nice = next(n * power for n in _NICE_STEPS if n * power >= step * (1 - 1e-9))
    if whole:
        nice = math.ceil(nice)
    return [round(n * nice, 9) for n in range(_GRID_LINES + 1)]
