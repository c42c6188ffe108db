"""Migrations need extensions of PostgreSQL and a role; whoever migrates without the right to create them is told so."""

import psycopg
import pytest

from infrastructure.database.migrate import migrate
from infrastructure.operator_error import OperatorError


def test_a_user_who_may_create_neither_extensions_nor_roles_learns_what_to_do(
    empty_database_url: str,
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("create role weak")
        connection.execute("grant all on schema public to weak")
        try:
            with pytest.raises(OperatorError, match=r"pg_trgm.*permission denied.*administrator"):
                migrate(f"{empty_database_url}&options=-crole%3Dweak")
            connection.execute("create extension pg_trgm")
            connection.execute("create extension unaccent")
            with pytest.raises(
                OperatorError,
                match=r"API.*(permission denied|must have admin option).*administrator.*hirelog_api",
            ):
                migrate(f"{empty_database_url}&options=-crole%3Dweak")
            connection.execute("grant hirelog_api to weak")
            migrate(f"{empty_database_url}&options=-crole%3Dweak")
        finally:
            connection.execute("drop owned by weak cascade")
            connection.execute("drop role weak")
