"""Effects: stored once each with the checkpoint, for the right people, whatever happens to the projector or to the read models."""

import hashlib
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.commands import membership_id
from application.effects import Effect
from application.policies import effects as policy
from application.recorded import Recorded
from domain.decision import Event
from domain.job_application import (
    ApplicationRejected,
    ApplicationWithdrawn,
    StageAdvanced,
)
from domain.membership import MemberJoined, MemberLeft, MemberRoleChanged
from infrastructure.database.migrate import migrate
from infrastructure.mail import membership_history
from infrastructure.mail.effects_projector import EFFECTS, EffectsProjector
from infrastructure.read_models.rebuild import rebuild
from infrastructure.read_models.status import retry_parked
from projections.job_dashboard import JOB_DASHBOARD
from tests.domain.builders import created, submitted
from tests.read_models import World, at, new_id, new_tenant, world

STORED = (
    "select position, number, kind, recipient, account_id, application_id, job_id, candidate_id from effect"
)


class EffectsWorld(World):
    """A world with a job, whose applications come and go."""

    def job(self, tenant: UUID, recruiter: UUID) -> UUID:
        job_id = new_id(tenant)
        self.append(job_id, created(created_by=recruiter))
        return job_id

    def application(self, job_id: UUID, candidate: UUID) -> UUID:
        application_id = new_id(job_id)
        self.append(application_id, submitted(job_id, candidate))
        return application_id

    def members(self, tenant: UUID, *events: Event) -> None:
        self.append(membership_id(tenant), *events, tenant=tenant)

    def told(self, position: int) -> list[tuple[Any, ...]]:
        """Who is told of the event at this position, and under which numbers."""
        return self.execute(
            "select number, account_id from effect where position = %s order by number", position
        )

    def effects(self, **settings: Any) -> EffectsProjector:
        return EffectsProjector(self.pool, **settings)

    def head(self, tenant: UUID) -> int:
        ((position,),) = self.execute("select position from log_head where tenant_id = %s", tenant)
        return int(position)

    def stored(self) -> list[tuple[Any, ...]]:
        return self.execute(f"{STORED} order by tenant_id, position, number")


@pytest.fixture
def here(database_url: str) -> Any:
    with world(database_url, JOB_DASHBOARD) as plain:
        yield EffectsWorld(plain.database_url, plain.pool, plain.models)


def test_an_event_has_its_effects_once_for_the_candidate_and_whoever_created_the_job(
    here: EffectsWorld,
) -> None:
    recruiter, candidate = uuid4(), uuid4()
    job_id = here.job(new_tenant(), recruiter)
    application_id = here.application(job_id, candidate)
    here.effects().drain()
    here.append(application_id, StageAdvanced(from_stage="applied", to_stage="screening"))
    about = (application_id, job_id, candidate)
    for _ in range(2):
        here.effects().drain()
        assert here.stored() == [
            (2, 0, "application_received", "candidate", candidate, *about),
            (2, 1, "new_application", "recruiter", recruiter, *about),
            (3, 0, "stage_changed", "candidate", candidate, *about),
        ]


@pytest.mark.parametrize("in_one_page", [True, False])
def test_once_whoever_created_the_job_has_left_the_admins_of_that_moment_are_told(
    here: EffectsWorld, in_one_page: bool
) -> None:
    tenant, creator = new_tenant(), uuid4()
    first, second, third = sorted(uuid4() for _ in range(3))
    projector = here.effects()

    def happens() -> int:
        here.application(job_id, uuid4())
        if not in_one_page:
            projector.drain()
        return here.head(tenant)

    here.members(
        tenant,
        MemberJoined(account_id=third, role="admin"),
        MemberJoined(account_id=creator, role="recruiter"),
    )
    job_id = here.job(tenant, creator)
    before = happens()
    here.members(tenant, MemberLeft(account_id=creator))
    one_admin = happens()
    here.members(
        tenant, MemberJoined(account_id=first, role="admin"), MemberJoined(account_id=second, role="auditor")
    )
    two_admins = happens()
    here.members(tenant, MemberLeft(account_id=third), MemberLeft(account_id=first))
    nobody = happens()
    here.members(tenant, MemberJoined(account_id=creator, role="auditor"))
    back = happens()
    projector.drain()

    told = {position: here.told(position)[1:] for position in (before, one_admin, two_admins, nobody, back)}
    assert told == {
        before: [(1, creator)],
        one_admin: [(1, third)],
        two_admins: [(1, first), (2, third)],
        nobody: [(1, creator)],
        back: [(1, creator)],
    }


