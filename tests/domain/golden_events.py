"""What each file in `golden/` means. A file, once released, is never edited: it stands for all events in all logs.

`<Event>.json` names every field; `<Event>.least.json` only those without a default, as an event looks that was
written before the field existed. A new field with a default gets a new file (`<Event>.2.json`) beside them.
"""

from typing import Final
from uuid import UUID

from msgspec.structs import replace

from domain.assessment import (
    CommentAdded,
    CommentRemoved,
    Rating,
    ScorecardRevised,
    ScorecardSubmitted,
)
from domain.decision import Event
from domain.job import (
    JobArchived,
    JobClosed,
    JobCreated,
    JobPublished,
    JobReopened,
    OpeningFilled,
    OpeningsChanged,
    Posting,
    PostingEdited,
    Requirements,
    RequirementsRevised,
    Weights,
)
from domain.job_application import (
    ApplicationMoved,
    ApplicationReinstated,
    ApplicationRejected,
    ApplicationScreened,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    Claims,
    StageAdvanced,
)
from domain.job_view import JobViewed
from domain.membership import MemberJoined, MemberLeft, MemberRoleChanged
from domain.screening import Criterion

_ANN = UUID("a0000000-0000-4000-8000-000000000001")
_BOB = UUID("b0000000-0000-4000-8000-000000000002")
_JOB = UUID("c0ffee00-0000-8000-8000-000000000001")
_APPLICATION = UUID("c0ffee00-0000-8000-9c1a-5e0f3b7d2a46")
_OTHER_JOB = UUID("c0ffee00-0000-8000-8000-000000000002")
_OTHER_APPLICATION = UUID("c0ffee00-0000-8000-a1b2-5e0f3b7d2a47")
_TEXT = UUID("e0000000-0000-4000-8000-000000000004")
_RESUME = UUID("f0000000-0000-4000-8000-000000000005")

_POSTING = Posting(
    title="Bäcker:in",
    description="Bread, early.",
    location="Lyon",
    remote=True,
    employment_type="part_time",
)
_REQUIREMENTS = Requirements(
    skills=("baking", "pastry"),
    min_experience_years=2,
    salary_min=30_000,
    salary_max=40_000,
    currency="EUR",
)
_SCREENED_REQUIREMENTS = replace(
    _REQUIREMENTS,
    must_have_skills=("baking",),
    weights=Weights(skills=5, experience=3, salary=0),
    threshold=80,
)
_LEAST_POSTING = Posting(
    title="Baker", description="", location="", remote=False, employment_type="full_time"
)
_LEAST_REQUIREMENTS = Requirements(
    skills=(), min_experience_years=0, salary_min=None, salary_max=None, currency=None
)

