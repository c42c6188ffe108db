"""A job and its applications together: whatever is commanded, in whatever order, these things hold."""

from itertools import pairwise
from typing import Final, TypeVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.decision import Decider, Event, Rejected
from domain.job import JOB, Job, JobCommand, ReopenJob, Requirements
from domain.job_application import (
    JOB_APPLICATION,
    PIPELINE,
    JobApplication,
    JobApplicationCommand,
    PipelineStage,
    Stage,
    allowed_stages,
)
from tests.domain.builders import (
    POSTING,
    admit,
    advance,
    archive,
    close,
    create,
    edit,
    fill,
    move,
    publish_it,
    reinstate,
    reject,
    reopen,
    submit,
    withdraw,
)

CommandT = TypeVar("CommandT")
StateT = TypeVar("StateT")
EventT = TypeVar("EventT", bound=Event)

STATUS_CHANGES: Final = {
    ("draft", "open"),
    ("open", "closed"),
    ("closed", "open"),
    ("draft", "archived"),
    ("closed", "archived"),
}
STEPS: Final[set[tuple[Stage, Stage]]] = set(pairwise(PIPELINE))
ENDS: Final[set[tuple[Stage, Stage]]] = {
    (stage, end) for stage in PIPELINE[:-1] for end in ("rejected", "withdrawn")
}
RETURNS: Final[set[tuple[Stage, Stage]]] = {("rejected", stage) for stage in PIPELINE[:-1]}

applicants = st.integers(1, 4).map(lambda number: UUID(int=number))
salaries = st.none() | st.integers(0, 3)
requirements = st.builds(
    Requirements, salary_min=salaries, salary_max=salaries, currency=st.sampled_from([None, "EUR"])
)


def carry_out(
    decider: Decider[CommandT, StateT, EventT], command: CommandT, state: StateT
) -> list[StateT] | None:
    """The states that a command leads through, from the present one; None when it is refused."""
    decision = decider.decide(command, state)
    if isinstance(decision, Rejected):
        return None
    states = [state]
    for event in decision:
        states.append(decider.evolve(states[-1], event))
    return states


class Hiring(RuleBasedStateMachine):
    """One job, four candidates, and a clerk who tries everything."""

    def __init__(self) -> None:
        super().__init__()
        self.job = Job()
        self.applications = {UUID(int=number): JobApplication() for number in range(1, 5)}
        self.rejected_from: dict[UUID, Stage] = {}

    @initialize(openings=st.integers(1, 3))
    def create_the_job(self, openings: int) -> None:
        self._command_job(create(openings=openings, publish=True))

    @rule(command=st.sampled_from([publish_it(), close(), reopen(), edit(posting=POSTING)]))
    def move_the_job(self, command: JobCommand) -> None:
        self._command_job(command)

    @precondition(lambda self: self.job.filled_by)  # sooner, it would end most runs before anybody is hired
    @rule()
    def archive_the_job(self) -> None:
        self._command_job(archive())

    @rule(openings=st.integers(-1, 4))
    def change_the_openings(self, openings: int) -> None:
        self._command_job(edit(openings=openings))

    @rule(changed=requirements)
    def revise_the_requirements(self, changed: Requirements) -> None:
        self._command_job(edit(requirements=changed))

    @rule(applicant=applicants)
    def apply(self, applicant: UUID) -> None:
        if carry_out(JOB, admit(), self.job) is not None:
            self._command_application(applicant, submit())

    @rule(applicant=applicants, steps=st.integers(1, 4))
    def proceed(self, applicant: UUID, steps: int) -> None:
        """A candidate who does well, so that many runs get as far as hiring."""
        self.apply(applicant)
        for _ in range(steps):
            for stage in allowed_stages(self.applications[applicant]):
                self.advance(applicant, stage)

    @rule(applicant=applicants, stage=st.sampled_from(PIPELINE))
    def advance(self, applicant: UUID, stage: PipelineStage) -> None:
        """Hiring is both or neither: the application is advanced and an opening is filled."""
        hires = stage == "hired" and carry_out(JOB_APPLICATION, advance(stage), self.applications[applicant])
        if not hires or self._command_job(fill(applicant)):
            self._command_application(applicant, advance(stage))

    @rule(applicant=applicants, command=st.sampled_from([reject(), reinstate(), withdraw(), move()]))
    def end_or_reinstate(self, applicant: UUID, command: JobApplicationCommand) -> None:
        self._command_application(applicant, command)

    @invariant()
    def the_hired_are_those_who_fill_the_openings(self) -> None:
        hired = {who for who, application in self.applications.items() if application.stage == "hired"}
        assert hired == set(self.job.filled_by)
        assert len(hired) <= self.job.openings

    @invariant()
    def the_salary_range_is_in_order_and_has_a_currency(self) -> None:
        wanted = self.job.requirements
        if wanted.salary_min is not None and wanted.salary_max is not None:
            assert wanted.salary_min <= wanted.salary_max
        assert wanted.currency or (wanted.salary_min, wanted.salary_max) == (None, None)

    def _command_job(self, command: JobCommand) -> bool:
        states = carry_out(JOB, command, self.job) or []
        for before, after in pairwise(states):
            if None is not before.status != after.status:
                assert (before.status, after.status) in STATUS_CHANGES
            if (before.status, after.status) == ("closed", "open"):
                assert isinstance(command, ReopenJob)
            changed = before.status is not None and before.requirements != after.requirements
            assert after.requirements_revision == before.requirements_revision + changed
        if states:
            self.job = states[-1]
        return bool(states)

    def _command_application(self, applicant: UUID, command: JobApplicationCommand) -> None:
        states = carry_out(JOB_APPLICATION, command, self.applications[applicant]) or []
        for before, after in pairwise(states):
            if before.job_id is None:
                assert after.stage == "applied"
                continue
            assert (before.stage, after.stage) in STEPS | ENDS | RETURNS
            assert before.moved_to is None, "what was moved goes on elsewhere"
            if after.stage == "rejected":
                self.rejected_from[applicant] = before.stage
            if before.stage == "rejected":
                assert after.stage == self.rejected_from[applicant]
            assert (after.job_id, after.candidate_id, after.claims) == (
                before.job_id,
                before.candidate_id,
                before.claims,
            )
        if states:
            self.applications[applicant] = states[-1]


TestHiring = Hiring.TestCase
TestHiring.settings = settings(stateful_step_count=40)