def test_members_are_those_of_the_moment_also_in_a_page_that_is_read_a_second_time(
    here: EffectsWorld,
) -> None:
    tenant, creator, admin = new_tenant(), uuid4(), uuid4()
    here.members(tenant, *(MemberJoined(account_id=one, role="admin") for one in (creator, admin)))
    job_id = here.job(tenant, creator)
    here.application(job_id, uuid4())
    before = here.head(tenant)
    here.members(tenant, MemberLeft(account_id=creator))
    here.application(job_id, uuid4())
    after = here.head(tenant)
    refused = [True]

    def refused_once(recorded: Recorded[Any]) -> tuple[Effect, ...]:
        kind = "nul\0" if recorded.position == after and refused else None
        return tuple(
            replace(effect, kind=kind) if kind else effect  # pyright: ignore[reportArgumentType]  # what a bug might do
            for effect in policy(recorded)
        )

    projector = here.effects(policy=refused_once)
    projector.drain()
    assert here.told(before)[1:] == [(1, creator)]
    refused.clear()
    with here.pool.connection() as connection:
        assert retry_parked(connection, EFFECTS.name) == 1
    projector.drain()
    assert [here.told(position)[1:] for position in (before, after)] == [[(1, creator)], [(1, admin)]]


def test_members_are_those_of_the_log_also_after_it_was_restored(here: EffectsWorld) -> None:
    tenant, creator, admin = new_tenant(), uuid4(), uuid4()
    here.members(tenant, *(MemberJoined(account_id=one, role="admin") for one in (creator, admin)))
    job_id = here.job(tenant, creator)
    kept = here.head(tenant)
    projector = here.effects()
    for leaves, told in ((creator, admin), (admin, creator)):
        here.members(tenant, MemberLeft(account_id=leaves))
        here.application(job_id, uuid4())
        projector.drain()
        assert here.told(kept + 2)[1:] == [(1, told)]
        here.execute("delete from event where position > %s", kept)
        here.execute("update log_head set position = %s", kept)
        here.execute("update projection_checkpoint set position = %s", kept)
        here.execute("delete from effect")


def test_members_that_changed_very_often_are_read_page_by_page(
    here: EffectsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership_history, "_AT_ONCE", 2)
    tenant, creator, admin = new_tenant(), uuid4(), uuid4()
    changes = [MemberRoleChanged(account_id=admin, from_role="admin", to_role="admin")] * 6
    here.members(tenant, MemberJoined(account_id=admin, role="admin"), *changes)
    here.application(here.job(tenant, creator), uuid4())
    here.effects().drain()
    assert here.told(here.head(tenant))[1:] == [(1, admin)]


def test_a_membership_that_cannot_be_read_parks_its_company(here: EffectsWorld) -> None:
    tenant = new_tenant()
    here.members(tenant, MemberJoined(account_id=uuid4(), role="admin"))
    job_id = here.job(tenant, uuid4())
    here.execute("update event set data = '{}' where type = 'MemberJoined'")
    here.application(job_id, uuid4())
    here.effects().drain()
    (parked,) = here.status(EFFECTS).parked
    assert (parked.position, here.stored()) == (3, [])


