"""Work over whole logs goes on where the server ends sessions that take long."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from psycopg import sql

from infrastructure.read_models.rebuild import rebuild
from infrastructure.read_models.verify import verify
from infrastructure.screening.verification import verify_screening
from projections.job_dashboard import JOB_DASHBOARD
from tests.domain.builders import created, published
from tests.read_models import new_id, new_tenant, world

LIMITS = ("statement_timeout", "idle_session_timeout")
WAITING = "select from pg_locks where not granted and relation = 'event'::regclass"


@pytest.mark.parametrize(
    "work", [verify_screening, partial(rebuild, model=JOB_DASHBOARD), partial(verify, model=JOB_DASHBOARD)]
)
def test_a_servers_limits_for_short_requests_do_not_end_it(
    database_url: str, work: Callable[[str], object]
) -> None:
    with world(database_url) as here:
        here.append(new_id(new_tenant()), created(), published())
        here.project()
    with psycopg.connect(database_url) as patient, ThreadPoolExecutor(1) as working:
        for limit in LIMITS:
            change = sql.SQL("alter database {} set {} = '200ms'")
            patient.execute(change.format(sql.Identifier(patient.info.dbname), sql.Identifier(limit)))
        patient.commit()
        patient.execute("lock table event")
        done = working.submit(work, database_url)
        while patient.execute(WAITING).fetchone() is None:
            assert not done.done()
        patient.execute("select pg_sleep(0.4)")
        patient.rollback()
        assert done.result(timeout=60)
