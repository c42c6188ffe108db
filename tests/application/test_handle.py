"""Carrying out a command: who may, on which version, and what the log holds afterwards."""

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from msgspec.structs import replace

from application.actor import OPERATOR, Role
from application.commands import COMMANDS
from application.entity import STREAM_PAGE, encode, rehydrate
from application.handle import CommandHandler, Metadata
from application.recorded import Append, LogUnavailable, NewEvent, StoredEvent, StreamPart
from application.refusals import Forbidden, NotFound, Refused, StaleVersion
from application.work import EntityCache
from domain.identifiers import random_id
from domain.job import JOB, Posting, PostingEdited
from domain.job_application import JOB_APPLICATION
from domain.membership import AddMember, ChangeMemberRole, FoundCompany, LeaveCompany, RemoveMember
from infrastructure.event_store import EventStore
from tests.application.command_client import (
    CommandClient,
    Through,
    advance,
    application_of,
    apply,
    candidate,
    close,
    job_of,
    publish,
    rename,
    reopen,
    withdraw,
)


async def test_an_outcome_says_the_new_state_its_version_and_its_position(client: CommandClient) -> None:
    job_id = await client.open_job()
    closed = await client.issue(close(job_id))
    assert job_of(closed).state.status == "closed"
    assert (closed.entity.version, closed.position, closed.changed) == (3, 3, True)
    assert await client.types(job_id) == ["JobCreated", "JobPublished", "JobClosed"]


async def test_what_changes_nothing_writes_nothing(client: CommandClient, store: EventStore) -> None:
    job_id = await client.open_job()
    again = await client.issue(publish(job_id))
    assert (again.entity.version, again.position, again.changed) == (2, 2, False)
    assert await store.head(client.company_id) == 2


async def test_a_hire_fills_an_opening_in_the_same_append(client: CommandClient, store: EventStore) -> None:
    job_id = await client.open_job()
    application = await client.at_offer(job_id)
    hired = await client.issue(advance(application, "hired"))
    last = (await store.read(client.company_id))[-2:]
    assert [event.type for event in last] == ["StageAdvanced", "OpeningFilled"]
    assert len({event.command_id for event in last}) == 1
    assert hired.position == last[-1].position
    assert application_of(hired).state.stage == "hired"


@pytest.mark.parametrize("role", ["candidate", "auditor"])
async def test_a_role_that_may_not_is_refused_before_anything_is_read(role: Role, store: EventStore) -> None:
    client = CommandClient(store)
    job_id = await client.open_job()
    actor = candidate() if role == "candidate" else client.staff(role)
    with pytest.raises(Forbidden):
        await client.issue(close(job_id), actor)


async def test_staff_of_another_company_find_nothing(client: CommandClient, store: EventStore) -> None:
    job_id = await client.open_job()
    for role in ("recruiter", "hiring_manager", "admin"):
        with pytest.raises(NotFound):
            await client.issue(close(job_id), CommandClient(store).staff(role))
    assert await client.types(job_id) == ["JobCreated", "JobPublished"]


async def test_a_hiring_manager_changes_only_jobs_of_their_own(client: CommandClient) -> None:
    manager = client.staff("hiring_manager")
    own = await client.open_job(by=manager)
    other = await client.open_job()
    await client.issue(close(own), manager)
    for command in (close(other), rename(other, "Mine now"), reopen(other)):
        with pytest.raises(Forbidden):
            await client.issue(command, manager)


async def test_a_candidate_withdraws_their_own_application_only(client: CommandClient) -> None:
    ann, bob = candidate(), candidate()
    job_id = await client.open_job()
    application = await client.applied(job_id, ann)
    with pytest.raises(NotFound):
        await client.issue(withdraw(application), bob)
    assert application_of(await client.issue(withdraw(application), ann)).state.stage == "withdrawn"


async def test_a_draft_cannot_be_applied_for_and_is_not_told_from_nothing(client: CommandClient) -> None:
    who = candidate()
    with pytest.raises(NotFound):
        await client.issue(apply(random_id(client.company_id, uuid4()), who), who)


async def test_an_unknown_job_is_refused_as_not_found_whatever_version_is_expected(
    client: CommandClient,
) -> None:
    unknown = random_id(client.company_id, uuid4())
    for version in (None, 0, 3):
        with pytest.raises(Refused) as refused:
            await client.issue(close(unknown), version=version)
        assert refused.value.rejected.code == "job_not_found"


async def test_an_expected_version_must_be_the_current_one(client: CommandClient) -> None:
    job_id = await client.open_job()
    with pytest.raises(StaleVersion) as stale:
        await client.issue(close(job_id), version=1)
    assert stale.value.version == 2
    assert (await client.issue(close(job_id), version=2)).entity.version == 3


