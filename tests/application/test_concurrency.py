"""Several processes on one log, each with a cache that others make stale: nothing is lost, doubled or decided wrongly."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from application.commands import application_id
from application.recorded import Append, Appended
from application.refusals import IdempotencyKeyReused, Refused
from infrastructure.event_store import EventStore
from tests.application.command_client import (
    CommandClient,
    Through,
    advance,
    application_of,
    apply,
    candidate,
    close,
    publish,
    reject,
    rename,
    widen,
)

T = TypeVar("T")


async def at_once(*calls: Awaitable[T]) -> tuple[list[T], list[str]]:
    """Await all together: the answers, and the codes of the refusals. Anything else is a fault."""
    answers: list[T] = []
    codes: list[str] = []
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, Refused):
            codes.append(outcome.rejected.code)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            answers.append(outcome)
    return answers, codes


async def test_a_refusal_by_a_stale_cache_is_decided_again(client: CommandClient) -> None:
    application = await client.applied(await client.open_job())
    await client.issue(advance(application, "screening"))
    await client.beside().issue(advance(application, "interview"))
    moved = await client.issue(advance(application, "offer"))
    assert application_of(moved).state.stage == "offer"


async def test_a_consent_by_a_stale_cache_is_not_written(client: CommandClient) -> None:
    job_id = await client.open_job()
    await client.applied(job_id)
    await client.beside().issue(close(job_id))
    who = candidate()
    with pytest.raises(Refused, match="no applications"):
        await client.issue(apply(job_id, who), who)
    assert await client.types(application_id(job_id, who.account_id)) == []


async def test_nothing_to_do_by_a_stale_cache_is_decided_again(client: CommandClient) -> None:
    job_id = await client.open_job()
    await client.beside().issue(close(job_id))
    with pytest.raises(Refused) as refused:
        await client.issue(publish(job_id))
    assert refused.value.rejected.code == "job_closed"


async def test_one_opening_is_filled_by_one_of_many_hires(client: CommandClient, database_url: str) -> None:
    job_id = await client.open_job(openings=1)
    applications = [await client.at_offer(job_id) for _ in range(12)]
    async with EventStore(database_url) as elsewhere:
        clients = [client, client.beside(), client.beside(elsewhere)]
        hired, refused = await at_once(
            *(
                clients[n % 3].issue(advance(application, "hired"))
                for n, application in enumerate(applications)
            )
        )
    assert len(hired) == 1
    assert Counter(refused) == {"openings_filled": 11}
    stages = [(await client.types(application)).count("StageAdvanced") for application in applications]
    assert sorted(stages) == [3] * 11 + [4]
    assert (await client.types(job_id)).count("OpeningFilled") == 1


async def test_as_many_are_hired_at_once_as_there_are_openings(
    client: CommandClient, database_url: str
) -> None:
    job_id = await client.open_job(openings=30)
    applications = [await client.at_offer(job_id) for _ in range(30)]
    async with EventStore(database_url) as elsewhere:
        clients = [client, client.beside(elsewhere)]
        hired, refused = await at_once(
            *(
                clients[n % 2].issue(advance(application, "hired"))
                for n, application in enumerate(applications)
            )
        )
    assert (len(hired), refused) == (30, [])
    assert (await client.types(job_id)).count("OpeningFilled") == 30


async def test_a_candidate_who_applies_twenty_times_at_once_has_applied_once(
    client: CommandClient, database_url: str
) -> None:
    job_id = await client.open_job()
    who = candidate()
    async with EventStore(database_url) as elsewhere:
        clients = [client, client.beside(elsewhere)]
        taken, refused = await at_once(*(clients[n % 2].issue(apply(job_id, who), who) for n in range(20)))
    assert len(taken) == 1
    assert Counter(refused) == {"already_applied": 19}
    assert await client.types(application_id(job_id, who.account_id)) == [
        "ApplicationSubmitted",
        "ApplicationScreened",
    ]


async def test_many_candidates_apply_at_once_while_the_job_is_edited(client: CommandClient) -> None:
    job_id = await client.open_job()
    other = client.beside()
    applying = [
        (client if n % 2 else other).issue(apply(job_id, who), who)
        for n, who in enumerate(candidate() for _ in range(40))
    ]
    editing = [other.issue(rename(job_id, f"Title {n}")) for n in range(5)]
    taken, refused = await at_once(*applying, *editing)
    assert (len(taken), refused) == (45, [])
    log = await client.log.load(client.company_id, job_id)
    assert [event.version for event in log] == list(range(1, 8))


async def test_commands_on_one_application_take_turns(client: CommandClient) -> None:
    application = await client.applied(await client.open_job())
    other = client.beside()
    done, refused = await at_once(
        client.issue(advance(application, "screening")),
        other.issue(advance(application, "screening")),
        client.issue(reject(application)),
        other.issue(reject(application)),
    )
    assert len(done) + len(refused) == 4
    types = await client.types(application)
    assert types.count("ApplicationRejected") == 1
    assert types.count("StageAdvanced") <= 1
    assert set(refused) <= {"stage_not_allowed"}


class Interrupted(Through):
    """A log on which somebody else acts after this process has read and before it writes."""

    def __init__(self, log: EventStore, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(log)
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    async def append(self, append: Append) -> Appended:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await super().append(append)


async def test_a_job_closed_between_reading_and_writing_takes_no_application(
    client: CommandClient, store: EventStore
) -> None:
    job_id = await client.open_job()
    late = client.beside(Interrupted(store, lambda: client.issue(close(job_id))))
    who = candidate()
    with pytest.raises(Refused) as refused:
        await late.issue(apply(job_id, who), who)
    assert refused.value.rejected.code == "job_not_open"
    assert await client.types(application_id(job_id, who.account_id)) == []


async def test_requirements_revised_between_reading_and_writing_are_those_applied_under(
    client: CommandClient, store: EventStore
) -> None:
    job_id = await client.open_job()
    late = client.beside(Interrupted(store, lambda: client.issue(widen(job_id, 3))))
    application = await late.applied(job_id)
    stored = await store.load(client.company_id, application)
    assert [event.type for event in stored] == ["ApplicationSubmitted", "ApplicationScreened"]
    assert stored[0].position == 4


async def test_the_last_opening_filled_between_reading_and_writing_is_not_filled_twice(
    client: CommandClient, store: EventStore
) -> None:
    job_id = await client.open_job()
    first, second = await client.at_offer(job_id), await client.at_offer(job_id)
    late = client.beside(Interrupted(store, lambda: client.issue(advance(first, "hired"))))
    with pytest.raises(Refused) as refused:
        await late.issue(advance(second, "hired"))
    assert refused.value.rejected.code == "openings_filled"


# Idempotency keys


async def test_a_repeated_key_answers_the_first_outcome(client: CommandClient, store: EventStore) -> None:
    application = await client.applied(await client.open_job())
    first = await client.issue(advance(application, "screening"), key="k")
    await client.issue(advance(application, "interview"))
    for process in (client, client.beside()):
        again = await process.issue(advance(application, "screening"), key="k")
        assert (again.entity, again.position) == (first.entity, first.position)
    assert await store.head(client.company_id) == 6


async def test_a_key_repeated_at_once_is_carried_out_once(client: CommandClient, database_url: str) -> None:
    job_id = await client.open_job()
    who = candidate()
    async with EventStore(database_url) as elsewhere:
        clients = [client, client.beside(elsewhere)]
        calls = [clients[n % 2].issue(apply(job_id, who), who, key="once") for n in range(20)]
        outcomes, refused = await at_once(*calls)
    assert refused == []
    assert {(outcome.entity.version, outcome.position) for outcome in outcomes} == {(2, 4)}
    assert len(await client.types(application_id(job_id, who.account_id))) == 2


async def test_a_hire_repeated_at_once_fills_one_opening(client: CommandClient) -> None:
    job_id = await client.open_job(openings=2)
    application = await client.at_offer(job_id)
    other = client.beside()
    outcomes, refused = await at_once(
        *(process.issue(advance(application, "hired"), key="hire") for process in [client, other] * 5)
    )
    assert refused == []
    assert len({outcome.position for outcome in outcomes}) == 1
    assert (await client.types(job_id)).count("OpeningFilled") == 1


async def test_a_key_that_came_with_another_request_is_refused(client: CommandClient) -> None:
    application = await client.applied(await client.open_job())
    await client.issue(advance(application, "screening"), key="k")
    for process in (client, client.beside()):
        with pytest.raises(IdempotencyKeyReused):
            await process.issue(advance(application, "interview"), key="k")


async def test_the_same_key_of_another_person_is_another_key(client: CommandClient) -> None:
    job_id = await client.open_job()
    ann, bob = candidate(), candidate()
    await client.issue(apply(job_id, ann), ann, key="k")
    await client.issue(apply(job_id, bob), bob, key="k")
    assert len(await client.types(application_id(job_id, bob.account_id))) == 2
