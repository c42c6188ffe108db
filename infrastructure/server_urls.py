"""Addresses of servers: whether they can be read, what they name, and what of them may be shown."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

_NO_SECRETS: Final = frozenset(
    {
        *("host", "hostaddr", "port", "dbname", "user", "sslmode", "sslrootcert", "application_name"),
        *("connect_timeout", "target_session_attrs", "load_balance_hosts", "channel_binding"),
        *("db", "protocol", "socket_timeout", "socket_connect_timeout", "health_check_interval"),
        *("region", "aws_region"),
    }
)
"""What an address may show of what stands in its query, or in `key=value` form."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NETLOC_END: Final = re.compile(r"[/?#]")
_HOSTS: Final = re.compile(r"(?:(?:\[[^\]]*\]|[^:,\[\]]*)(?::\d*)?(?:,|$))*")
"""One or several with their ports; what looks otherwise may be a password without its host."""
_PASSWORD: Final = re.compile(r"(\w*password)\s*=.*", re.DOTALL)
"""In the `key=value` form, up to the end of the line: its quotes, which say where it ends, may be wrong."""


def is_url(url: str | None) -> bool:
    """Whether a URL can be parsed, and shown without its secrets; one that is not given is no mistake."""
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
        read = conninfo_to_dict(url)
        without_secrets(url)
    except (psycopg.ProgrammingError, ValueError):
        return False
    hosts = str(read.get("host") or "").split(",")
    # For psycopg a password ends at the first `@`. A path may have one, and an abstract socket begins with one.
    return not str(read.get("port") or "").strip("0123456789,") and not any(
        "@" in host[1:] for host in hosts if not host.startswith("/")
    )


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
    """A line that names an address, like an error, without the address's secrets; all that follows the address is taken for a part of it."""
    said = _PASSWORD.sub(r"\1=***", text)
    address = _SCHEME.search(said)
    return said if address is None else said[: address.start()] + _url(said[address.start() :])


def without_secrets(address: str) -> str:
    """A URL, or PostgreSQL's `key=value` form, with `***` for its password and for whatever is not known to be no secret."""
    return _url(address) if _SCHEME.match(address) else _key_values(address)


def _url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    end = _NETLOC_END.search(rest)
    netloc, further = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    if "@" in further:
        # A password with a / ? or #, or one in the query: nobody can say where it begins.
        return f"{scheme}://***"
    userinfo, at, hosts = netloc.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    path, _, query = further.partition("#")[0].partition("?")
    shown = urlencode([(key, _shown(key, value)) for key, value in parse_qsl(query)], safe="/*")
    hosts = hosts if _HOSTS.fullmatch(hosts) else "***"
    return f"{scheme}://{user}{colon and ':***'}{at}{hosts}{path}{'?' if shown else ''}{shown}"


def _key_values(text: str) -> str:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        given = conninfo_to_dict(text)
    except psycopg.ProgrammingError:
        return "***"
    return make_conninfo("", **{key: _shown(key, str(value)) for key, value in given.items()})


def _shown(key: str, value: str) -> str:
    return value if key in _NO_SECRETS else "***"


def _joined(parts: SplitResult) -> str:
    """Unlike `urlunsplit`, keeps the `//` before an empty host."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if parts.query else ''}{parts.query}"