async def test_an_expected_version_is_judged_by_the_log_not_by_the_cache(client: CommandClient) -> None:
    job_id = await client.open_job()
    await client.beside().issue(rename(job_id, "Renamed elsewhere"))
    with pytest.raises(StaleVersion) as stale:
        await client.issue(close(job_id), version=2)
    assert stale.value.version == 3
    other = client.beside()
    await other.issue(rename(job_id, "And again"))
    assert (await client.issue(close(job_id), version=4)).entity.version == 5


async def test_an_entity_is_remembered_from_its_second_command_on(store: EventStore) -> None:
    cache = EntityCache()
    client = CommandClient(store, cache=cache)
    job_id = await client.draft()
    assert cache.get(job_id) is None
    published = await client.issue(publish(job_id))
    assert cache.get(job_id) is published.entity


class Watched(Through):
    """A log that counts the events that were loaded of it."""

    loaded = 0

    async def load(
        self, tenant_id: UUID, stream_id: UUID, *, after_version: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        stream = await super().load(tenant_id, stream_id, after_version=after_version, limit=limit)
        self.loaded += len(stream)
        return stream


async def test_of_what_is_remembered_only_the_end_is_read_to_show_it(store: EventStore) -> None:
    log, client = Watched(store), CommandClient(store)
    handler = CommandHandler(log)
    job_id = await client.open_job()
    await client.issue(rename(job_id, "Seen first"))
    read: list[int] = []
    for title in (None, "Seen again", None):
        if title is not None:
            await client.issue(rename(job_id, title))
        shown = await handler.current(JOB, job_id)
        assert shown == rehydrate(JOB, job_id, await store.load(client.company_id, job_id))
        read.append(log.loaded)
    assert read == [3, 3 + 2, 3 + 2 + 1]


async def test_a_clock_that_stepped_back_makes_nothing_be_read_again(
    store: EventStore, database_url: str
) -> None:
    log, client = Watched(store), CommandClient(store)
    job_id = await client.open_job()
    await client.issue(rename(job_id, "Recorded an hour earlier"))
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "update event set recorded_at = recorded_at - interval '1 hour' where stream_id = %s and version = 3",
            [job_id],
        )
    handler = CommandHandler(log)
    first = await handler.current(JOB, job_id)
    assert first.changed_at == (await store.load(client.company_id, job_id))[-1].recorded_at
    assert (await handler.current(JOB, job_id), log.loaded) == (first, 3 + 1)


async def test_a_stream_of_many_pages_is_read_whole(store: EventStore) -> None:
    client = CommandClient(store)
    job_id = await client.open_job()
    titles = [f"Title {number}" for number in range(2 * STREAM_PAGE)]
    events = tuple(encode(PostingEdited(posting=Posting(title=title))) for title in titles)
    await store.append(Append(client.company_id, (StreamPart(job_id, 2, events),), uuid4()))
    await client.beside().issue(rename(job_id, "Last"), key="last")
    whole = rehydrate(JOB, job_id, await store.load(client.company_id, job_id))
    assert whole.version == 2 + 2 * STREAM_PAGE + 1
    assert await CommandHandler(store).current(JOB, job_id) == whole
    again = await client.beside().issue(rename(job_id, "Last"), key="last")
    assert (again.entity, again.position) == (whole, whole.position)


@pytest.mark.parametrize("written_instead", [False, True])
async def test_what_is_remembered_of_a_log_that_was_restored_is_not_shown(
    store: EventStore, database_url: str, written_instead: bool
) -> None:
    handler, client = CommandHandler(store), CommandClient(store)
    job_id = await client.open_job()
    await client.issue(rename(job_id, "Lost"))
    assert (await handler.current(JOB, job_id)).version == 3
    with psycopg.connect(database_url) as connection:
        connection.execute("delete from event where stream_id = %s and version = 3", [job_id])
        connection.execute("update log_head set position = 2 where tenant_id = %s", [client.company_id])
    if written_instead:
        await client.beside().issue(rename(job_id, "Written instead"))
    shown = await handler.current(JOB, job_id)
    assert shown == rehydrate(JOB, job_id, await store.load(client.company_id, job_id))
    assert shown.version == (3 if written_instead else 2)


async def test_nothing_is_decided_on_what_a_failover_has_lost(store: EventStore, database_url: str) -> None:
    client = CommandClient(store)
    jobs = [await client.open_job() for _ in range(2)]
    for job_id in jobs:
        await client.issue(rename(job_id, "Remembered"))
    for job_id in jobs:
        await client.issue(close(job_id))
    async with (
        EventStore(database_url) as elsewhere,
        await psycopg.AsyncConnection.connect(database_url, autocommit=True) as server,
    ):
        await server.execute("delete from event where tenant_id = %s and position > 6", [client.company_id])
        await server.execute("update log_head set position = 6 where tenant_id = %s", [client.company_id])
        await server.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        for job_id in jobs:
            await client.beside(elsewhere).issue(rename(job_id, "Written instead"))
        for job_id in jobs:
            reopened = await client.issue(reopen(job_id))
            assert (reopened.changed, reopened.entity.version) == (False, 4)
            assert (await client.types(job_id))[-2:] == ["PostingEdited", "PostingEdited"]


