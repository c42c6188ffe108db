"""Migrating what settings accept: every way to write an address."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.migrate import migrate, pending
from infrastructure.settings import load


def host_in_its_place(parts: Mapping[str, str]) -> str:
    return f"postgresql://{parts['user']}@{quote(parts['host'], safe='')}/{parts['dbname']}"


def several_hosts(parts: Mapping[str, str]) -> str:
    hosts = ",".join(f"{quote(host, safe='')}:5432" for host in ("/nowhere", parts["host"]))
    return f"postgresql://{parts['user']}@{hosts}/{parts['dbname']}?target_session_attrs=read-write"


@pytest.mark.parametrize("written", [host_in_its_place, several_hosts, lambda parts: make_conninfo(**parts)])
def test_every_address_that_settings_accept_can_be_migrated(
    empty_database_url: str, written: Callable[[Mapping[str, str]], str]
) -> None:
    address = written({name: str(value) for name, value in conninfo_to_dict(empty_database_url).items()})
    assert load({"DATABASE_URL": address, "SECRET_KEY": "x" * 40}).database_url == address
    migrate(address)
    assert pending(empty_database_url) == []
