"""What `GET /metrics` says of what has happened so far: a page may be a second old."""

import asyncio
from typing import Final, TypeAlias

from prometheus_client.parser import text_string_to_metric_families

from tests.api.people import System
from tests.patience import PATIENCE

Samples: TypeAlias = dict[tuple[str, str], float]
"""A page: (name, labels as text) -> value."""

_PAGES: Final = ("hirelog_http_requests_total", "GET,/metrics,200")


async def page(system: System) -> str:
    """A page that was written after this was called: it counts a request for the page that an older one does not."""
    before = samples(await _any_page(system)).get(_PAGES)
    async with asyncio.timeout(PATIENCE):
        while samples(written := await _any_page(system)).get(_PAGES) == before:  # noqa: ASYNC110 (the page is new when its second is over)
            await asyncio.sleep(0.02)
    return written


async def scraped(system: System) -> Samples:
    """Every sample of `page`."""
    return samples(await page(system))


def samples(text: str) -> Samples:
    """What a page's text says."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def _any_page(system: System) -> str:
    answer = await system.nobody.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.text
