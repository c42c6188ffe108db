"""The HTTP commands that are compared: yardsticks, applying, moving an application on, and applying the conventional way."""

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

import uvloop

from benchmarks.load import closed_loop, request
from benchmarks.sample import Sample
from benchmarks.system import wait_until_projected

CONNECTIONS: Final = 32
_WARM_UP_SECONDS: Final = 0.5
_STAGES: Final = ("screening", "interview", "offer")
_APPLICATION: Final = {
    "skills": ["python", "sql"],
    "experience_years": 4,
    "expected_salary": 70000,
    "currency": "EUR",
}


class Commands:
    """Requests of which each is sent once, to one service; every answer must have `status`."""

    def __init__(self, url: str, requests: Iterable[bytes], status: int, database_url: str) -> None:
        self._url = url
        self._requests = iter(requests)
        self._status = status
        self._database_url = database_url

    def __call__(self, seconds: float) -> Sample:
        """Send what was not sent yet for so long, then let the read models catch up: the next case finds an idle system."""
        self._send(_WARM_UP_SECONDS)
        measured = self._send(seconds)
        wait_until_projected(self._database_url)
        return measured

    def _send(self, seconds: float) -> Sample:
        measured = uvloop.run(
            closed_loop(self._url, self._requests, connections=CONNECTIONS, seconds=seconds)
        )
        if measured.seconds < seconds * 0.95:
            raise RuntimeError(f"the requests ran out after {measured.seconds:.1f} s")
        return measured.expect(self._status).sample


def yardsticks(path: str, token: str) -> Iterator[bytes]:
    """A route of `benchmarks.noop`, without end."""
    return itertools.repeat(request("POST", path, token=token, body={"stage": "screening"}))


def applications(tokens: Sequence[str], jobs: Sequence[UUID]) -> list[bytes]:
    """Every candidate applies for every job, in a random order that is always the same."""
    requests = [
        request("POST", f"/jobs/{job}/apply", token=token, body=_APPLICATION)
        for token, job in itertools.product(tokens, jobs)
    ]
    random.Random(1).shuffle(requests)
    return requests


def stage_changes(token: str, application_ids: Sequence[UUID]) -> Iterator[bytes]:
    """Every application one stage on, then every application the next one."""
    for stage, application in itertools.product(_STAGES, application_ids):
        yield request("PATCH", f"/applications/{application}/stage", token=token, body={"stage": stage})
