"""The `hirelog` command in this process, on a database."""

import json
from typing import Any

from click.testing import CliRunner, Result

from api import cli


def invoked(database_url: str, *words: str, typed: str | None = None, **environment: str) -> Result:
    """What came of a command, its exception included."""
    given = {"DATABASE_URL": database_url, "SECRET_KEY": "x" * 40, "COLUMNS": "300", **environment}
    return CliRunner().invoke(cli.hirelog, list(words), env=given, input=typed)


def hirelog(database_url: str, *words: str, **environment: str) -> Result:
    """What a command says, and its exit code. Raises its `OperatorError`, and what else it did not foresee."""
    result = invoked(database_url, *words, **environment)
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def as_json(database_url: str, *words: str, **environment: str) -> Any:
    """What a command that succeeds says with `--json`."""
    result = hirelog(database_url, *words, "--json", **environment)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