def test_a_rebuild_and_what_was_there_before_the_upgrade_have_no_effects(
    empty_database_url: str,
) -> None:
    migrate(empty_database_url, "0002")
    with world(empty_database_url, JOB_DASHBOARD) as plain:
        here = EffectsWorld(plain.database_url, plain.pool, plain.models)
        job_id = here.job(new_tenant(), uuid4())
        here.application(job_id, uuid4())
        migrate(empty_database_url)
        here.effects().drain()
        assert here.stored() == []
        later = here.application(job_id, uuid4())
        here.effects().drain()
        before = here.stored()
        rebuild(empty_database_url, JOB_DASHBOARD)
        here.effects().drain()
        assert here.stored() == before
        assert {row[5] for row in before} == {later}


def fails_at_a_withdrawal(recorded: Recorded[Any]) -> tuple[Effect, ...]:
    if isinstance(recorded.event, ApplicationWithdrawn):
        raise ZeroDivisionError("nobody knows what follows")
    return policy(recorded)


def test_a_poison_effect_parks_its_tenant_only_and_is_told_when_that_was_put_right(
    here: EffectsWorld,
) -> None:
    ill, sound = (here.job(new_tenant(), uuid4()) for _ in range(2))
    here.append(here.application(ill, uuid4()), ApplicationWithdrawn(from_stage="applied"))
    for job_id in (ill, sound):
        here.application(job_id, uuid4())
    here.effects(policy=fails_at_a_withdrawal).drain()
    (parked,) = here.status(EFFECTS).parked
    assert (parked.position, parked.error) == (3, "ZeroDivisionError: nobody knows what follows")
    assert len(here.stored()) == 2 + 2

    with here.pool.connection() as connection:
        assert retry_parked(connection, EFFECTS.name) == 1
    here.effects().drain()
    assert here.status(EFFECTS).parked == []
    assert len(here.stored()) == 2 + 1 + 2 + 2


@pytest.mark.parametrize("data", [b"{}", b'{"job_id":"x"}'])
def test_an_effect_about_an_application_that_is_none_parks(here: EffectsWorld, data: bytes) -> None:
    job_id = here.job(new_tenant(), uuid4())
    strange = new_id(job_id)
    here.execute(
        """with head as (update log_head set position = 2 where tenant_id = (
               select tenant_id from event where stream_id = %s) returning tenant_id)
           insert into event select tenant_id, 2, %s, 1, 'Other', %s, null, %s, now() from head""",
        job_id,
        strange,
        data,
        uuid4(),
    )
    here.append(strange, StageAdvanced(from_stage="applied", to_stage="screening"))
    here.effects().drain()
    (parked,) = here.status(EFFECTS).parked
    assert (parked.position, "UnknownStream" in parked.error) == (3, True)


def test_rows_that_the_database_refuses_park_the_event_that_made_them(here: EffectsWorld) -> None:
    def nul_kind(recorded: Recorded[Any]) -> tuple[Effect, ...]:
        if isinstance(recorded.event, ApplicationWithdrawn):
            return (
                Effect(kind="nul\0", recipient="candidate", application_id=recorded.stream_id),  # type: ignore[arg-type]  # what a bug might do
            )
        return policy(recorded)

    job_id = here.job(new_tenant(), uuid4())
    for _ in range(5):
        here.application(job_id, uuid4())
    here.append(here.application(job_id, uuid4()), ApplicationWithdrawn(from_stage="applied"))
    here.application(job_id, uuid4())
    here.effects(policy=nul_kind).drain()
    assert [parked.position for parked in here.status(EFFECTS).parked] == [8]
    assert len(here.stored()) == 6 * 2


def test_a_projector_killed_before_its_commit_stores_nothing_twice(here: EffectsWorld) -> None:
    job_id = here.job(new_tenant(), uuid4())
    for _ in range(3):
        here.application(job_id, uuid4())

    def killed(recorded: Recorded[Any]) -> tuple[Effect, ...]:
        if recorded.position == 3:
            here.execute(
                "select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)"
                " where locktype = 'advisory' and datname = current_database()"
            )
        return policy(recorded)

    with pytest.raises(psycopg.OperationalError):
        here.effects(policy=killed).drain()
    assert here.stored() == []
    here.effects().drain()
    assert len(here.stored()) == 3 * 2


