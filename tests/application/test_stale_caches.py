"""Whatever a process has in its cache, it answers as one without a cache would."""

from collections.abc import Callable, Sequence
from typing import TypeAlias
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.actor import Actor
from application.commands import application_id
from application.handle import Outcome
from application.refusals import NotFound, Refused, StaleVersion
from domain.decision import Command
from infrastructure.event_store import EventStore
from tests.application.command_client import (
    CommandClient,
    advance,
    apply,
    candidate,
    close,
    publish,
    reinstate,
    reject,
    rename,
    reopen,
    widen,
    withdraw,
)

Make: TypeAlias = Callable[[UUID, Actor], Command]
Step: TypeAlias = tuple[int, int, str, int | None]


def _on_application(make: Callable[[UUID], Command]) -> Make:
    return lambda job_id, who: make(application_id(job_id, who.account_id))


BY_CANDIDATE: dict[str, Make] = {"apply": apply, "withdraw": _on_application(withdraw)}
BY_STAFF: dict[str, Make] = {
    "screen": _on_application(lambda application: advance(application, "screening")),
    "interview": _on_application(lambda application: advance(application, "interview")),
    "offer": _on_application(lambda application: advance(application, "offer")),
    "hire": _on_application(lambda application: advance(application, "hired")),
    "reject": _on_application(reject),
    "reinstate": _on_application(reinstate),
    "close": lambda job_id, _: close(job_id),
    "publish": lambda job_id, _: publish(job_id),
    "reopen": lambda job_id, _: reopen(job_id),
    "rename": lambda job_id, _: rename(job_id, "Renamed"),
    "widen": lambda job_id, _: widen(job_id, 2),
}
STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 1),
        st.sampled_from([*BY_CANDIDATE, *BY_STAFF]),
        st.sampled_from([None, None, None, 1, 2, 3]),
    ),
    min_size=4,
    max_size=25,
)


async def _answers(processes: Sequence[CommandClient], steps: Sequence[Step]) -> list[object]:
    """What each step answered: version, position and whether it changed something, or why not."""
    job_id = await processes[0].open_job()
    candidates = [candidate(), candidate()]
    answers: list[object] = []
    for process, person, name, version in steps:
        who = candidates[person]
        make = BY_CANDIDATE.get(name)
        client = processes[process % len(processes)]
        try:
            if make is not None:
                outcome = await client.issue(make(job_id, who), who)
            else:
                outcome = await client.issue(BY_STAFF[name](job_id, who), version=version)
            answers.append(_said(outcome))
        except Refused as refused:
            answers.append(refused.rejected.code)
        except StaleVersion as stale:
            answers.append(("stale", stale.version))
        except NotFound:
            answers.append("not found")
    return answers


def _said(outcome: Outcome[object]) -> object:
    return outcome.entity.version, outcome.position, outcome.changed


class Forgetful(CommandClient):
    """A process that starts anew before each command."""

    async def issue(
        self,
        command: Command,
        actor: Actor | None = None,
        *,
        version: int | None = None,
        key: str | None = None,
        body: bytes = b"",
    ) -> Outcome[object]:
        return await self.beside().issue(command, actor, version=version, key=key, body=body)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_three_processes_answer_as_one_that_remembers_nothing(
    store: EventStore, steps: list[Step]
) -> None:
    first = CommandClient(store)
    remembering = await _answers([first, first.beside(), first.beside()], steps)
    assert remembering == await _answers([Forgetful(store)], steps)
    log = await store.read(first.company_id, limit=10_000)
    assert [event.position for event in log] == list(range(1, len(log) + 1))
