"""Migrating: every way to write an address, and databases that are refused in one line."""

import os
from collections.abc import Callable, Mapping
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infrastructure.database.migrate import NewerDatabase, migrate, pending
from infrastructure.operator_error import OperatorError
from infrastructure.servers.embedded import Servers
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


def test_a_limit_for_statements_is_none_for_a_migration(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as owner:
        owner.execute(f'alter database "{owner.info.dbname}" set statement_timeout = 1'.encode())
    migrate(empty_database_url)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_of_another_encoding_is_one_line(
    servers: Servers, administration: psycopg.Connection, encoding: str
) -> None:
    name = f"test_{encoding.lower()}_{os.getpid()}"
    create = "create database {} encoding {} locale_provider libc locale 'C' template template0"
    administration.execute(sql.SQL(create).format(sql.Identifier(name), encoding))
    try:
        with pytest.raises(OperatorError, match=rf"^the database's encoding is {encoding}, .* UTF8: .*$"):
            migrate(servers.database(name))
    finally:
        administration.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update schema_migration set version_num = '9999'")
    for ask in (migrate, pending):
        with pytest.raises(NewerDatabase, match="newer version"):
            ask(database_url)
