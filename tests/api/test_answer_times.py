"""The time of an answer does not tell whether an address has an account."""

import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Final
from uuid import uuid4

import pytest

from tests.api.people import PASSWORD, Json, System

pytestmark = pytest.mark.asyncio(loop_scope="session")

EACH: Final = 60
TOLD: Final = 0.25
"""With 60 of each in random order, a difference that is not there goes beyond this once in 400,000 times; a run of bcrypt
more or less, even at the cost of tests, is beyond it nearly always."""


def login(email: str) -> tuple[str, Json]:
    return "/auth/login", {"email": email, "password": "a wrong password"}


def registration(email: str) -> tuple[str, Json]:
    return "/auth/register", {"email": email, "password": PASSWORD, "name": "Cy"}


def founding(email: str) -> tuple[str, Json]:
    path, body = registration(email)
    return path, body | {"company_name": "Acme"}


def reset(email: str) -> tuple[str, Json]:
    return "/auth/password-reset", {"email": email}


async def timed(
    system: System, asking: Callable[[str], tuple[str, Json]], known: str
) -> AsyncIterator[tuple[bool, float]]:
    """Whether the address was known, and the seconds of its answer."""
    kinds = [True, False] * EACH
    random.shuffle(kinds)
    for kind in kinds:
        path, body = asking(known if kind else f"{uuid4().hex}@example.com")
        began = time.perf_counter()
        await system.nobody.post(path, body)
        yield kind, time.perf_counter() - began
        await system.services.password_resets.done()


@pytest.mark.parametrize("asking", [login, registration, founding, reset])
async def test_a_guess_by_time_is_right_half_of_the_time(
    system: System, asking: Callable[[str], tuple[str, Json]]
) -> None:
    cy = await system.candidate()
    found = [pair async for pair in timed(system, asking, cy.email)]
    known = [seconds for kind, seconds in found if kind]
    unknown = [seconds for kind, seconds in found if not kind]
    slower = sum(one > other for one in known for other in unknown) / (len(known) * len(unknown))
    assert abs(slower - 0.5) < TOLD
