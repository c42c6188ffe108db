from domain.job_view import JOB_VIEW
from tests.domain.builders import record_view, viewed
from tests.domain.specification import given


def test_a_first_sight_of_a_job_is_a_view() -> None:
    given(JOB_VIEW).when(record_view()).then(viewed())


def test_a_second_sight_changes_nothing() -> None:
    given(JOB_VIEW, viewed()).when(record_view()).nothing()
