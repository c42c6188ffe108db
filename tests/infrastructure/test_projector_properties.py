"""Whatever the paging, the order of units and the pauses between them: the rows are those of one plain fold."""

import random
from typing import NamedTuple
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.decision import Event
from domain.job import OpeningFilled
from domain.job_view import JobViewed
from domain.membership import MemberLeft
from infrastructure.read_models.rebuild import rebuild
from projections.menu import MENU
from tests.domain.builders import (
    POSTING,
    REQUIREMENTS,
    advanced,
    archived,
    closed,
    created,
    edited,
    published,
    rejected,
    reopened,
    revised,
    submitted,
)
from tests.read_models import World, new_id, new_tenant, world


class Happening(NamedTuple):
    log: int
    number: int
    kind: str


class OneUnit(NamedTuple):
    """What a projector does between two happenings."""

    model: int
    page_size: int
    tenants_per_unit: int


_KINDS = (
    "created",
    "published",
    "closed",
    "reopened",
    "archived",
    "edited",
    "revised",
    "filled",
    "viewed",
    "submitted",
    "advanced",
    "rejected",
    "left",
)
happenings = st.lists(
    st.builds(Happening, st.integers(0, 2), st.integers(0, 2), st.sampled_from(_KINDS)),
    min_size=1,
    max_size=40,
)
units = st.lists(
    st.builds(OneUnit, st.integers(0, len(MENU) - 1), st.integers(1, 7), st.integers(1, 3)), max_size=15
)


def event(kind: str, job_id: UUID) -> Event:
    made: dict[str, Event] = {
        "created": created(),
        "published": published(),
        "closed": closed(),
        "reopened": reopened(),
        "archived": archived(),
        "edited": edited(POSTING),
        "revised": revised(2, REQUIREMENTS),
        "filled": OpeningFilled(application_id=uuid4()),
        "viewed": JobViewed(job_id=job_id, viewer_id=uuid4()),
        "submitted": submitted(job_id, uuid4()),
        "advanced": advanced("applied", "screening"),
        "rejected": rejected("screening"),
        "left": MemberLeft(account_id=uuid4()),
    }
    return made[kind]


class Story:
    """Three logs of three jobs with three applications each, in which things happen."""

    def __init__(self, here: World) -> None:
        self.here = here
        self.tenants = [new_tenant() for _ in range(3)]
        self.jobs = [[new_id(tenant) for _ in range(3)] for tenant in self.tenants]
        self.others = [[new_id(tenant) for _ in range(3)] for tenant in self.tenants]

    def tell(self, happening: Happening) -> None:
        log, number, kind = happening
        job_id = self.jobs[log][number]
        of_job = kind not in {"viewed", "submitted", "advanced", "rejected", "left"}
        stream = job_id if of_job else self.others[log][number]
        self.here.append(stream, event(kind, job_id))

    def check(self) -> None:
        for model in MENU:
            for tenant in self.tenants:
                assert self.here.rows(model, tenant) == self.here.expected(model, tenant), model.name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=happenings, units=units, seed=st.randoms(use_true_random=False))
def test_any_paging_and_interleaving_comes_to_one_fold(
    database_url: str, happenings: list[Happening], units: list[OneUnit], seed: random.Random
) -> None:
    with world(database_url) as here:
        story = Story(here)
        steps: list[Happening | OneUnit] = [*happenings]
        for unit in units:
            steps.insert(seed.randint(0, len(steps)), unit)
        for step in steps:
            if isinstance(step, Happening):
                story.tell(step)
            else:
                projector = here.projector(
                    MENU[step.model], page_size=step.page_size, tenants_per_unit=step.tenants_per_unit
                )
                behind = projector.behind() & set(story.tenants)
                if behind:
                    projector.unit(behind)
        here.project()
        story.check()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=happenings, page_size=st.integers(1, 9), rows_in_memory=st.integers(0, 6))
def test_a_rebuild_of_any_page_and_memory_comes_to_one_fold(
    database_url: str, happenings: list[Happening], page_size: int, rows_in_memory: int
) -> None:
    with world(database_url) as here:
        story = Story(here)
        for happening in happenings:
            story.tell(happening)
        for model in MENU:
            rebuild(database_url, model, page_size=page_size, rows_in_memory=rows_in_memory)
        story.check()
