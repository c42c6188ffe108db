"""Commands about accounts and keys, for operators: they work on the database, with or without a running API."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import rich_click as click

from api.command_line.as_json import AS_JSON, print_json
from api.command_line.servers import database_url
from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from infrastructure.identity.administration import KnownAccount

ResultT = TypeVar("ResultT")


def _utf_8(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    """What the database can be asked for. Raises `OperatorError`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise OperatorError(f"{text!r} is not in UTF-8") from error
    return text


_ACCOUNT: Final = click.argument("account", metavar="EMAIL|ID", callback=_utf_8)


@click.group()
def accounts() -> None:
    """List accounts, disable and enable them, make one an admin of its company, erase a person."""


@accounts.command("list")
@click.argument("words", default="", callback=_utf_8)
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Accounts at most."
)
@AS_JSON
def list_command(*, words: str, limit: int, as_json: bool) -> None:
    """List the newest accounts, or those with WORDS in address, name or company."""
    from infrastructure.identity.administration import matching

    found = _connected(lambda connection: matching(connection, words, limit))
    if as_json:
        print_json(found)
    else:
        _show(found)


@accounts.command("disable")
@_ACCOUNT
def disable_command(*, account: str) -> None:
    """Let an account not log in any more; its sessions end within five seconds."""
    from infrastructure.identity.administration import disable, named

    async def work(connection: "AsyncConnection[Any]") -> str:
        known = await named(connection, account)
        ended = await disable(connection, known.account_id)
        return f"{known.email} is disabled, {ended} sessions ended"

    click.echo(_connected(work))


@accounts.command("enable")
@_ACCOUNT
def enable_command(*, account: str) -> None:
    """Let a disabled account log in again."""
    from infrastructure.identity.administration import enable, named

    async def work(connection: "AsyncConnection[Any]") -> str:
        known = await named(connection, account)
        await enable(connection, known.account_id)
        return f"{known.email} is enabled"

    click.echo(_connected(work))


@accounts.command("make-admin")
@_ACCOUNT
def make_admin_command(*, account: str) -> None:
    """Make a member an admin of their company, when none is left who could."""
    from infrastructure.event_store import EventStore
    from infrastructure.identity.administration import make_admin, named

    async def work(connection: "AsyncConnection[Any]") -> str:
        known = await named(connection, account)
        async with EventStore(database_url()) as store:
            changed = await make_admin(connection, store, known)
        return f"{known.email} {'is now' if changed else 'was already'} an admin of {known.company}"

    click.echo(_connected(work))


@accounts.command("erase")
@_ACCOUNT
@click.option("--yes", is_flag=True, help="Do not ask.")
@AS_JSON
def erase_command(*, account: str, yes: bool, as_json: bool) -> None:
    """Erase a person: account, texts about them, resumes, queued mail. The log stays, and points to nobody.

    A member leaves the company first. The last admin cannot while there are other members; if there are none, the company is left
    without anybody, and its open jobs are closed. It cannot be undone; their tokens are refused within five seconds.
    """
    import msgspec

    from infrastructure.event_store import EventStore
    from infrastructure.identity.administration import members, named
    from infrastructure.mail.outbox import Outbox
    from infrastructure.personal_data.erasure import Erased, erase
    from infrastructure.resumes.blobs import open_blobs
    from infrastructure.settings import load

    async def look(connection: "AsyncConnection[Any]") -> "tuple[KnownAccount, bool]":
        known = await named(connection, account)
        async with EventStore(database_url()) as store:
            return known, await members(store, known.company_id) == {known.account_id}

    known, alone = _connected(look)
    if not yes:
        after = f" Nobody else is a member of {known.company}: its open jobs are closed." if alone else ""
        click.confirm(f"Erase {known.email} ({known.name}) for ever?{after}", abort=True, err=True)

    async def work(connection: "AsyncConnection[Any]") -> Erased:
        settings = load()
        async with EventStore(database_url()) as store:
            outbox = Outbox(settings.home / "outbox")
            return await erase(connection, store, open_blobs(settings), outbox, known)

    erased = _connected(work)
    if as_json:
        print_json(erased)
        return
    click.echo(f"{known.email} is erased")
    for name, count in msgspec.to_builtins(erased).items():
        if count and name != "account_id":
            click.echo(f"  {name.replace('_', ' ')}: {count}")


@click.group()
def keys() -> None:
    """The keys that access tokens are signed with."""


@keys.command("rotate")
@click.option("--at-once", is_flag=True, help="Drop the old keys now: clients refresh, nobody logs in anew.")
def rotate_command(*, at_once: bool) -> None:
    """Sign access tokens with a new key, ten seconds from now; tokens of the old one are good until they expire."""
    import psycopg

    from infrastructure.identity.signing_keys import TAKES_OVER_AFTER, rotate
    from infrastructure.settings import load

    if (file := load().token_key_file) is not None:
        raise OperatorError(
            f"the keys are in {file}: add a new private key at its end on every machine, and a minute later move it to the top"
        )
    with psycopg.connect(database_url(), autocommit=True) as connection:
        key_id = rotate(connection, at_once=at_once)
    when = "at once" if at_once else f"in {TAKES_OVER_AFTER.seconds} s"
    click.echo(
        f"key {key_id} signs {when}; {'older keys are dropped' if at_once else 'nobody is logged out'}"
    )


def _connected(work: "Callable[[AsyncConnection[Any]], Awaitable[ResultT]]") -> ResultT:
    import psycopg

    async def run() -> ResultT:
        async with await psycopg.AsyncConnection.connect(database_url(), autocommit=True) as connection:
            return await work(connection)

    return asyncio.run(run())


def _show(found: "list[KnownAccount]") -> None:
    from infrastructure.mail.display_text import visible_line

    for account in found:
        sessions = f"{account.sessions} {'session' if account.sessions == 1 else 'sessions'}"
        state = "  disabled" if account.disabled_at else ""
        who = f"{account.name}, {account.company}" if account.company else account.name
        click.echo(f"{account.email}  {visible_line(who, 500)}")
        click.echo(f"    {account.account_id}  since {account.created_at:%Y-%m-%d}  {sessions}{state}")


COMMANDS: Final[list[click.Command]] = [accounts, keys]
