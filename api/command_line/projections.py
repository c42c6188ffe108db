"""Commands about read models: how they stand, whether they are what the log says, and rebuilding them."""

import sys
from typing import TYPE_CHECKING, Final
from uuid import UUID

import rich_click as click

from api.command_line.as_json import AS_JSON, print_json
from api.command_line.servers import database_url
from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from infrastructure.read_models.read_model import AnyReadModel
    from infrastructure.read_models.status import ProjectionStatus
    from infrastructure.read_models.verify import Verified


@click.group(invoke_without_command=True)
@AS_JSON
@click.pass_context
def projections(context: click.Context, *, as_json: bool) -> None:
    """List the read models, and the effects: version, build, lag, and who is parked and why."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@projections.command("list")
@AS_JSON
def list_command(*, as_json: bool) -> None:
    """List the read models."""
    _list(as_json=as_json)


@projections.command("verify")
@click.argument("names", nargs=-1)
@AS_JSON
def verify_command(*, names: tuple[str, ...], as_json: bool) -> None:
    """Compare read models (by default all) row by row with a fresh build from the log; exit code 1 if one differs.

    Writes and projections go on meanwhile.
    """
    from api.command_line.event_progress import event_progress
    from infrastructure.read_models.new_build import BuildFailed
    from infrastructure.read_models.verify import verify

    found: list[Verified] = []
    for model in _models(names):
        with event_progress(model.name, quiet=as_json) as progress:
            try:
                found.append(verify(database_url(), model, progress=progress))
            except BuildFailed as error:
                raise OperatorError(str(error)) from error
        if not as_json:
            _show_verified(found[-1])
    if as_json:
        print_json(found)
    sys.exit(1 if any(one.different for one in found) else 0)


@projections.command("retry")
@click.argument("name")
@click.option("--tenant", type=click.UUID, help="Only this tenant.")
def retry_command(*, name: str, tenant: UUID | None) -> None:
    """Let a read model (or the effects) try its parked tenants again, after what parked them was put right."""
    import psycopg

    from infrastructure.read_models.status import retry_parked
    from projections.menu import FOLLOWERS

    followers = [model.name for model in FOLLOWERS]
    if name not in followers:
        raise OperatorError(
            f"nothing of the name {name!r} follows the logs: known are {', '.join(followers)}"
        )
    with psycopg.connect(database_url()) as connection:
        count = retry_parked(connection, name, tenant)
    click.echo(f"{count} tenants of {name} are tried again")


@click.command("rebuild")
@click.argument("name")
@AS_JSON
def rebuild_command(*, name: str, as_json: bool) -> None:
    """Build a read model anew from the log, beside the live one, and switch when it has caught up."""
    import time

    import msgspec

    from api.command_line.event_progress import event_progress
    from infrastructure.read_models.new_build import BuildFailed
    from infrastructure.read_models.rebuild import rebuild

    (model,) = _models((name,))
    began = time.monotonic()
    with event_progress(model.name, quiet=as_json) as progress:
        try:
            done = rebuild(database_url(), model, progress=progress)
        except BuildFailed as error:
            raise OperatorError(str(error)) from error
    seconds = time.monotonic() - began
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(done), "seconds": round(seconds, 3)}))
        return
    rate = done.events / seconds if seconds else 0.0
    click.echo(f"{done.name}: build {done.build}, {done.events:,} events in {seconds:.1f} s ({rate:,.0f}/s)")


COMMANDS: Final[list[click.Command]] = [projections, rebuild_command]
"""What `hirelog` gains from this file."""


def _list(*, as_json: bool) -> None:
    import msgspec
    import psycopg

    from infrastructure.read_models.status import statuses
    from projections.menu import FOLLOWERS

    with psycopg.connect(database_url(), autocommit=True) as connection:
        found = statuses(connection, FOLLOWERS)
    if as_json:
        shown = [{**msgspec.to_builtins(status), "outdated": status.outdated} for status in found]
        print_json(shown)
        return
    _show(found)


def _show(found: "list[ProjectionStatus]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading, justify in (
        ("read model", "left"),
        ("version", "right"),
        ("build", "right"),
        ("behind", "right"),
        ("lag", "right"),
        ("parked", "right"),
        ("state", "left"),
    ):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for status in found:
        table.add_row(
            status.name,
            "-" if status.version is None else str(status.version),
            "-" if status.build is None else str(status.build),
            f"{status.events_behind:,} events, {status.tenants_behind:,}/{status.tenants:,} tenants",
            f"{status.lag_seconds:.1f} s",
            str(len(status.parked)),
            _state(status),
        )
    console = Console()
    console.print(table)
    for status in found:
        for parked in status.parked:
            console.print(
                f"{status.name}: tenant {parked.tenant_id} is parked at position {parked.position}"
                f" since {parked.parked_at:%Y-%m-%d %H:%M:%S}: {parked.error}",
                markup=False,
                highlight=False,
            )


def _state(status: "ProjectionStatus") -> str:
    if status.version is None:
        return "not created: hirelog migrate"
    if status.outdated:
        return f"outdated, version {status.wanted_version} is wanted: hirelog rebuild {status.name}"
    return "parked tenants" if status.parked else "live"


def _show_verified(verified: "Verified") -> None:
    if not verified.different:
        click.echo(f"{verified.name}: {verified.rows:,} rows are what {verified.events:,} events make")
        return
    click.echo(f"{verified.name}: {verified.different:,} rows differ")
    for difference in verified.differences:
        where = "only in the live build" if difference.side == "live" else "only as the log makes it"
        click.echo(f"  {where}: {bytes(difference.row).decode()}")


def _models(names: tuple[str, ...]) -> "tuple[AnyReadModel, ...]":
    from projections.menu import MENU, named

    try:
        return tuple(map(named, names)) or MENU
    except KeyError as error:
        known = ", ".join(model.name for model in MENU)
        raise OperatorError(f"there is no read model {error}: known are {known}") from error