async def test_an_id_of_another_kind_of_thing_shows_nothing(client: CommandClient, store: EventStore) -> None:
    handler = CommandHandler(store)
    job_id = await client.open_job()
    for _ in range(2):
        with pytest.raises(NotFound):
            await handler.current(JOB_APPLICATION, job_id)
        await handler.current(JOB, job_id)


@pytest.mark.parametrize("remembered", [True, False])
async def test_what_a_newer_version_wrote_meanwhile_is_not_known_yet_and_is_not_missing(
    store: EventStore, remembered: bool
) -> None:
    handler, client = CommandHandler(store), CommandClient(store)
    job_id = await client.open_job()
    if remembered:
        await handler.current(JOB, job_id)
    newer = NewEvent("JobFeatured", b'{"type":"JobFeatured"}')
    await store.append(Append(client.company_id, (StreamPart(job_id, 2, (newer,)),), uuid4()))
    with pytest.raises(LogUnavailable, match="JobFeatured"):
        await handler.current(JOB, job_id)
    with pytest.raises(LogUnavailable, match="JobFeatured"):
        await client.issue(close(job_id))


async def test_the_last_admin_stays(client: CommandClient) -> None:
    admin = client.staff("admin")
    company, account = client.company_id, admin.account_id
    await client.issue(AddMember(company_id=company, account_id=account, role="admin"), OPERATOR)
    for command in (
        RemoveMember(company_id=company, account_id=account),
        ChangeMemberRole(company_id=company, account_id=account, role="auditor"),
    ):
        with pytest.raises(Refused) as refused:
            await client.issue(command, admin)
        assert refused.value.rejected.code == "last_admin"


async def test_an_operator_changes_members_and_the_log_names_nobody(
    client: CommandClient, store: EventStore
) -> None:
    company, account = client.company_id, uuid4()
    founder = candidate()
    await client.issue(FoundCompany(company_id=company, account_id=founder.account_id), founder)
    added = AddMember(company_id=company, account_id=account, role="auditor")
    with pytest.raises(Forbidden):
        await client.issue(added, client.staff("admin"))
    await client.issue(added, OPERATOR)
    await client.issue(ChangeMemberRole(company_id=company, account_id=account, role="admin"), OPERATOR)
    await client.issue(RemoveMember(company_id=company, account_id=founder.account_id), OPERATOR)
    with pytest.raises(Forbidden):
        await client.issue(rename(await client.open_job(), "Baker"), OPERATOR)
    assert [event.actor_id for event in (await store.read(company))[:4]] == [
        founder.account_id,
        None,
        None,
        None,
    ]


async def test_what_must_come_before_an_append_comes_before_it_and_before_nothing_else(
    client: CommandClient, store: EventStore
) -> None:
    job_id, came = await client.open_job(), list[int]()

    async def before_append() -> None:
        came.append(await store.head(client.company_id))

    handler = CommandHandler(store)
    how = Metadata(client.recruiter, uuid4(), before_append=before_append)
    await handler.handle(publish(job_id), how)
    with pytest.raises(Refused):
        await handler.handle(close(random_id(client.company_id, uuid4())), how)
    with pytest.raises(StaleVersion):
        await handler.handle(close(job_id), replace(how, expected_version=1))
    assert came == []
    await handler.handle(close(job_id), how)
    assert came == [2]


async def test_a_full_queue_is_said_so_and_loses_nothing(database_url: str) -> None:
    async with EventStore(database_url) as ample:
        job_id = await (client := CommandClient(ample)).open_job()
    async with EventStore(database_url, queue_limit=1) as narrow:
        crowded = client.beside(narrow)
        candidates = [candidate() for _ in range(30)]
        applying = [crowded.issue(apply(job_id, who), who) for who in candidates]
        outcomes = await asyncio.gather(*applying, return_exceptions=True)
        refused = [outcome for outcome in outcomes if isinstance(outcome, LogUnavailable)]
        taken = len(outcomes) - len(refused)
        assert refused
        assert await narrow.head(client.company_id) == 2 + 2 * taken


def test_every_command_names_who_may_issue_it() -> None:
    for command, spec in COMMANDS.items():
        assert spec.roles, command
        assert "auditor" not in spec.roles or command is LeaveCompany, command
