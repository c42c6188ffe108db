"""Who is told what: an event in, effects out."""

from datetime import UTC, datetime
from typing import Final, get_args
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.effects import Effect, Kind, Recipient
from application.policies import Handled, effects
from application.recorded import Recorded
from domain.job_application import ApplicationScreened
from domain.screening import Verdict
from tests.domain.builders import (
    APPLICATION,
    CANDIDATE,
    COMPANY,
    OTHER_APPLICATION,
    advanced,
    moved,
    reinstated,
    rejected,
    submitted,
    withdrawn,
)


def screened(verdict: Verdict) -> ApplicationScreened:
    return ApplicationScreened(
        verdict=verdict, score=50, criteria=(), policy_version=1, requirements_revision=1
    )


TOLD: Final[list[tuple[Handled, list[tuple[Recipient, Kind]]]]] = [
    (submitted(), [("candidate", "application_received"), ("recruiter", "new_application")]),
    (
        replace(submitted(), moved_from=OTHER_APPLICATION),
        [("candidate", "application_moved"), ("recruiter", "new_application")],
    ),
    (moved("screening"), []),
    (screened("qualified"), [("candidate", "qualified")]),
    (screened("not_qualified"), []),
    (advanced("applied", "screening"), [("candidate", "stage_changed")]),
    (advanced("offer", "hired"), [("candidate", "stage_changed")]),
    (rejected("interview"), [("candidate", "application_rejected")]),
    (reinstated("interview"), [("candidate", "application_reinstated")]),
    (withdrawn("screening"), [("recruiter", "application_withdrawn")]),
]


def recorded(event: Handled) -> Recorded[Handled]:
    return Recorded(
        tenant_id=COMPANY,
        position=7,
        stream_id=APPLICATION,
        version=1,
        event=event,
        actor_id=CANDIDATE,
        command_id=UUID(int=1),
        recorded_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(("event", "told"), TOLD, ids=lambda value: type(value).__name__)
def test_an_event_tells_these_people(event: Handled, told: list[tuple[Recipient, Kind]]) -> None:
    assert effects(recorded(event)) == tuple(
        Effect(kind=kind, recipient=recipient, application_id=APPLICATION) for recipient, kind in told
    )


def test_every_event_of_an_application_was_thought_of() -> None:
    assert {type(event) for event, _ in TOLD} == set(get_args(Handled))
