from functools import partial
from uuid import UUID

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from domain.decision import Rejected, fold
from domain.membership import (
    MEMBERSHIP,
    AcceptInvitation,
    AddMember,
    ChangeMemberRole,
    FoundCompany,
    LeaveCompany,
    MembershipCommand,
    RemoveMember,
    StaffRole,
)
from tests.domain.builders import (
    ANN,
    BOB,
    CANDIDATE,
    accept,
    add,
    change_role,
    erase,
    found,
    joined,
    leave,
    left,
    remove,
    role_changed,
)
from tests.domain.specification import given
from tests.domain.strategies import structs

given_company = partial(given, MEMBERSHIP)

BELOW_ADMIN: tuple[StaffRole, ...] = ("recruiter", "hiring_manager", "auditor")


def test_who_founds_a_company_is_its_first_admin() -> None:
    given_company().when(found(ANN)).then(joined(ANN, "admin"))
    for founded_before in (joined(ANN, "admin"), joined(BOB, "admin")):
        given_company(founded_before).when(found(ANN)).nothing()


def test_an_account_joins_with_a_role() -> None:
    given_company().when(add(ANN, "admin")).then(joined(ANN, "admin"))
    given_company(joined(ANN, "admin")).when(add(BOB, "recruiter")).then(joined(BOB, "recruiter"))
    assert dict(given_company(joined(ANN, "admin"), joined(BOB, "recruiter")).state.roles) == {
        ANN: "admin",
        BOB: "recruiter",
    }


def test_a_member_joins_once() -> None:
    given_company(joined(ANN, "admin")).when(add(ANN, "admin")).nothing()
    given_company(joined(ANN, "admin")).when(add(ANN, "recruiter")).refused("already_a_member")


def test_a_member_gets_another_role() -> None:
    company = given_company(joined(ANN, "admin"), joined(BOB, "auditor"))

    company.when(change_role(BOB, "recruiter")).then(role_changed(BOB, "auditor", "recruiter"))
    company.when(change_role(BOB, "auditor")).nothing()
    assert dict(given_company(joined(BOB, "auditor"), role_changed(BOB, "auditor", "admin")).state.roles) == {
        BOB: "admin"
    }


def test_only_a_member_gets_another_role() -> None:
    given_company(joined(ANN, "admin")).when(change_role(BOB, "admin")).refused("not_a_member")
    given_company(joined(ANN, "admin"), joined(BOB, "admin"), left(BOB)).when(
        change_role(BOB, "admin")
    ).refused("not_a_member")


def test_a_member_leaves_and_may_join_again() -> None:
    given_company(joined(ANN, "admin"), joined(BOB, "recruiter")).when(remove(BOB)).then(left(BOB))
    given_company(joined(ANN, "admin"), joined(BOB, "recruiter"), left(BOB)).when(add(BOB, "auditor")).then(
        joined(BOB, "auditor")
    )


def test_an_invitation_is_good_as_long_as_its_inviter_is_admin() -> None:
    company = given_company(joined(ANN, "admin"), joined(BOB, "admin"))

    company.when(accept(CANDIDATE, "auditor", BOB)).then(joined(CANDIDATE, "auditor", BOB))
    for ended in (left(BOB), role_changed(BOB, "admin", "recruiter")):
        given_company(joined(ANN, "admin"), joined(BOB, "admin"), ended).when(
            accept(CANDIDATE, "auditor", BOB)
        ).refused("invitation_void")


def test_a_member_accepts_no_other_role() -> None:
    company = given_company(joined(ANN, "admin"), joined(BOB, "recruiter"))

    company.when(accept(BOB, "admin", ANN)).refused("already_a_member")
    company.when(accept(BOB, "recruiter", ANN)).nothing()


def test_leaving_is_removing_oneself() -> None:
    company = given_company(joined(ANN, "admin"), joined(BOB, "recruiter"))

    company.when(leave(BOB)).then(left(BOB))
    company.when(leave(ANN)).refused("last_admin")


def test_removing_who_is_no_member_changes_nothing() -> None:
    given_company(joined(ANN, "admin")).when(remove(BOB)).nothing()


@pytest.mark.parametrize("role", BELOW_ADMIN)
def test_the_last_admin_neither_leaves_nor_loses_the_role(role: StaffRole) -> None:
    company = given_company(joined(ANN, "admin"), joined(BOB, role))

    company.when(remove(ANN)).refused("last_admin")
    company.when(change_role(ANN, role)).refused("last_admin")
    company.when(change_role(ANN, "admin")).nothing()


def test_who_is_erased_leaves_unless_others_would_be_without_an_admin() -> None:
    given_company(joined(ANN, "admin")).when(erase(ANN)).then(left(ANN))
    given_company(joined(ANN, "admin"), joined(BOB, "auditor"), left(BOB)).when(erase(ANN)).then(left(ANN))
    given_company(joined(ANN, "admin"), joined(BOB, "admin")).when(erase(ANN)).then(left(ANN))
    given_company(joined(ANN, "admin"), joined(BOB, "auditor")).when(erase(ANN)).refused("last_admin")
    given_company(joined(ANN, "admin"), joined(BOB, "auditor")).when(erase(BOB)).then(left(BOB))
    given_company(joined(ANN, "admin")).when(erase(BOB)).nothing()


def test_one_of_two_admins_may_leave_or_lose_the_role() -> None:
    company = given_company(joined(ANN, "admin"), joined(BOB, "admin"))

    company.when(remove(ANN)).then(left(ANN))
    company.when(change_role(BOB, "auditor")).then(role_changed(BOB, "admin", "auditor"))


def test_a_member_who_becomes_admin_lets_the_first_one_go() -> None:
    given_company(joined(ANN, "admin"), joined(BOB, "auditor"), role_changed(BOB, "auditor", "admin")).when(
        remove(ANN)
    ).then(left(ANN))


COMMANDS = (
    structs(FoundCompany)
    | structs(AddMember)
    | structs(AcceptInvitation)
    | structs(ChangeMemberRole)
    | structs(RemoveMember)
    | structs(LeaveCompany)
)


@any_of(st.lists(COMMANDS, max_size=20))
def test_a_company_that_had_an_admin_always_has_one(commands: list[MembershipCommand]) -> None:
    membership = MEMBERSHIP.initial
    for command in commands:
        had_an_admin = "admin" in membership.roles.values()
        decision = MEMBERSHIP.decide(command, membership)
        if not isinstance(decision, Rejected):
            membership = fold(MEMBERSHIP, decision, membership)

        assert "admin" in membership.roles.values() or not had_an_admin


def test_as_many_members_as_a_large_company_has_are_folded_soon() -> None:
    """In the square of their number, this would take beyond any test's time."""
    accounts = [UUID(int=number) for number in range(60_000)]
    assert set(given_company(*(joined(account, "recruiter") for account in accounts)).state.roles) == set(
        accounts
    )
