"""Settings: read once from the environment and `.env`, checked, and never changed afterwards."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from infrastructure.operator_error import OperatorError
from infrastructure.server_urls import is_database_url, is_redis_url, is_url, without_secrets

SECRET_KEY_BYTES: Final = 32
_WITHOUT_PREFIX: Final = frozenset(
    {
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "ACCESS_TOKEN_EXPIRE_MINUTES",
        "RATE_LIMITS",
        "SENDGRID_API_KEY",
    }
)
_SECRETS: Final = frozenset({"SECRET_KEY", "SENDGRID_API_KEY"})
_PREFIX: Final = "HIRELOG_"
_PUBLIC_URL: Final = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]+(/[A-Za-z0-9._~/-]*)?")
_ENV_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")

_MOST_DAYS: Final = 3_650

Processes = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
"""Or threads, or connections: of what a machine has no more."""
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=_MOST_DAYS)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=_MOST_DAYS * 24 * 60)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3_600)]


class SettingsError(OperatorError):
    """A setting is missing or wrong; the message is one line for whoever started the program."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set.

    A field `name` comes from `HIRELOG_NAME`, except `database_url`, `redis_url`, `secret_key`, `sendgrid_api_key`,
    `rate_limits` and `access_token_expire_minutes`, whose variables have no prefix.
    """

    home: Path = Path(".hirelog")
    host: Annotated[str, msgspec.Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8000
    public_url: str | None = None
    database_url: str | None = None
    api_database_url: str | None = None
    redis_url: str | None = None
    secret_key: str | None = None
    access_token_expire_minutes: Minutes = 60
    token_key_file: str | None = None
    session_idle_days: Days = 30
    session_longest_days: Days = 90
    refresh_grace_seconds: Annotated[float, msgspec.Meta(ge=0, le=10)] = 10.0
    bcrypt_cost: Annotated[int, msgspec.Meta(ge=4, le=16)] = 10
    worker_processes: Processes = 1
    worker_threads: Processes = 8
    api_processes: Processes = 1
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    blob_url: str | None = None
    append_queue_limit: Count = 10_000
    append_batch_limit: Count = 256
    database_pool_size: Processes = 8
    projection_page_size: Count = 2_000
    projection_tenants_per_unit: Count = 100
    projection_linger_seconds: Seconds = 10.0
    sweep_seconds: Annotated[float, msgspec.Meta(ge=0.01, le=3_600)] = 2.0
    min_position_wait_seconds: Seconds = 2.0
    mail_from: Annotated[str, msgspec.Meta(max_length=320)] = "Hirelog <hirelog@localhost>"
    mail_per_second: Annotated[float, msgspec.Meta(ge=0.001, le=100_000)] = 25.0
    sendgrid_api_key: str | None = None
    sendgrid_url: str = "https://api.sendgrid.com"
    smtp_url: str | None = None
    outbox_page: bool | None = None
    cors_origins: str = ""
    docs: bool = True
    metrics: bool = True
    rate_limits: Literal["on", "off"] = "on"
    limit_requests: str = "6000/minute"
    limit_sign_in: str = "600/minute;6000/hour"
    limit_login: str = "10/minute;30/hour;100/day"
    limit_account: str = "100/hour;300/day"
    limit_uploads: str = "10/minute;60/hour"
    trusted_proxies: str = ""


def variable(field: str) -> str:
    """The environment variable of a settings field."""
    name = field.upper()
    return name if name in _WITHOUT_PREFIX else _PREFIX + name


_FIELDS: Final = {variable(field.name): field for field in msgspec.structs.fields(Settings)}
VARIABLES: Final = frozenset(_FIELDS)


def load(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    """The settings of this process: the environment over `.env` in the working folder.

    An empty variable counts as unset. A given `environ` stands alone, unless `env_file` is given too.
    Raises `SettingsError` for a wrong value, an unknown `HIRELOG_*` variable (a typing mistake must not be
    lost), and a `SECRET_KEY` that is too short, or missing beside a `DATABASE_URL`.
    """
    if environ is None:
        environ = os.environ
        env_file = env_file or Path(".env")
    given = {**(read_env_file(env_file) if env_file else {}), **environ}
    for name in given:
        if name.startswith(_PREFIX) and name not in VARIABLES:
            raise SettingsError(f"unknown setting {name}{_suggestion(name)}")
    values = {
        field.name: _convert(name, given[name], field.type)
        for name, field in _FIELDS.items()
        if given.get(name)
    }
    settings = msgspec.convert(values, Settings)
    settings = msgspec.structs.replace(settings, home=_absolute(settings.home))
    _check_secret_key(settings)
    _check_addresses(settings)
    if (settings.sendgrid_api_key or settings.smtp_url) and not given.get("HIRELOG_MAIL_FROM"):
        raise SettingsError("mail is to be sent, so HIRELOG_MAIL_FROM must be set: Name <address@domain>")
    if settings.public_url and not _PUBLIC_URL.fullmatch(settings.public_url):
        raise SettingsError(
            "HIRELOG_PUBLIC_URL must be an http:// or https:// address without user, query and fragment"
        )
    return settings


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; blank lines and `#` comments are skipped, quotes around a value are taken off.

    A file that does not exist is empty. Raises `SettingsError` for a line that is none of these.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _ENV_LINE.fullmatch(text)
        if match is None:
            raise SettingsError(f"{path}, line {number}: expected NAME=value")
        found[match[1]] = _unquote(match[2], f"{path}, line {number}")
    return found


def environment(settings: Settings) -> dict[str, str]:
    """The variables from which a child process loads the same settings."""
    values = {name: getattr(settings, field.name) for name, field in _FIELDS.items()}
    return {name: str(value) for name, value in values.items() if value is not None}


def effective(settings: Settings) -> dict[str, str | int | float | None]:
    """What is in force, by variable name, with secrets (also a password inside a URL) hidden."""
    shown: dict[str, str | int | float | None] = {}
    for name, field in _FIELDS.items():
        value = getattr(settings, field.name)
        if name in _SECRETS:
            shown[name] = "***" if value else None
        elif name.endswith("_URL"):
            shown[name] = without_secrets(value) if value else None
        else:
            shown[name] = str(value) if isinstance(value, Path) else value
    return shown


def _absolute(home: Path) -> Path:
    try:
        return home.expanduser().absolute()
    except RuntimeError as error:
        raise SettingsError(f"HIRELOG_HOME: {error}") from error


def _convert(name: str, text: str, expected: object) -> object:
    if not text.isprintable():
        raise SettingsError(
            f"{name} holds what is no letter and no sign: a line break, or bytes that are not UTF-8"
        )
    if expected is Path:
        return Path(text)
    try:
        return msgspec.convert(text, expected, strict=False)
    except msgspec.ValidationError as error:
        shown = "" if name.endswith(("_URL", "_KEY")) else f" {text!r}"
        reason = (
            str(error)
            .replace("`", "")
            .replace("Expected int", "expected a whole number")
            .replace("Expected float", "expected a number")
            .removesuffix(", got str")
        )
        raise SettingsError(f"{name}{shown}: {reason[0].lower()}{reason[1:]}") from error


def _check_secret_key(settings: Settings) -> None:
    if settings.secret_key is not None and len(settings.secret_key.encode()) < SECRET_KEY_BYTES:
        raise SettingsError(f"SECRET_KEY needs at least {SECRET_KEY_BYTES} bytes")
    if settings.database_url and settings.secret_key is None:
        raise SettingsError(
            f"DATABASE_URL is set, so SECRET_KEY ({SECRET_KEY_BYTES} bytes or more) must be set too"
        )


def _check_addresses(settings: Settings) -> None:
    """Whoever connects to an address that cannot be read says in the log why not, and quotes a part of the password."""
    readable = {
        "DATABASE_URL": is_database_url(settings.database_url),
        "HIRELOG_API_DATABASE_URL": is_database_url(settings.api_database_url),
        "REDIS_URL": is_redis_url(settings.redis_url),
        "HIRELOG_SMTP_URL": is_url(settings.smtp_url),
        "HIRELOG_SENDGRID_URL": is_url(settings.sendgrid_url),
        "HIRELOG_BLOB_URL": is_url(settings.blob_url),
        "HIRELOG_PUBLIC_URL": is_url(settings.public_url),
    }
    for name, is_readable in readable.items():
        if not is_readable:
            raise SettingsError(
                f"{name} cannot be read: in a password, / ? # % @ and [ are written as %2F %3F %23 %25 %40 and %5B"
            )


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, VARIABLES, n=1)
    return f": is {near[0]} meant?" if near else ""


def _unquote(text: str, where: str) -> str:
    if text[:1] in {'"', "'"}:
        quote = text[0]
        end = text.find(quote, 1)
        rest = text[end + 1 :].strip()
        if end < 0 or (rest and not rest.startswith("#")):
            raise SettingsError(f"{where}: the quotes do not match")
        return text[1:end]
    return re.split(r"\s#", text, maxsplit=1)[0].strip()
