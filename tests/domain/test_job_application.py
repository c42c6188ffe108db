from collections.abc import Callable
from functools import partial

import pytest
from msgspec.structs import replace

from domain.job_application import (
    JOB_APPLICATION,
    PIPELINE,
    JobApplicationCommand,
    JobApplicationEvent,
    PipelineStage,
    allowed_stages,
)
from tests.domain.builders import (
    CANDIDATE,
    CLAIMS,
    JOB_ID,
    MOVED_TO,
    RESUME,
    TEXT,
    advance,
    advanced,
    move,
    moved,
    reinstate,
    reinstated,
    reject,
    rejected,
    submit,
    submitted,
    withdraw,
    withdrawn,
)
from tests.domain.specification import given

given_application = partial(given, JOB_APPLICATION)

STEPS: tuple[tuple[PipelineStage, PipelineStage], ...] = (
    ("applied", "screening"),
    ("screening", "interview"),
    ("interview", "offer"),
    ("offer", "hired"),
)
BEFORE_HIRED = PIPELINE[:-1]


def at(stage: PipelineStage) -> tuple[JobApplicationEvent, ...]:
    """The shortest history that ends at `stage`."""
    return (submitted(), *(advanced(*step) for step in STEPS[: PIPELINE.index(stage)]))


# Applying


def test_an_application_starts_at_applied_with_everything_it_was_given() -> None:
    given_application().when(submit()).then(submitted())

    application = given_application(submitted()).state
    assert (application.job_id, application.candidate_id, application.claims) == (JOB_ID, CANDIDATE, CLAIMS)
    assert (application.stage, application.requirements_revision) == ("applied", 1)


def test_an_application_keeps_its_letter_resume_source_and_the_revision_it_answers() -> None:
    told = {"cover_letter_text_id": TEXT, "resume_id": RESUME, "source": "fair", "requirements_revision": 4}

    given_application().when(replace(submit(), **told)).then(replace(submitted(), **told))


@pytest.mark.parametrize(
    ("said", "kept"), [(" Job\t Board ", "job board"), ("FAIR", "fair"), ("  ", None), ("", None)]
)
def test_a_source_has_one_spelling(said: str, kept: str | None) -> None:
    given_application().when(replace(submit(), source=said)).then(replace(submitted(), source=kept))


@pytest.mark.parametrize(
    "history",
    [at("applied"), at("hired"), (*at("applied"), withdrawn("applied"))],
    ids=["applied", "hired", "withdrawn"],
)
def test_a_candidate_applies_once_for_a_job(history: tuple[JobApplicationEvent, ...]) -> None:
    given_application(*history).when(submit()).refused("already_applied")


@pytest.mark.parametrize(
    "command", [advance("screening"), reject(), reinstate(), withdraw(), move()], ids=repr
)
def test_what_was_never_submitted_is_not_found(command: JobApplicationCommand) -> None:
    given_application().when(command).refused("application_not_found")


# Stages


@pytest.mark.parametrize(("now", "following"), STEPS)
def test_an_application_goes_one_stage_at_a_time(now: PipelineStage, following: PipelineStage) -> None:
    given_application(*at(now)).when(advance(following)).then(advanced(now, following))
    assert given_application(*at(following)).state.stage == following


NOT_NEXT = [
    (now, to_stage)
    for now in PIPELINE
    for to_stage in PIPELINE
    if to_stage != now and (now, to_stage) not in STEPS
]


@pytest.mark.parametrize(("now", "to_stage"), NOT_NEXT)
def test_a_skipped_or_backward_stage_is_refused_saying_which_is_next(
    now: PipelineStage, to_stage: PipelineStage
) -> None:
    following = tuple(target for origin, target in STEPS if origin == now)

    given_application(*at(now)).when(advance(to_stage)).refused("stage_not_allowed", allowed=following)
    assert allowed_stages(given_application(*at(now)).state) == following


@pytest.mark.parametrize("stage", PIPELINE)
def test_advancing_to_the_stage_it_is_at_changes_nothing(stage: PipelineStage) -> None:
    given_application(*at(stage)).when(advance(stage)).nothing()


def test_a_note_on_a_step_is_kept() -> None:
    given_application(submitted()).when(replace(advance("screening"), note_text_id=TEXT)).then(
        replace(advanced("applied", "screening"), note_text_id=TEXT)
    )


@pytest.mark.parametrize("stage", BEFORE_HIRED)
@pytest.mark.parametrize("ended", [rejected, withdrawn])
def test_an_application_that_ended_cannot_be_advanced(
    stage: PipelineStage, ended: Callable[[PipelineStage], JobApplicationEvent]
) -> None:
    history = (*at(stage), ended(stage))
    following = PIPELINE[PIPELINE.index(stage) + 1]

    given_application(*history).when(advance(following)).refused("stage_not_allowed", allowed=())
    given_application(*history).when(advance(stage)).refused("stage_not_allowed", allowed=())