HAPPENINGS: dict[str, Event] = {
    "screening": StageAdvanced(from_stage="applied", to_stage="screening"),
    "rejected": ApplicationRejected(from_stage="applied"),
    "withdrawn": ApplicationWithdrawn(from_stage="applied"),
}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    log=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["apply", *HAPPENINGS])), max_size=20),
    page_size=st.integers(1, 6),
    tenants_per_unit=st.integers(1, 3),
    units_between=st.integers(0, 2),
)
def test_however_it_is_cut_it_stores_what_a_plain_loop_over_the_log_tells(
    here: EffectsWorld,
    log: list[tuple[int, str]],
    page_size: int,
    tenants_per_unit: int,
    units_between: int,
) -> None:
    tenants = [new_tenant() for _ in range(3)]
    jobs = [here.job(tenant, uuid4()) for tenant in tenants]
    applications: list[list[UUID]] = [[] for _ in tenants]
    expected: set[tuple[Any, ...]] = set()
    projector = here.effects(page_size=page_size, tenants_per_unit=tenants_per_unit)
    for which, what in log:
        if what == "apply" or not applications[which]:
            applications[which].append(here.application(jobs[which], uuid4()))
            told = ["application_received", "new_application"]
        else:
            here.append(applications[which][-1], HAPPENINGS[what])
            told = [effect.kind for effect in policy(recorded(HAPPENINGS[what]))]
        position = here.head(tenants[which])
        expected |= {(tenants[which], position, number, kind) for number, kind in enumerate(told)}
        for _ in range(units_between):
            projector.unit(tenants)
    projector.drain(tenants)
    stored = here.execute(
        """select effect.tenant_id, position, number, kind, mail_id, extract(epoch from recorded_at)
           from effect join event using (tenant_id, position) where tenant_id = any(%s)""",
        tenants,
    )
    assert {row[:4] for row in stored} == expected
    assert all(row[4] == mail_id(row[0], row[1], row[2], row[5]) for row in stored)


def mail_id(tenant_id: UUID, position: int, number: int, recorded_at: Decimal) -> UUID:
    """Mails that have left carry this id: it may not become another for the same effect."""
    return UUID(bytes=hashlib.sha256(f"{tenant_id}.{position}.{number}.{recorded_at}".encode()).digest()[:16])


def test_a_log_that_was_restored_and_goes_on_otherwise_mails_under_other_ids(here: EffectsWorld) -> None:
    """Receivers drop what comes with an id that they have seen."""
    tenant = new_tenant()
    job_id = here.job(tenant, uuid4())
    mailed = "select position, mail_id from effect order by position, number"
    here.application(job_id, uuid4())
    here.effects().drain()
    before = here.execute(mailed)
    here.execute("delete from event where tenant_id = %s and position > 1", tenant)
    here.execute("update log_head set position = 1 where tenant_id = %s", tenant)
    here.execute("update projection_checkpoint set position = 1 where tenant_id = %s", tenant)
    here.execute("delete from effect")
    here.application(job_id, uuid4())
    here.execute(
        "update event set recorded_at = recorded_at + interval '1 second' where tenant_id = %s", tenant
    )
    here.effects().drain()
    after = here.execute(mailed)
    assert [position for position, _ in before] == [position for position, _ in after] == [2, 2]
    assert not set(before) & set(after)


def recorded(event: Event) -> Recorded[Any]:
    return Recorded(
        tenant_id=uuid4(),
        position=1,
        stream_id=uuid4(),
        version=1,
        event=event,
        actor_id=None,
        command_id=uuid4(),
        recorded_at=at(1),
    )