GOLDEN: Final[dict[str, Event]] = {
    "JobCreated": JobCreated(created_by=_ANN, posting=_POSTING, requirements=_REQUIREMENTS, openings=3),
    "JobCreated.least": JobCreated(
        created_by=_ANN, posting=_LEAST_POSTING, requirements=_LEAST_REQUIREMENTS, openings=1
    ),
    "JobPublished": JobPublished(),
    "JobClosed": JobClosed(),
    "JobReopened": JobReopened(),
    "JobArchived": JobArchived(),
    "PostingEdited": PostingEdited(posting=_POSTING),
    "PostingEdited.least": PostingEdited(posting=_LEAST_POSTING),
    "RequirementsRevised": RequirementsRevised(revision=2, requirements=_REQUIREMENTS),
    "RequirementsRevised.least": RequirementsRevised(revision=2, requirements=_LEAST_REQUIREMENTS),
    "OpeningsChanged": OpeningsChanged(openings=5),
    "OpeningFilled": OpeningFilled(application_id=_APPLICATION),
    "ApplicationSubmitted": ApplicationSubmitted(
        job_id=_JOB,
        candidate_id=_ANN,
        claims=Claims(skills=("baking",), experience_years=4, expected_salary=35_000, currency="EUR"),
        requirements_revision=2,
        cover_letter_text_id=_TEXT,
        resume_id=_RESUME,
        source="fair",
    ),
    "ApplicationSubmitted.least": ApplicationSubmitted(
        job_id=_JOB,
        candidate_id=_ANN,
        claims=Claims(skills=(), experience_years=None, expected_salary=None, currency=None),
        requirements_revision=1,
        cover_letter_text_id=None,
        resume_id=None,
        source=None,
    ),
    "ApplicationSubmitted.2": ApplicationSubmitted(
        job_id=_OTHER_JOB,
        candidate_id=_ANN,
        claims=Claims(skills=("baking",), experience_years=4, expected_salary=35_000, currency="EUR"),
        requirements_revision=2,
        cover_letter_text_id=_TEXT,
        resume_id=_RESUME,
        source="fair",
        moved_from=_APPLICATION,
    ),
    "ApplicationScreened": ApplicationScreened(
        verdict="not_qualified",
        score=62,
        criteria=(
            Criterion(
                name="skills",
                outcome="partly",
                points=31,
                out_of=63,
                asked=("baking", "pastry"),
                found=("baking",),
                explanation="Has 1 of 2 required skills; missing: pastry.",
            ),
        ),
        policy_version=1,
        requirements_revision=2,
        aliases={"bread making": "baking"},
    ),
    "ApplicationScreened.least": ApplicationScreened(
        verdict="qualified", score=100, criteria=(), policy_version=1, requirements_revision=1
    ),
    "JobCreated.2": JobCreated(
        created_by=_ANN, posting=_POSTING, requirements=_SCREENED_REQUIREMENTS, openings=3
    ),
    "RequirementsRevised.2": RequirementsRevised(revision=2, requirements=_SCREENED_REQUIREMENTS),
    "StageAdvanced": StageAdvanced(from_stage="interview", to_stage="offer", note_text_id=_TEXT),
    "StageAdvanced.least": StageAdvanced(from_stage="offer", to_stage="hired", note_text_id=None),
    "ApplicationRejected": ApplicationRejected(from_stage="screening", reason_text_id=_TEXT),
    "ApplicationRejected.least": ApplicationRejected(from_stage="applied", reason_text_id=None),
    "ApplicationReinstated": ApplicationReinstated(to_stage="screening"),
    "ApplicationWithdrawn": ApplicationWithdrawn(from_stage="interview"),
    "ApplicationMoved": ApplicationMoved(
        from_stage="interview",
        to_job_id=_OTHER_JOB,
        to_application_id=_OTHER_APPLICATION,
        note_text_id=_TEXT,
    ),
    "ApplicationMoved.least": ApplicationMoved(
        from_stage="applied", to_job_id=_OTHER_JOB, to_application_id=_OTHER_APPLICATION, note_text_id=None
    ),
    "CommentAdded": CommentAdded(application_id=_APPLICATION, author_id=_ANN, text_id=_TEXT),
    "CommentRemoved": CommentRemoved(application_id=_APPLICATION, text_id=_TEXT),
    "ScorecardSubmitted": ScorecardSubmitted(
        application_id=_APPLICATION,
        author_id=_ANN,
        stage="interview",
        ratings=(Rating("communication", 4), Rating("dough", 5)),
        recommendation="strong_yes",
        note_text_id=_TEXT,
    ),
    "ScorecardSubmitted.least": ScorecardSubmitted(
        application_id=_APPLICATION,
        author_id=_ANN,
        stage="applied",
        ratings=(Rating("dough", 1),),
        recommendation="strong_no",
        note_text_id=None,
    ),
    "ScorecardRevised": ScorecardRevised(
        application_id=_APPLICATION,
        author_id=_ANN,
        stage="screening",
        ratings=(Rating("dough", 3),),
        recommendation="yes",
        note_text_id=_TEXT,
    ),
    "ScorecardRevised.least": ScorecardRevised(
        application_id=_APPLICATION,
        author_id=_ANN,
        stage="hired",
        ratings=(Rating("dough", 2),),
        recommendation="no",
        note_text_id=None,
    ),
    "JobViewed": JobViewed(job_id=_JOB, viewer_id=_ANN),
    "MemberJoined": MemberJoined(account_id=_ANN, role="hiring_manager"),
    "MemberJoined.2": MemberJoined(account_id=_ANN, role="recruiter", invited_by=_BOB),
    "MemberRoleChanged": MemberRoleChanged(account_id=_ANN, from_role="auditor", to_role="admin"),
    "MemberLeft": MemberLeft(account_id=_ANN),
}