# Rejecting and reinstating


@pytest.mark.parametrize("stage", BEFORE_HIRED)
def test_an_application_is_rejected_from_any_stage_but_hired(stage: PipelineStage) -> None:
    given_application(*at(stage)).when(reject()).then(rejected(stage))
    assert given_application(*at(stage), rejected(stage)).state.stage == "rejected"


def test_a_reason_for_a_rejection_is_kept() -> None:
    given_application(submitted()).when(replace(reject(), reason_text_id=TEXT)).then(
        replace(rejected("applied"), reason_text_id=TEXT)
    )


def test_a_hired_candidate_is_not_rejected() -> None:
    given_application(*at("hired")).when(reject()).refused("already_hired")


def test_a_withdrawn_application_is_not_rejected() -> None:
    given_application(submitted(), withdrawn("applied")).when(reject()).refused("application_withdrawn")


def test_rejecting_again_changes_nothing() -> None:
    given_application(submitted(), rejected("applied")).when(reject()).nothing()


@pytest.mark.parametrize("stage", BEFORE_HIRED)
def test_a_rejection_is_taken_back_to_the_stage_it_was_made_at(stage: PipelineStage) -> None:
    given_application(*at(stage), rejected(stage)).when(reinstate()).then(reinstated(stage))


def test_a_reinstated_application_goes_on_from_where_it_was() -> None:
    back_at_interview = (*at("interview"), rejected("interview"), reinstated("interview"))

    given_application(*back_at_interview).when(advance("offer")).then(advanced("interview", "offer"))
    given_application(*back_at_interview).when(reject()).then(rejected("interview"))


@pytest.mark.parametrize(
    "history",
    [at("applied"), at("hired"), (submitted(), withdrawn("applied"))],
    ids=["applied", "hired", "withdrawn"],
)
def test_only_a_rejected_application_is_reinstated(history: tuple[JobApplicationEvent, ...]) -> None:
    given_application(*history).when(reinstate()).refused("not_rejected")


# Withdrawing


@pytest.mark.parametrize("stage", BEFORE_HIRED)
def test_a_candidate_withdraws_from_any_stage_but_hired(stage: PipelineStage) -> None:
    given_application(*at(stage)).when(withdraw()).then(withdrawn(stage))
    assert given_application(*at(stage), withdrawn(stage)).state.stage == "withdrawn"


def test_a_hired_candidate_does_not_withdraw() -> None:
    given_application(*at("hired")).when(withdraw()).refused("already_hired")


def test_a_rejected_application_is_not_withdrawn() -> None:
    given_application(submitted(), rejected("applied")).when(withdraw()).refused("application_rejected")


def test_withdrawing_again_changes_nothing() -> None:
    given_application(submitted(), withdrawn("applied")).when(withdraw()).nothing()


# Moving to another job


@pytest.mark.parametrize("stage", BEFORE_HIRED)
def test_an_application_is_moved_to_another_job_from_any_stage_but_hired(stage: PipelineStage) -> None:
    given_application(*at(stage)).when(move()).then(moved(stage))

    state = given_application(*at(stage), moved(stage)).state
    assert (state.stage, state.reached, state.moved_to) == ("withdrawn", stage, MOVED_TO)


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (at("hired"), "already_hired"),
        ((submitted(), withdrawn("applied")), "application_withdrawn"),
        ((submitted(), rejected("applied")), "application_rejected"),
    ],
    ids=["hired", "withdrawn", "rejected"],
)
def test_what_has_ended_is_not_moved(history: tuple[JobApplicationEvent, ...], code: str) -> None:
    given_application(*history).when(move()).refused(code)


def test_an_application_is_not_moved_to_the_job_it_is_for() -> None:
    given_application(submitted()).when(replace(move(), to_job_id=JOB_ID)).refused("already_applied")


@pytest.mark.parametrize(
    "command", [advance("screening"), reject(), reinstate(), withdraw(), move()], ids=repr
)
def test_nothing_more_is_decided_on_an_application_that_was_moved(command: JobApplicationCommand) -> None:
    given_application(submitted(), moved("applied")).when(command).refused("application_moved")


def test_an_application_remembers_which_one_it_continues() -> None:
    command = replace(submit(), moved_from=MOVED_TO)

    given_application().when(command).then(replace(submitted(), moved_from=MOVED_TO))
    assert given_application(replace(submitted(), moved_from=MOVED_TO)).state.moved_from == MOVED_TO
