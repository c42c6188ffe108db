"""The servers that a command works on: those of the settings or, where none is set, those that `hirelog up` runs here."""

from typing import TYPE_CHECKING, Final

from infrastructure.operator_error import OperatorError

if TYPE_CHECKING:
    from infrastructure.settings import Settings

_LOOK_SECONDS: Final = 2


def with_servers(settings: "Settings", *, redis: bool = True) -> "Settings":
    """The settings with addresses; that of Redis only for who needs it. Raises `OperatorError` when nothing runs here."""
    if settings.database_url and (settings.redis_url or not redis):
        return settings
    import msgspec

    from infrastructure.secret_key import with_secret_key
    from infrastructure.servers.embedded import running

    embedded = running(settings.home)
    if embedded is None:
        needed = "DATABASE_URL and REDIS_URL" if redis else "DATABASE_URL"
        raise OperatorError(f"nothing runs here: start `hirelog up`, or set {needed}")
    return msgspec.structs.replace(
        with_secret_key(settings),
        database_url=settings.database_url or embedded.database_url,
        api_database_url=settings.api_database_url if settings.database_url else embedded.api_database_url,
        redis_url=settings.redis_url or embedded.redis_url,
    )


def demand_sessions(database_url: str) -> None:
    """Raise `OperatorError` if a pooler in between keeps our sessions' settings from the server; nothing while the database is away."""
    import psycopg

    from infrastructure.log.connection import SettingsLost, session_conninfo, settle_sync

    try:
        with psycopg.connect(session_conninfo(database_url), connect_timeout=_LOOK_SECONDS) as connection:
            settle_sync(connection)
    except SettingsLost as lost:
        raise OperatorError(str(lost)) from lost
    except psycopg.Error:
        return


def database_url() -> str:
    """Where a command of an operator's connects, as the tables' owner and with our sessions' settings.

    Raises `OperatorError` for another login, and psycopg's errors.
    """
    from infrastructure.database.tenant_walls import demand_all_rows
    from infrastructure.log.connection import session_conninfo
    from infrastructure.settings import load

    url = session_conninfo(with_servers(load(), redis=False).database_url or "")
    demand_all_rows(url)
    return url
