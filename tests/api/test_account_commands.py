"""`hirelog accounts` and `hirelog keys`, as an operator uses them beside a running API."""

import asyncio
import json
from pathlib import Path

import jwt
import pytest

from infrastructure.operator_error import OperatorError
from tests.api import command_line
from tests.api.people import PASSWORD, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def hirelog(system: System, *words: str, **environment: str) -> str:
    """What a command says. Raises its `OperatorError`."""
    result = await asyncio.to_thread(command_line.hirelog, system.database_url, *words, **environment)
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_accounts_are_found_by_address_name_and_company(system: System) -> None:
    founder = await system.company("Wild [bold]% Bread_")
    await system.company("Wild [bold]x Breadx")
    for words in (founder.email.upper(), "Wild [bold]% Bread_"):
        (found,) = json.loads(await hirelog(system, "accounts", "list", words, "--json"))
        assert (found["account_id"], found["sessions"], found["disabled_at"]) == (founder.id, 1, None)
    assert "Wild [bold]% Bread_" in await hirelog(system, "accounts", "list", founder.email)
    assert json.loads(await hirelog(system, "accounts", "list", "nobody at all", "--json")) == []


async def test_a_name_is_found_in_either_way_to_write_its_letters(system: System) -> None:
    founder = await system.company("Brood van Zo\u00eb")
    (found,) = json.loads(await hirelog(system, "accounts", "list", "van Zoe\u0308", "--json"))
    assert found["account_id"] == founder.id


async def test_an_address_and_an_id_of_the_list_can_be_copied_and_searched_for(system: System) -> None:
    founder = await system.company("A company with a name that leaves little room in a line for all the rest")
    listed = await hirelog(system, "accounts", "list", founder.email, COLUMNS="80")
    assert founder.email in listed
    assert founder.id in listed


async def test_a_disabled_account_is_out_until_it_is_enabled(system: System) -> None:
    cy = await system.candidate()
    login = {"email": cy.email, "password": PASSWORD}
    tokens = done(await system.nobody.post("/auth/login", login))
    said = await hirelog(system, "accounts", "disable", cy.email.upper())
    assert said == f"{cy.email} is disabled, 2 sessions ended\n"
    refused(await system.nobody.post("/auth/login", login), 401, "wrong_credentials")
    refused(await system.nobody.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}), 401)
    await system.services.revocations.refresh()
    refused(await cy.get("/auth/me"), 401)
    assert await hirelog(system, "accounts", "enable", cy.id) == f"{cy.email} is enabled\n"
    again = await system.logged_in(cy.profile)
    reasons = [session["ended_reason"] for session in await again.all("/auth/sessions")]
    assert reasons == [None, "account_disabled", "account_disabled"]


async def test_a_member_is_made_admin_and_the_log_says_by_nobody(system: System) -> None:
    founder = await system.company("Bread & Co.")
    member = await system.member(founder, "auditor")
    for said in ("is now", "was already"):
        answer = await hirelog(system, "accounts", "make-admin", member.email)
        assert answer == f"{member.email} {said} an admin of Bread & Co.\n"
    await system.services.revocations.refresh()
    refused(await member.get("/auth/me"), 401)
    promoted = await system.logged_in(member.profile)
    assert (await promoted.sees("/auth/me"))["role"] == "admin"
    last = (await founder.all("/audit/events"))[-1]
    assert (last["type"], last["actor_id"]) == ("MemberRoleChanged", None)


async def test_what_cannot_be_done_is_one_line(system: System, tmp_path: Path) -> None:
    cy = await system.candidate()
    with pytest.raises(OperatorError, match="belongs to no company"):
        await hirelog(system, "accounts", "make-admin", cy.email)
    for command in ("disable", "enable", "make-admin"):
        with pytest.raises(OperatorError, match="there is no account"):
            await hirelog(system, "accounts", command, "nobody@example.com")
    for command in ("list", "disable"):
        with pytest.raises(OperatorError, match=r"'\\udcff' is not in UTF-8"):
            await hirelog(system, "accounts", command, "\udcff")
    with pytest.raises(OperatorError, match="add a new private key at its end"):
        await hirelog(system, "keys", "rotate", HIRELOG_TOKEN_KEY_FILE=str(tmp_path / "keys.pem"))


async def test_rotated_keys_log_nobody_out(system: System) -> None:
    cy = await system.candidate()
    said = await hirelog(system, "keys", "rotate")
    assert said.endswith("signs in 10 s; nobody is logged out\n")
    await system.services.revocations.refresh()
    tokens = done(await system.nobody.post("/auth/login", {"email": cy.email, "password": PASSWORD}))
    assert (await cy.get("/auth/me")).is_success
    assert jwt.get_unverified_header(tokens["access_token"])["kid"] not in said
