"""Commands about mail: what waits and what was given up, and sending that again."""

from typing import TYPE_CHECKING, Final
from uuid import UUID

import rich_click as click

from api.command_line.as_json import AS_JSON, print_json
from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from infrastructure.mail.administration import ListedMail, Status

_STATUSES: Final = ("queued", "sending", "retrying", "sent", "given_up", "switched_off")


@click.group()
def mail() -> None:
    """Look at mail, and send again what was given up."""


@mail.command("list")
@click.option("--status", type=click.Choice(_STATUSES), help="Only mails of this status.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most."
)
@AS_JSON
def list_command(*, status: "Status | None", limit: int, as_json: bool) -> None:
    """List mails, the latest first: to whom, how often it was tried, what became of it and why."""
    import psycopg

    from api.command_line.servers import database_url
    from infrastructure.mail.administration import mails

    with psycopg.connect(database_url(), autocommit=True) as connection:
        found = list(mails(connection, status, limit))
    if as_json:
        print_json(found)
    else:
        _show(found)


@mail.command("retry")
@click.argument("mail_id", type=click.UUID, required=False)
@click.option("--all", "everything", is_flag=True, help="Every mail that was given up.")
def retry_command(*, mail_id: UUID | None, everything: bool) -> None:
    """Send a given-up mail again, with what is known of people now. Mail that held a one-use code cannot be: it was erased."""
    import psycopg

    from api.command_line.servers import database_url
    from infrastructure.mail.administration import send_again

    if (mail_id is None) != everything:
        raise OperatorError("name one mail (see `hirelog mail list --status given_up`), or --all")
    with psycopg.connect(database_url()) as connection:
        count = send_again(connection, mail_id)
    if mail_id is not None and not count:
        raise OperatorError(f"mail {mail_id} was not given up, or it held a one-use code, which was erased")
    click.echo(f"{count} mails are sent again")


def _show(found: "list[ListedMail]") -> None:
    from infrastructure.mail.display_text import visible_line

    for one in found:
        at = one.done_at or one.due_at
        moment = f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"
        tries = f"{one.attempts} {'try' if one.attempts == 1 else 'tries'}"
        click.echo(f"{moment}  {one.status:<12}  {one.kind:<22}  {tries:<8}  {one.email or '(erased)'}")
        click.echo(f"    {one.mail_id}" + (f"  {visible_line(one.reason, 500)}" if one.reason else ""))


COMMANDS: Final[list[click.Command]] = [mail]
"""What `hirelog` gains from this file."""
