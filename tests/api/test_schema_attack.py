"""Whatever can be made from the description, and whatever it excludes, is answered as it says. `make fuzz` goes on for long."""

import asyncio
import os
import time
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import Phase
from hypothesis import settings as how
from hypothesis.errors import FlakyStrategyDefinition

from tests.api.people import System
from tests.api.schema_attack import QUIET, AnyCase, Attack, company, wait_for_nothing
from tests.api.serving import served

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECONDS: Final = float(os.environ.get("FUZZ_MINUTES", "0")) * 60
"""How long to go on; 0 is one short round that is the same each time."""


async def test_every_answer_is_as_described(system: System) -> None:
    async with served(system) as url:
        ends = time.monotonic() + SECONDS / 2
        while True:
            found = await company(system)
            attack = Attack(system, url, found.tokens, found.ids)
            wrong = await asyncio.to_thread(attack.run, 40 if SECONDS else 6, derandomize=not SECONDS)
            assert not wrong, "\n\n".join(wrong)
            if time.monotonic() >= ends:
                break
    assert all(answered - {401, 403} for answered in attack.answered.values()), attack.answered


async def test_what_one_answer_says_can_be_used_in_the_next_request(system: System) -> None:
    async with served(system) as url:
        ends = time.monotonic() + SECONDS / 2
        while True:
            found = await company(system)
            for role in ("admin", "candidate"):
                attack = Attack(system, url, found.tokens, found.ids)
                await asyncio.to_thread(_walk, attack, role)
                assert not attack.wrong, "\n\n".join(attack.wrong)
            if time.monotonic() >= ends:
                break


def _walk(attack: Attack, role: str) -> None:
    """Sequences of requests, whose ids come from earlier answers."""
    headers = {"Authorization": f"Bearer {attack.tokens[role]}"}
    schema = attack.schema.exclude(path_regex="logout|sessions/|/auth/password$")

    class Walk(schema.as_state_machine()):  # type: ignore[misc]  # its base is made at run time
        def before_call(self, case: AnyCase) -> None:
            wait_for_nothing(case)

        def get_call_kwargs(self, case: AnyCase) -> dict[str, Any]:  # noqa: ARG002 (overridden)
            return {"headers": headers}

        def validate_response(
            self,
            response: Any,
            case: AnyCase,
            additional_checks: Any = None,  # noqa: ARG002 (overridden)
            **_: Any,
        ) -> None:
            attack.check(case, response, headers)

    chosen = how(
        max_examples=100 if SECONDS else 4,
        stateful_step_count=12,
        derandomize=not SECONDS,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=QUIET,
    )
    # A system that remembers what was done leads the same walk elsewhere, which hypothesis notices.
    with suppress(FlakyStrategyDefinition):
        Walk.run(settings=chosen)
