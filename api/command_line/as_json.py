"""`--json`: what a command found, for scripts."""

from collections.abc import Callable
from typing import Any, Final

import rich_click as click

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="For scripts.")


def print_json(value: object, enc_hook: Callable[[Any], object] | None = None) -> None:
    """Print a value as indented JSON; `enc_hook` is msgspec's, for types that it does not know."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value, enc_hook=enc_hook)))
