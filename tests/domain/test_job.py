from functools import partial

import pytest
from msgspec.structs import replace

from domain.job import JOB, JobCommand, JobEvent, Requirements
from tests.domain.builders import (
    ANN,
    OTHER_APPLICATION,
    POSTING,
    REQUIREMENTS,
    admit,
    archive,
    archived,
    close,
    closed,
    create,
    created,
    edit,
    edited,
    fill,
    filled,
    openings_changed,
    publish_it,
    published,
    reopen,
    reopened,
    revised,
)
from tests.domain.specification import given

given_job = partial(given, JOB)

DRAFT = (created(),)
OPEN = (created(), published())
CLOSED = (*OPEN, closed())
ARCHIVED = (*CLOSED, archived())

CHANGED_POSTING = replace(POSTING, title="Head baker")
CHANGED_REQUIREMENTS = replace(REQUIREMENTS, min_experience_years=5)


# Creating


def test_a_job_starts_as_a_draft_with_everything_it_was_given() -> None:
    given_job().when(create(openings=3)).then(created(openings=3))

    job = given_job(created(openings=3)).state
    assert (job.status, job.created_by, job.posting, job.requirements) == (
        "draft",
        ANN,
        POSTING,
        REQUIREMENTS,
    )
    assert (job.openings, job.requirements_revision, len(job.filled_by)) == (3, 1, 0)


def test_a_job_can_be_created_open() -> None:
    given_job().when(create(publish=True)).then(created(), published())


def test_a_job_is_created_once() -> None:
    given_job(created()).when(create()).refused("job_exists")


@pytest.mark.parametrize("openings", [0, -1])
def test_a_job_has_at_least_one_opening(openings: int) -> None:
    given_job().when(create(openings=openings)).refused("openings_invalid")
    given_job(created()).when(edit(openings=openings)).refused("openings_invalid")


INVALID_SALARIES = [
    (Requirements(salary_min=2, salary_max=1, currency="EUR"), "salary_range_invalid"),
    (Requirements(salary_min=2, salary_max=1), "salary_range_invalid"),
    (Requirements(salary_min=1), "currency_missing"),
    (Requirements(salary_max=0), "currency_missing"),
]
VALID_SALARIES = [
    Requirements(),
    Requirements(currency="EUR"),
    Requirements(salary_min=1, currency="EUR"),
    Requirements(salary_max=1, currency="EUR"),
    Requirements(salary_min=1, salary_max=1, currency="EUR"),
]


@pytest.mark.parametrize(("requirements", "code"), INVALID_SALARIES)
def test_a_salary_has_a_currency_and_a_range_in_order(requirements: Requirements, code: str) -> None:
    given_job().when(create(requirements=requirements)).refused(code)
    given_job(*OPEN).when(edit(requirements=requirements)).refused(code)


@pytest.mark.parametrize("requirements", VALID_SALARIES)
def test_a_salary_may_be_absent_one_sided_or_a_point(requirements: Requirements) -> None:
    given_job().when(create(requirements=requirements)).then(created(requirements=requirements))
    given_job(*OPEN).when(edit(requirements=requirements)).then(revised(2, requirements))


@pytest.mark.parametrize(
    "command", [edit(openings=2), publish_it(), close(), reopen(), archive(), admit(), fill()], ids=repr
)
def test_what_was_never_created_is_not_found(command: JobCommand) -> None:
    given_job().when(command).refused("job_not_found")


# The life of a job


def test_a_draft_is_published() -> None:
    given_job(*DRAFT).when(publish_it()).then(published())
    assert given_job(*OPEN).state.status == "open"


def test_an_open_job_is_closed() -> None:
    given_job(*OPEN).when(close()).then(closed())
    assert given_job(*CLOSED).state.status == "closed"


def test_a_closed_job_is_reopened() -> None:
    given_job(*CLOSED).when(reopen()).then(reopened())
    assert given_job(*CLOSED, reopened()).state.status == "open"


@pytest.mark.parametrize("history", [DRAFT, CLOSED], ids=["draft", "closed"])
def test_a_job_that_is_not_open_is_archived(history: tuple[JobEvent, ...]) -> None:
    given_job(*history).when(archive()).then(archived())
    assert given_job(*history, archived()).state.status == "archived"


@pytest.mark.parametrize(
    ("history", "command"),
    [
        (OPEN, publish_it()),
        (OPEN, reopen()),
        (CLOSED, close()),
        (ARCHIVED, archive()),
    ],
    ids=["publish", "reopen", "close", "archive"],
)
def test_a_job_that_is_there_already_stays_without_an_event(
    history: tuple[JobEvent, ...], command: JobCommand
) -> None:
    given_job(*history).when(command).nothing()


