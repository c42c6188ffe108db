"""Every statement about one log can be routed by its tenant: it names one, as a scalar, for every table that it touches."""

import importlib
import itertools
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest

import infrastructure
from infrastructure.log.pipeline import Statement
from infrastructure.read_models.build_writer import claim_statement

# In PostgreSQL 16 to 18; the log is to run on 15.
_NEWER: Final = (
    r"any_value|json_(table|exists|value|query|serialize|scalar)|uuidv[47]|array_(sample|shuffle)|casefold"
)
_INSERT: Final = r"^insert into \w+ \(tenant_id, [^)]*\) (select |values \()\$1(::uuid)?,"


def statements() -> Iterator[Statement]:
    for module in pkgutil.walk_packages(infrastructure.__path__, f"{infrastructure.__name__}."):
        if not module.ispkg:
            members = vars(importlib.import_module(module.name)).values()
            yield from (member for member in members if isinstance(member, Statement))
    for patient, only_if_live in itertools.product((False, True), repeat=2):
        yield claim_statement(one=True, patient=patient, only_if_live=only_if_live)


ALL: Final = {statement.name: statement for statement in statements()}
# These touch no table; log_show names the tenants of a batch to row-level security.
TABLELESS: Final = {"log_show", "projection_open_unit"}
# Which build of a read model is live; a row per read model.
GLOBAL: Final = {"projection"}
# A projector follows many logs at once.
ABOUT_MANY: Final = {
    f"projection_{name}" for name in ("build", "register", "behind", "move_all", "page_of_all")
}
ABOUT_A_LOG: Final = {name: ALL[name].sql for name in sorted(ALL.keys() - TABLELESS - ABOUT_MANY)}


def test_each_statement_has_a_name_of_its_own() -> None:
    assert len(ABOUT_A_LOG) >= 15
    assert len({statement.sql for statement in statements()}) == len(ALL)


def test_each_reads_its_tables_by_one_tenant(database_url: str) -> None:
    with psycopg.Connection[Any].connect(database_url, autocommit=True) as connection:
        connection.execute("set plan_cache_mode = force_generic_plan")
        connection.execute("set enable_seqscan = off")
        for name, text in ABOUT_A_LOG.items():
            connection.execute(f'prepare "{name}" as {text}'.encode())
            query = "select parameter_types::text[] from pg_prepared_statements where name = %s"
            types = next(iter(connection.execute(query, [name])))[0]
            assert types[0] == "uuid", name
            nulls = ", ".join(["null"] * len(types))
            plan = next(
                iter(connection.execute(f'explain (format json) execute "{name}" ({nulls})'.encode()))
            )[0]
            for scan in scans(plan[0]["Plan"]):
                if scan["Relation Name"] in GLOBAL:
                    continue
                about = scan.get("Index Cond", "")
                if scan["Relation Name"] == "projection_checkpoint":
                    # It has a second index, by build, which an empty table may be read by.
                    about += scan.get("Filter", "")
                assert "tenant_id = $1" in about, (name, scan)


def scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of a plan that read a table."""
    if "Relation Name" in node and node["Node Type"] != "ModifyTable":
        yield node
    for part in node.get("Plans", ()):
        yield from scans(part)


@pytest.mark.parametrize("name", [name for name, text in ABOUT_A_LOG.items() if "insert into" in text])
def test_each_writes_rows_of_one_tenant(name: str) -> None:
    assert re.match(_INSERT, " ".join(ABOUT_A_LOG[name].split()))


def test_none_needs_a_newer_server() -> None:
    assert [name for name, text in ABOUT_A_LOG.items() if re.search(rf"\b({_NEWER})\b", text.lower())] == []
