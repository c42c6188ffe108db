"""The chart: what it shows, that no title can break it, and that its process may die."""

import asyncio
import os
import signal
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET

import msgspec
import pytest
import pytest_asyncio

from api.charts.labels import distinct_labels
from api.charts.renderer import ChartRenderer, ChartUnavailable, KeptFiles
from projections.job_dashboard import JobFigures

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACME = "acme"
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
HOSTILE = [
    "<script>alert(1)</script>",
    "{{datum.x}} ${y} [a].b['c']",
    "quotes \" ' and \\ back",
    "]]> &amp; <!-- -->",
    "line\nbreak\r\n\tand \x00\x1b controls",
    "\u202egnirts desrever",
    "مهندس برمجيات أول",
    "👩‍💻 Dev 🚀",
    "Z" + "\u0301\u0302\u0303\u0304" * 50,
    "x" * 5000,
    "__proto__",
    "",
    "",
]


def figures(title: str, views: int = 40, applications: int = 10, rate: float | None = 25.0) -> JobFigures:
    return JobFigures(
        job_id=UUID(int=1),
        title=title,
        status="open",
        views=views,
        applications=applications,
        hires=0,
        conversion_rate=rate,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def charts() -> AsyncIterator[ChartRenderer]:
    async with ChartRenderer() as renderer:
        yield renderer


def pixels(png: bytes) -> tuple[int, int]:
    """Width and height; the picture's data is checked against them and against every checksum."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds, data = 8, list[bytes](), b""
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + size]
        (checksum,) = struct.unpack(">I", png[at + 8 + size : at + 12 + size])
        assert checksum == zlib.crc32(kind + content)
        kinds.append(kind)
        data += content if kind == b"IDAT" else b""
        at += 12 + size
    assert (kinds[0], kinds[-1]) == (b"IHDR", b"IEND")
    width, height, depth, color = struct.unpack(">IIBB", png[16:26])
    assert (depth, color) == (8, 6)
    assert len(zlib.decompress(data)) == height * (1 + 4 * width)
    return width, height


def marks(svg: ET.Element, kind: str) -> list[dict[str, str]]:
    """The attributes of the shapes that Vega drew for one of the chart's marks."""
    return [
        dict(path.attrib)
        for group in svg.iter()
        if group.get("class", "").startswith(f"mark-{kind} role-mark")
        for path in group.iter("{http://www.w3.org/2000/svg}path")
    ]


def texts(svg: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("jobs", [0, 1, 500])
async def test_a_png_grows_with_the_jobs_to_a_bound(charts: ChartRenderer, jobs: int) -> None:
    width, height = pixels(await charts.render([figures(f"Job {n}") for n in range(jobs)], "png", ACME))
    assert 900 < width < 5000
    assert 400 < height < 1500


async def test_bars_and_line_show_each_job_and_a_job_without_views_leaves_a_gap(
    charts: ChartRenderer,
) -> None:
    jobs = [figures("A"), figures("B", 0, 0, None), figures("C", 80, 4, 5.0), figures("D", 3, 3, 100.0)]
    svg = ET.fromstring(await charts.render(jobs, "svg", ACME))  # noqa: S314 (our own)
    assert [bar["fill"] for bar in marks(svg, "rect")] == [BLUE, ORANGE] * 4
    (line,) = marks(svg, "line")
    assert (line["stroke"], line["d"].count("M")) == (GREEN, 2)
    assert [point["fill"] for point in marks(svg, "symbol")] == [GREEN] * 3
    shown = texts(svg)
    assert {"A", "B", "C", "D", "Views", "Applications", "Conversion rate"} <= set(shown)
    assert {"Job performance", "Views and applications", "Conversion rate (%)"} <= set(shown)


async def test_no_jobs_say_so(charts: ChartRenderer) -> None:
    assert "No jobs yet" in texts(ET.fromstring(await charts.render([], "svg", ACME)))  # noqa: S314


async def test_jobs_beyond_the_bound_are_announced(charts: ChartRenderer) -> None:
    many = await charts.render([figures(f"Job {n}") for n in range(1500)], "json", ACME)
    assert b"the first 60 of 1,500 jobs" in many
    assert many.count(b"Job 5") == 2 * 11


async def test_a_chart_of_the_first_jobs_says_of_how_many(charts: ChartRenderer) -> None:
    jobs = [figures("A"), figures("B")]
    assert b"the first 2 of 44 jobs" in await charts.render(jobs, "svg", ACME, 44)
    assert b"the first" not in await charts.render(jobs, "svg", ACME, 2)
    assert charts.etag(jobs, "svg", 44) != charts.etag(jobs, "svg", 45)


async def test_an_svg_says_what_it_is_to_who_cannot_see_it(charts: ChartRenderer) -> None:
    for jobs in ([], [figures("A")]):
        svg = ET.fromstring(await charts.render(jobs, "svg", ACME))  # noqa: S314
        assert svg.get("role") == "graphics-document"
        assert svg.get("aria-label", "").startswith("Job performance. Views, applications")


async def test_letters_on_the_chart_can_be_told_from_white(charts: ChartRenderer) -> None:
    svg = ET.fromstring(await charts.render([figures("A")], "svg", ACME))  # noqa: S314
    inks = {text.get("fill", "") for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert len(inks) > 2
    assert not [ink for ink in inks if 1.05 / (brightness(ink) + 0.05) < 4.5]


def brightness(color: str) -> float:
    """Relative luminance, as WCAG 2 has it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def test_emoji_do_not_break_words() -> None:
    assert distinct_labels(["🚀 Senior Engineer"], 15, 3) == ["🚀 Senior\nEngineer"]
    assert distinct_labels(["高级软件工程师后端"], 15, 3) == ["高级软件工程师\n后端"]


async def test_the_json_is_vega_lite_with_its_data_and_colours_inside(charts: ChartRenderer) -> None:
    chart: dict[str, Any] = msgspec.json.decode(
        await charts.render([figures("A"), figures("B")], "json", ACME)
    )
    assert chart["$schema"].startswith("https://vega.github.io/schema/vega-lite/v6")
    bars, line = chart["layer"]
    assert bars["transform"] == [{"fold": ["Views", "Applications"], "as": ["Measure", "Count"]}]
    assert bars["encoding"]["color"]["scale"] == {
        "domain": ["Views", "Applications", "Conversion rate"],
        "range": [BLUE, ORANGE, GREEN],
    }
    assert bars["encoding"]["xOffset"]["field"] == "Measure"
    assert line["encoding"]["y"]["field"] == line["encoding"]["color"]["datum"] == "Conversion rate"
    assert chart["resolve"] == {"scale": {"y": "independent"}}
    assert [row["Job"] for row in chart["datasets"][chart["data"]["name"]]] == ["A", "B"]


async def test_no_title_breaks_the_chart(charts: ChartRenderer) -> None:
    jobs = [figures(title) for title in HOSTILE]
    pixels(await charts.render(jobs, "png", ACME))
    file = await charts.render(jobs, "svg", ACME)
    svg = ET.fromstring(file)  # noqa: S314
    assert len(marks(svg, "rect")) == 2 * len(HOSTILE)
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in file
    assert b"<script" not in file
    shown = texts(svg)
    assert {"<script>alert(1)</script>", "{{datum.x}} ${y} [a].b['c']", "__proto__"} <= set(shown)
    assert {"Untitled job", "Untitled job (2)", "line break and controls"} <= set(shown)


async def test_the_same_chart_is_drawn_once(charts: ChartRenderer) -> None:
    jobs = [figures("Only once")]
    before = charts.drawn, charts.shared, charts.kept
    files = await asyncio.gather(*(charts.render(jobs, "json", ACME) for _ in range(5)))
    assert len(set(files)) == 1
    drawn, shared, kept = before
    assert (charts.drawn, charts.shared, charts.kept) == (drawn + 1, shared + 4, kept)
    assert await charts.render(jobs, "json", ACME) == files[0]
    assert (charts.drawn, charts.shared, charts.kept) == (drawn + 1, shared + 4, kept + 1)


async def test_a_caller_who_leaves_takes_the_chart_from_nobody(charts: ChartRenderer) -> None:
    jobs = [figures("Awaited by two")]
    leaving = asyncio.create_task(charts.render(jobs, "json", ACME))
    staying = asyncio.create_task(charts.render(jobs, "json", ACME))
    await asyncio.sleep(0)
    leaving.cancel()
    assert b"Awaited by two" in await staying
    assert leaving.cancelled()


async def test_who_asks_for_many_charts_keeps_them_from_nobody(charts: ChartRenderer) -> None:
    many = [asyncio.create_task(charts.render([figures(f"Many {n}")], "json", "hog")) for n in range(20)]
    await asyncio.sleep(0)
    assert b"Only this" in await charts.render([figures("Only this")], "json", ACME)
    drawn = await asyncio.gather(*many, return_exceptions=True)
    assert [isinstance(one, ChartUnavailable) for one in drawn] == [False] * 3 + [True] * 17
    assert str(drawn[-1]) == "Too many charts are being drawn; try again shortly."


async def test_of_the_kept_files_the_one_least_asked_for_goes_first() -> None:
    files = KeptFiles(limit=10)
    files.keep("a", b"1234")
    files.keep("b", b"1234")
    assert files.get("a") == b"1234"
    files.keep("c", b"1234")
    assert [files.get(key) for key in "abc"] == [b"1234", None, b"1234"]
    assert files.bytes == 8
    files.keep("d", b"more than ten")
    assert files.bytes == 0


async def test_the_etag_follows_what_is_drawn_and_nothing_else(charts: ChartRenderer) -> None:
    etag = charts.etag([figures("A")], "png")
    assert etag.startswith('"')
    assert etag.endswith('"')
    assert etag == charts.etag([msgspec.structs.replace(figures("A"), job_id=UUID(int=2), hires=3)], "png")
    others = [
        charts.etag([figures("A")], "svg"),
        charts.etag([figures("B")], "png"),
        charts.etag([figures("A", 41)], "png"),
        charts.etag([figures("A", 40, 11)], "png"),
        charts.etag([figures("A", rate=None)], "png"),
        charts.etag([figures("A"), figures("A")], "png"),
        charts.etag([], "png"),
    ]
    assert len({etag, *others}) == len(others) + 1


async def test_a_hanging_worker_is_given_up_and_a_killed_one_replaced(charts: ChartRenderer) -> None:
    await charts.render([figures("Before")], "json", ACME)
    hanging = charts.worker_pid
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    patience, charts.timeout_seconds = charts.timeout_seconds, 0.1
    with pytest.raises(ChartUnavailable, match=r"within 0\.1 seconds"):
        await charts.render([figures("Hanging")], "json", ACME)
    charts.timeout_seconds = patience
    assert b"Hanging" in await charts.render([figures("Hanging")], "json", ACME)
    killed = charts.worker_pid
    assert killed not in {None, hanging}
    os.kill(killed or 0, signal.SIGKILL)
    assert b"Killed" in await charts.render([figures("Killed")], "json", ACME)
    assert charts.worker_pid not in {None, hanging, killed}


async def test_a_closed_renderer_answers_at_once(charts: ChartRenderer) -> None:
    closed = ChartRenderer()
    waiting = asyncio.create_task(closed.render([figures("Too late")], "json", ACME))
    await asyncio.sleep(0)
    await closed.close()
    for asked in (waiting, closed.render([figures("Later still")], "json", ACME)):
        with pytest.raises(ChartUnavailable, match="shut down"):
            await asked


async def test_the_api_process_stays_light_and_takes_its_worker_with_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import asyncio, os, signal, sys
            from api.charts.renderer import ChartRenderer

            async def main():
                charts = ChartRenderer()
                await charts.render([], "json", "acme")
                print(*({"altair", "vl_convert"} & sys.modules.keys()), flush=True)
                os.kill(os.getpid(), signal.SIGKILL)

            if __name__ == "__main__":
                asyncio.run(main())
            """
        )
    )
    code, output = await asyncio.to_thread(run, program)
    assert (code, output) == (-signal.SIGKILL, "\n")


def run(program: Path) -> tuple[int, str]:
    """Its exit code and output, which the processes it started inherit, so that it ends only with the last of them."""
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("titles", "lines", "labels"),
    [
        (["Engineer", "Engineer", "Engineer (2)"], 1, ["Engineer", "Engineer (2)", "Engineer (2) (2)"]),
        (["Senior Engineer, Berlin", "Senior Engineer, Munich"], 1, ["Senior…Berlin", "Senior…Munich"]),
        (["Senior Software Engineer"], 1, ["Senior Softwar…"]),
        (["Senior Software Engineer"], 2, ["Senior Software\nEngineer"]),
        (["ソフトウェアエンジニア"], 1, ["ソフトウェア…"]),
        ([" \n "], 1, ["Untitled job"]),
    ],
)
async def test_labels_are_short_and_distinct(titles: list[str], lines: int, labels: list[str]) -> None:
    assert distinct_labels(titles, 15, lines) == labels
