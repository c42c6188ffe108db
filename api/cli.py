"""The `hirelog` command. Each command imports what it runs only when it runs, so that `--help` is quick."""

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

import rich_click as click

from api.command_line.accounts import COMMANDS as ACCOUNT_COMMANDS
from api.command_line.as_json import AS_JSON, print_json
from api.command_line.mail import COMMANDS as MAIL_COMMANDS
from api.command_line.output import OutputLost, drop_output, use_output
from api.command_line.projections import COMMANDS
from api.command_line.screening import COMMANDS as SCREENING_COMMANDS
from api.command_line.servers import database_url, demand_sessions, with_servers
from api.command_line.skills import COMMANDS as SKILL_COMMANDS
from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from infrastructure.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_PASS_ON = {"ignore_unknown_options": True, "help_option_names": list[str]()}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hirelog", prog_name="hirelog")
def hirelog() -> None:
    """Hirelog: a hiring backend whose only source of truth is a log of events.

    A command that fails says why in one line on standard error, with `--json` too, and ends with an exit code other than 0.
    """


@hirelog.command()
@click.option("--demo", is_flag=True, help="Fill the running system with an invented hiring season.")
@click.option("--jobs", type=_FILE, help="Real postings for the demo, as JSONL.")
def up(*, demo: bool, jobs: Path | None) -> None:
    """Run everything: embedded servers, migrations, API, workers and scheduler. Ctrl-C stops it in order."""
    from api.command_line import up as system
    from infrastructure.processes.tree import Program

    settings = _settings()
    words = ("demo", "--url", system.address(settings), *(("--jobs", str(jobs)) if jobs else ()))
    afterwards = [Program("demo", system.command(*words), once=True)] if demo or jobs else []
    system.up(settings, _say, afterwards=afterwards)


def _say(text: str) -> None:
    """Print a line; what runs goes on when nobody reads it any more, or its disk is full.

    Not through `sys.stdout`, which keeps what it could not write and tries again, in vain, at the very end.
    """
    with contextlib.suppress(OSError, AttributeError):  # without an output there is no `sys.stdout`
        os.write(sys.stdout.fileno(), os.fsencode(f"{text}\n"))


@hirelog.command()
def serve() -> None:
    """Run the HTTP API."""
    from api.server import serve as run

    run(_process("api"))


@hirelog.command()
def work() -> None:
    """Run the workers: projections and deliveries."""
    from api.command_line.worker import work as run

    run(_process("worker"))


@hirelog.command()
def schedule() -> None:
    """Run the scheduler: it wakes the workers for what is behind or due."""
    from api.command_line.scheduler import run

    run(_process("scheduler"))


@hirelog.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from api.command_line.up import migrate_database

    settings = with_servers(_settings(), redis=False)
    migrate_database(settings.database_url or "", settings.api_database_url)
    click.echo("the database has the newest schema")


@hirelog.command()
@click.argument("file", type=_FILE)
@click.option("--url", help="The system; by default the one of this machine.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON, and no progress.")
def load(*, file: Path, url: str | None, as_json: bool) -> None:
    """Load real postings (JSONL) into a running system, through its HTTP API."""
    from api.command_line.up import address
    from api.loading.load import load_file

    sys.exit(load_file(file, url or address(_settings()), as_json=as_json))


@hirelog.command(context_settings=_PASS_ON, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(*, arguments: tuple[str, ...]) -> None:
    """Fill a running system with an invented hiring season, through its HTTP API."""
    from api.loading.demo import main as run

    run(args=list(arguments), prog_name="hirelog demo")


@hirelog.command()
@click.argument("stream", type=click.UUID)
@click.option("--as-of", help="A version, or a time in RFC 3339.")
@AS_JSON
def replay(*, stream: UUID, as_of: str | None, as_json: bool) -> None:
    """Replay one stream (a job, an application): every event, and the state that it led to."""
    from api.command_line.replay import replay as run

    run(database_url(), stream, as_of, as_json=as_json)


@hirelog.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API."""
    from api.app import openapi_json

    click.echo(openapi_json())


@hirelog.command()
@AS_JSON
def settings(*, as_json: bool) -> None:
    """Print the settings in force, secrets hidden."""
    from infrastructure.settings import effective

    shown = effective(_settings())
    if as_json:
        print_json(shown)
        return
    width = max(map(len, shown))
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {'-' if value is None else value}")


for command in (*COMMANDS, *ACCOUNT_COMMANDS, *MAIL_COMMANDS, *SCREENING_COMMANDS, *SKILL_COMMANDS):
    hirelog.add_command(command)


def _settings() -> "Settings":
    from infrastructure.settings import load as load_settings

    return load_settings()


def _process(name: str) -> "Settings":
    from infrastructure.logging import configure_logging

    settings = with_servers(_settings())
    configure_logging(settings, name)
    for address in filter(None, (settings.database_url, settings.api_database_url)):
        demand_sessions(address)
    return settings


def main() -> None:
    """Run the command line; what an operator can put right is one line on standard error, and exit code 1."""
    use_output()
    try:
        try:
            hirelog()
        finally:
            sys.stdout.flush()
    except OutputLost as error:
        drop_output()
        _fail(str(error))
    except OperatorError as error:
        _fail(str(error))
    except Exception as error:
        reason = _said_by_database(error)
        if reason is None:
            raise
        _fail(reason)


def _said_by_database(error: Exception) -> str | None:
    """What an operator can do about an error of PostgreSQL's; None for a fault of ours."""
    import psycopg

    if isinstance(error, psycopg.errors.UndefinedTable):
        return "the database has no tables of this version: run `hirelog migrate`, or wait until `hirelog up` has"
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return "the database takes no writes: is it a standby?"
    if isinstance(error, psycopg.OperationalError):
        return f"the database cannot do this now: {str(error).partition(chr(10))[0]}"
    return None


def _fail(reason: str) -> NoReturn:
    click.echo(f"hirelog: {reason}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
