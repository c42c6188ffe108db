"""`hirelog verify screening`: whether every stored verdict is what the log leads to."""

import sys
from typing import Final

import rich_click as click

from api.command_line.as_json import AS_JSON, print_json
from api.command_line.servers import database_url


@click.group()
def verify() -> None:
    """Check what is stored against the log."""


@verify.command("screening")
@AS_JSON
def screening_command(*, as_json: bool) -> None:
    """Screen every application again, from the log alone, and compare; exit code 1 if a verdict differs."""
    import time

    import msgspec

    from api.command_line.event_progress import event_progress
    from infrastructure.screening.verification import verify_screening

    began = time.monotonic()
    with event_progress("screening", quiet=as_json) as progress:
        found = verify_screening(database_url(), progress=progress)
    seconds = time.monotonic() - began
    if as_json:
        print_json({**msgspec.to_builtins(found), "seconds": round(seconds, 3)})
    else:
        rate = found.verdicts / seconds if seconds else 0.0
        click.echo(
            f"{found.verdicts:,} verdicts recomputed in {seconds:.1f} s ({rate:,.0f}/s), {found.different:,} differ; "
            f"{found.unscreened:,} applications have none"
        )
        for one in found.differences:
            click.echo(f"{one.application_id} at position {one.position}: {one.reason}")
            if one.stored is not None and one.recomputed is not None:
                click.echo(f"  stored      {one.stored.verdict}, {one.stored.score}")
                click.echo(f"  recomputed  {one.recomputed.verdict}, {one.recomputed.score}")
    sys.exit(1 if found.different else 0)


COMMANDS: Final[list[click.Command]] = [verify]
"""What `hirelog` gains from this file."""