def test_a_closed_job_is_not_published_but_reopened() -> None:
    given_job(*CLOSED).when(publish_it()).refused("job_closed", allowed=("reopen",))


def test_a_draft_cannot_be_closed() -> None:
    given_job(*DRAFT).when(close()).refused("job_not_open")


def test_a_draft_cannot_be_reopened() -> None:
    given_job(*DRAFT).when(reopen()).refused("job_not_closed")


def test_an_open_job_is_closed_before_it_is_archived() -> None:
    given_job(*OPEN).when(archive()).refused("job_open", allowed=("close",))


@pytest.mark.parametrize("command", [publish_it(), close(), reopen(), edit(openings=2)], ids=repr)
def test_an_archived_job_stays_as_it_is(command: JobCommand) -> None:
    given_job(*ARCHIVED).when(command).refused("job_archived")


def test_a_closed_job_whose_openings_are_filled_is_not_reopened() -> None:
    given_job(*OPEN, filled(), closed()).when(reopen()).refused("openings_filled")


def test_a_closed_job_with_another_opening_is_reopened() -> None:
    given_job(*OPEN, filled(), closed(), openings_changed(2)).when(reopen()).then(reopened())


# Editing


def test_an_edit_changes_only_what_it_names() -> None:
    given_job(*OPEN).when(edit(posting=CHANGED_POSTING)).then(edited(CHANGED_POSTING))
    given_job(*OPEN).when(edit(openings=2)).then(openings_changed(2))
    given_job(*OPEN).when(edit()).nothing()


def test_an_edit_may_change_everything_at_once() -> None:
    everything = edit(posting=CHANGED_POSTING, requirements=CHANGED_REQUIREMENTS, openings=2)

    given_job(*OPEN).when(everything).then(
        edited(CHANGED_POSTING), revised(2, CHANGED_REQUIREMENTS), openings_changed(2)
    )


def test_an_edit_to_what_is_there_changes_nothing() -> None:
    given_job(*OPEN).when(edit(posting=POSTING, requirements=REQUIREMENTS, openings=1)).nothing()


def test_an_edit_is_refused_whole() -> None:
    given_job(*OPEN).when(edit(posting=CHANGED_POSTING, openings=0)).refused("openings_invalid")


@pytest.mark.parametrize("history", [DRAFT, CLOSED], ids=["draft", "closed"])
def test_a_job_that_is_not_open_can_be_edited(history: tuple[JobEvent, ...]) -> None:
    given_job(*history).when(edit(posting=CHANGED_POSTING)).then(edited(CHANGED_POSTING))


def test_every_change_of_the_requirements_is_the_next_revision() -> None:
    given_job(*OPEN, revised(2, CHANGED_REQUIREMENTS)).when(edit(requirements=REQUIREMENTS)).then(
        revised(3, REQUIREMENTS)
    )


def test_a_change_of_the_posting_keeps_the_revision() -> None:
    assert given_job(*OPEN, edited(CHANGED_POSTING)).state.requirements_revision == 1


def test_openings_do_not_go_below_those_that_are_filled() -> None:
    two_of_three = (created(openings=3), published(), filled(), filled(OTHER_APPLICATION))

    given_job(*two_of_three).when(edit(openings=1)).refused("openings_below_filled")
    given_job(*two_of_three).when(edit(openings=2)).then(openings_changed(2))


# Applying and hiring


def test_an_open_job_admits_applications_without_an_event() -> None:
    given_job(*OPEN).when(admit()).nothing()
    given_job(*CLOSED, reopened()).when(admit()).nothing()


@pytest.mark.parametrize("history", [DRAFT, CLOSED, ARCHIVED], ids=["draft", "closed", "archived"])
def test_a_job_that_is_not_open_admits_no_application(history: tuple[JobEvent, ...]) -> None:
    given_job(*history).when(admit()).refused("job_not_open")


@pytest.mark.parametrize("history", [OPEN, CLOSED, ARCHIVED], ids=["open", "closed", "archived"])
def test_hiring_fills_an_opening_of_a_job_that_still_has_one(history: tuple[JobEvent, ...]) -> None:
    given_job(*history).when(fill()).then(filled())


def test_when_the_last_opening_is_filled_no_more_can_be_hired() -> None:
    given_job(*OPEN, filled()).when(fill(OTHER_APPLICATION)).refused("openings_filled")


def test_another_opening_lets_one_more_be_hired() -> None:
    given_job(*OPEN, filled(), openings_changed(2)).when(fill(OTHER_APPLICATION)).then(
        filled(OTHER_APPLICATION)
    )


def test_one_application_fills_one_opening() -> None:
    given_job(*OPEN, filled()).when(fill()).nothing()
