"""Addresses of servers: whether they can be read, what they name, and what of them may be shown."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

_PASSWORD: Final = re.compile(r"(?<=://)([^:/?#@]*):.*@")
"""In a URL; whoever reads it may take a password that holds a `/`, `?`, `#` or `@`."""


def is_url(url: str | None) -> bool:
    """Whether it can be taken apart, and shown; one that is not given is none to complain about."""
    try:
        return urlsplit(url or "").port != 0 and bool(without_secrets(url or "x:"))
    except ValueError:
        return False


def is_database_url(url: str | None) -> bool:
    """Whether psycopg can read it."""
    if not url:
        return True
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        ports = str(conninfo_to_dict(url).get("port") or "")
        without_secrets(url)
    except (psycopg.ProgrammingError, ValueError):
        return False
    return not ports.strip("0123456789,")


def is_redis_url(url: str | None) -> bool:
    """The same for a Redis address."""
    try:
        return is_url(url) and redis_database(url or "") >= 0
    except ValueError:
        return False


def redis_database(url: str) -> int:
    """The number of the database that a Redis address names; 0 without one."""
    parts = urlsplit(url)
    number = dict(parse_qsl(parts.query)).get("db") or (
        "" if parts.scheme == "unix" else parts.path.strip("/")
    )
    return int(number or 0)


def next_redis_database(url: str) -> str:
    """The address of the database with the next number: `/n` in a `redis:` URL, `?db=n` in a `unix:` one."""
    parts = urlsplit(url)
    number = str(redis_database(url) + 1)
    query = [(key, value) for key, value in parse_qsl(parts.query) if key != "db"]
    if parts.scheme == "unix":
        return _joined(parts._replace(query=urlencode([*query, ("db", number)])))
    return _joined(parts._replace(path=f"/{number}", query=urlencode(query)))


def http_url(host: str, port: int) -> str:
    """Where a client on this machine reaches what listens on a host; 0.0.0.0 and :: are all of its addresses."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def hide_password(text: str) -> str:
    """The same line with `***` for the password in a URL."""
    return _PASSWORD.sub(r"\1:***@", text)


def without_secrets(url: str) -> str:
    """The address with `***` for its password, and for what its query calls one."""
    parts = urlsplit(hide_password(url))
    query = [(k, "***" if "password" in k or "secret" in k else v) for k, v in parse_qsl(parts.query)]
    return _joined(parts._replace(query=urlencode(query, safe="/*")))


def _joined(parts: SplitResult) -> str:
    """Unlike `urlunsplit`, keeps the `//` before an empty host."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if parts.query else ''}{parts.query}"
