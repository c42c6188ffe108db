"""Whatever admins and members do, at once and with processes that end in the middle: everybody belongs to one company at most,
every company keeps an admin, and what was cut short is made whole by the next login."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from application.actor import Actor
from application.recorded import Append, Appended, LogUnavailable
from domain.identifiers import tenant_id
from infrastructure.event_store import EventStore
from infrastructure.identity import accounts
from infrastructure.identity.accounts import Account, Company
from infrastructure.mail.account_mail import HOURLY
from tests.api.account_mail import code
from tests.api.people import Person, System

pytestmark = pytest.mark.asyncio(loop_scope="session")

PEOPLE: Final = 3
COMPANIES: Final = 2
ROLES: Final = ("recruiter", "auditor", "admin")

Fault: TypeAlias = Literal["none", "before", "after"]
Step: TypeAlias = tuple[str, int, int, int, str, Fault]

number = st.integers(0, PEOPLE - 1)
steps = st.tuples(
    st.sampled_from(["invite", "invite and accept", "accept", "change role", "remove", "leave"]),
    number,
    number,
    st.integers(0, COMPANIES - 1),
    st.sampled_from(ROLES),
    st.sampled_from(["none", "none", "none", "before", "after"]),
)


class Failing:
    """The log of a process that ends just before, or just after, the next append."""

    def __init__(self, log: EventStore) -> None:
        self._log = log
        self.fault: Fault = "none"

    async def append(self, append: Append) -> Appended:
        fault, self.fault = self.fault, "none"
        if fault == "before":
            raise LogUnavailable("the process ends")
        appended = await self._log.append(append)
        if fault == "after":
            raise LogUnavailable("the process ends")
        return appended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


class Town:
    """Some people and companies; person n founded company n, while there are companies."""

    def __init__(self, system: System, log: Failing) -> None:
        self._system = system
        self._log = log
        self.people = [uuid4() for _ in range(PEOPLE)]
        self.companies = [tenant_id(uuid4()) for _ in range(COMPANIES)]
        self.codes: dict[tuple[int, int], str] = {}
        self.invited = Counter[int]()
        """How many invitations somebody was sent: one too many in an hour is not."""
        self.alone = True

    async def settle_down(self) -> None:
        for n, account_id in enumerate(self.people):
            company = None
            if n < COMPANIES:
                company = Company(company_id=self.companies[n], name="x", founder_id=account_id)
            async with self._system.owner() as connection:
                await accounts.register(connection, self._account(n, company), company)
        await self.check_after_logins()

    def _account(self, n: int, company: Company | None) -> Account:
        return Account(
            account_id=self.people[n],
            email=self.email(n),
            name=f"Person {n}",
            password_hash="-",
            company_id=None if company is None else company.company_id,
        )

    def email(self, n: int) -> str:
        return f"{self.people[n].hex}@example.com"

    async def logged_in(self, n: int) -> tuple[Person, Actor]:
        """Somebody with a new token, in the role that they have now."""
        services = self._system.services
        async with services.database.identity() as connection:
            account = await accounts.by_id(connection, self.people[n])
            cursor = await connection.execute("select clock_timestamp()")
            now: list[tuple[datetime]] = await cursor.fetchall()
        assert account is not None
        standing = await services.memberships.standing(account)
        actor = Actor(account.account_id, standing.role, standing.company_id, uuid4())
        return Person(self._system.client, token=services.tokens.issue(actor, now[0][0])), actor

    @property
    def revoked_meanwhile(self) -> set[int]:
        """What somebody may hear whose role another step changes at the same time."""
        return set() if self.alone else {401}

    async def take(self, step: Step) -> None:
        what, who, whom, company, role, fault = step
        person, actor = await self.logged_in(who)
        if what.startswith("invite") and actor.role == "admin":
            if self.invited[whom] == HOURLY:
                return
            answer = await person.post("/company/invitations", {"email": self.email(whom), "role": role})
            if answer.is_success:
                self.invited[whom] += 1
                theirs = self.companies.index(UUID(str(actor.company_id)))
                self.codes[whom, theirs] = await code(self._system, self.email(whom), "invitation")
                if what != "invite":
                    await self._accept(whom, theirs, role, fault, is_new=True)
        elif what == "accept":
            await self._accept(whom, company, role, fault, is_new=False)
        else:
            self._log.fault = fault
            path = f"/company/members/{self.people[who if what == 'leave' else whom]}"
            if what == "change role":
                answer = await person.patch(path, {"role": role})
            else:
                answer = await person.send("DELETE", path)
            assert answer.status_code in {200, 403, 404, 409, 503} | self.revoked_meanwhile, answer.text
        self._log.fault = "none"

    async def _accept(self, who: int, company: int, role: str, fault: Fault, *, is_new: bool) -> None:
        person, actor = await self.logged_in(who)
        self._log.fault = fault
        given = self.codes.get((who, company), "none")
        answer = await person.post("/auth/invitations/accept", {"code": given})
        assert answer.status_code in {201, 400, 409, 503} | self.revoked_meanwhile, answer.text
        if self.alone and is_new and actor.role == "candidate":
            assert answer.status_code == (201 if fault == "none" else 503)
            _, actor = await self.logged_in(who)
            assert (actor.role, actor.company_id) == (role, self.companies[company])

    async def check(self) -> None:
        """What holds at every moment."""
        memberships = self._system.services.memberships
        members = {company: (await memberships.state(company)).roles for company in self.companies}
        for roles in members.values():
            assert "admin" in roles.values()
        async with self._system.owner() as connection:
            for account_id in self.people:
                account = await accounts.by_id(connection, account_id)
                assert account is not None
                belongs = [company for company, roles in members.items() if account_id in roles]
                assert belongs in ([], [account.company_id])

    async def check_after_logins(self) -> None:
        """What holds once everybody has logged in: the account's row says what the log says, and the new token is taken."""
        for n, account_id in enumerate(self.people):
            person, actor = await self.logged_in(n)
            assert (await person.sees("/auth/me"))["role"] == actor.role
            async with self._system.owner() as connection:
                account = await accounts.by_id(connection, account_id)
            assert account is not None
            assert account.company_id == actor.company_id
            if actor.company_id is not None:
                state = await self._system.services.memberships.state(actor.company_id)
                assert state.roles[account_id] == actor.role
        await self.check()


@pytest.fixture
async def log(system: System) -> AsyncIterator[Failing]:
    services = system.services
    failing = Failing(services.store)
    memberships: Any = services.memberships
    commands: Any = services.commands
    memberships._log = commands._log = failing
    yield failing
    memberships._log = commands._log = services.store


CHECKED: Final = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],  # to shrink an example takes longer than a test may
)


@settings(CHECKED, max_examples=15)
@given(taken=st.lists(steps, min_size=8, max_size=16))
async def test_one_after_the_other_whoever_is_cut_short(
    system: System, log: Failing, taken: list[Step]
) -> None:
    town = Town(system, log)
    await town.settle_down()
    for step in taken:
        await town.take(step)
        await town.check()
    await town.check_after_logins()


@settings(CHECKED, max_examples=8)
@given(taken=st.lists(steps, min_size=3, max_size=6), at_once=st.lists(steps, min_size=2, max_size=8))
async def test_at_once(system: System, log: Failing, taken: list[Step], at_once: list[Step]) -> None:
    town = Town(system, log)
    await town.settle_down()
    for step in taken:
        await town.take(step)
    town.alone = False
    await asyncio.gather(*(town.take(step) for step in at_once))
    await town.check_after_logins()
