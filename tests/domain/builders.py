"""Events and commands with everything filled in that a sentence does not care about."""

from uuid import UUID

from domain.assessment import (
    AddComment,
    CommentAdded,
    CommentRemoved,
    Rating,
    Recommendation,
    RemoveComment,
    ScorecardRevised,
    ScorecardSubmitted,
    ScoredStage,
    SubmitScorecard,
)
from domain.identifiers import derived_id, random_id, tenant_id
from domain.job import (
    AdmitApplication,
    ArchiveJob,
    CloseJob,
    CreateJob,
    EditJob,
    FillOpening,
    JobArchived,
    JobClosed,
    JobCreated,
    JobPublished,
    JobReopened,
    OpeningFilled,
    OpeningsChanged,
    Posting,
    PostingEdited,
    PublishJob,
    ReopenJob,
    Requirements,
    RequirementsRevised,
)
from domain.job_application import (
    AdvanceStage,
    ApplicationMoved,
    ApplicationReinstated,
    ApplicationRejected,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    Claims,
    MoveApplication,
    PipelineStage,
    ReinstateApplication,
    RejectApplication,
    StageAdvanced,
    SubmitApplication,
    WithdrawApplication,
)
from domain.job_view import JobViewed, RecordView
from domain.membership import (
    AcceptInvitation,
    AddMember,
    ChangeMemberRole,
    EraseMember,
    FoundCompany,
    LeaveCompany,
    MemberJoined,
    MemberLeft,
    MemberRoleChanged,
    RemoveMember,
    StaffRole,
)

COMPANY = tenant_id(UUID("c0ffee00-0000-4000-8000-000000000000"))
JOB_ID = random_id(COMPANY, UUID(int=1))
OTHER_JOB_ID = random_id(COMPANY, UUID(int=2))
ANN = UUID("a0000000-0000-4000-8000-000000000001")
BOB = UUID("b0000000-0000-4000-8000-000000000002")
CANDIDATE = UUID("d0000000-0000-4000-8000-000000000003")
APPLICATION = derived_id(COMPANY, "application", JOB_ID, CANDIDATE)
OTHER_APPLICATION = derived_id(COMPANY, "application", JOB_ID, ANN)
MOVED_TO = derived_id(COMPANY, "application", OTHER_JOB_ID, CANDIDATE)
TEXT = UUID("e0000000-0000-4000-8000-000000000004")
RESUME = UUID("f0000000-0000-4000-8000-000000000005")

POSTING = Posting(title="Baker", description="Bread, early.", location="Lyon")
REQUIREMENTS = Requirements(
    skills=("baking",), min_experience_years=2, salary_min=30_000, salary_max=40_000, currency="EUR"
)
CLAIMS = Claims(skills=("baking", "pastry"), experience_years=3, expected_salary=35_000, currency="EUR")


# A job


def created(
    *,
    openings: int = 1,
    posting: Posting = POSTING,
    requirements: Requirements = REQUIREMENTS,
    created_by: UUID = ANN,
) -> JobCreated:
    return JobCreated(created_by=created_by, posting=posting, requirements=requirements, openings=openings)


def published() -> JobPublished:
    return JobPublished()


def closed() -> JobClosed:
    return JobClosed()


def reopened() -> JobReopened:
    return JobReopened()


def archived() -> JobArchived:
    return JobArchived()


def edited(posting: Posting) -> PostingEdited:
    return PostingEdited(posting=posting)


def revised(revision: int, requirements: Requirements) -> RequirementsRevised:
    return RequirementsRevised(revision=revision, requirements=requirements)


def openings_changed(openings: int) -> OpeningsChanged:
    return OpeningsChanged(openings=openings)


def filled(application_id: UUID = APPLICATION) -> OpeningFilled:
    return OpeningFilled(application_id=application_id)


def create(
    *,
    openings: int = 1,
    publish: bool = False,
    posting: Posting = POSTING,
    requirements: Requirements = REQUIREMENTS,
) -> CreateJob:
    return CreateJob(
        job_id=JOB_ID,
        created_by=ANN,
        posting=posting,
        requirements=requirements,
        openings=openings,
        publish=publish,
    )


def edit(
    *,
    posting: Posting | None = None,
    requirements: Requirements | None = None,
    openings: int | None = None,
) -> EditJob:
    return EditJob(job_id=JOB_ID, posting=posting, requirements=requirements, openings=openings)


def publish_it() -> PublishJob:
    return PublishJob(job_id=JOB_ID)


def close() -> CloseJob:
    return CloseJob(job_id=JOB_ID)


def reopen() -> ReopenJob:
    return ReopenJob(job_id=JOB_ID)


def archive() -> ArchiveJob:
    return ArchiveJob(job_id=JOB_ID)


def admit() -> AdmitApplication:
    return AdmitApplication(job_id=JOB_ID)


def fill(application_id: UUID = APPLICATION) -> FillOpening:
    return FillOpening(job_id=JOB_ID, application_id=application_id)


# An application


def submitted(
    job_id: UUID = JOB_ID, candidate_id: UUID = CANDIDATE, *, claims: Claims = CLAIMS, revision: int = 1
) -> ApplicationSubmitted:
    return ApplicationSubmitted(
        job_id=job_id, candidate_id=candidate_id, claims=claims, requirements_revision=revision
    )


def advanced(from_stage: PipelineStage, to_stage: PipelineStage) -> StageAdvanced:
    return StageAdvanced(from_stage=from_stage, to_stage=to_stage)


def rejected(from_stage: PipelineStage) -> ApplicationRejected:
    return ApplicationRejected(from_stage=from_stage)


def reinstated(to_stage: PipelineStage) -> ApplicationReinstated:
    return ApplicationReinstated(to_stage=to_stage)


def withdrawn(from_stage: PipelineStage) -> ApplicationWithdrawn:
    return ApplicationWithdrawn(from_stage=from_stage)


def moved(from_stage: PipelineStage) -> ApplicationMoved:
    return ApplicationMoved(from_stage=from_stage, to_job_id=OTHER_JOB_ID, to_application_id=MOVED_TO)


def submit() -> SubmitApplication:
    return SubmitApplication(
        application_id=APPLICATION,
        job_id=JOB_ID,
        candidate_id=CANDIDATE,
        claims=CLAIMS,
        requirements_revision=1,
    )


def advance(to_stage: PipelineStage) -> AdvanceStage:
    return AdvanceStage(application_id=APPLICATION, to_stage=to_stage)


def reject() -> RejectApplication:
    return RejectApplication(application_id=APPLICATION)


def reinstate() -> ReinstateApplication:
    return ReinstateApplication(application_id=APPLICATION)


def withdraw() -> WithdrawApplication:
    return WithdrawApplication(application_id=APPLICATION)


def move() -> MoveApplication:
    return MoveApplication(application_id=APPLICATION, to_job_id=OTHER_JOB_ID, to_application_id=MOVED_TO)


# An assessment

RATINGS = (Rating("communication", 4), Rating("dough", 5))
BY_INTERVIEW: tuple[ScoredStage, ...] = ("applied", "screening", "interview")


def commented(author_id: UUID, text_id: UUID = TEXT) -> CommentAdded:
    return CommentAdded(application_id=APPLICATION, author_id=author_id, text_id=text_id)


def comment_removed(text_id: UUID = TEXT) -> CommentRemoved:
    return CommentRemoved(application_id=APPLICATION, text_id=text_id)


def scored(author_id: UUID, stage: ScoredStage, recommendation: Recommendation = "yes") -> ScorecardSubmitted:
    return ScorecardSubmitted(
        application_id=APPLICATION,
        author_id=author_id,
        stage=stage,
        ratings=RATINGS,
        recommendation=recommendation,
    )


def score_revised(
    author_id: UUID, stage: ScoredStage, recommendation: Recommendation = "no"
) -> ScorecardRevised:
    return ScorecardRevised(
        application_id=APPLICATION,
        author_id=author_id,
        stage=stage,
        ratings=RATINGS,
        recommendation=recommendation,
    )


def comment(author_id: UUID, text_id: UUID = TEXT) -> AddComment:
    return AddComment(application_id=APPLICATION, author_id=author_id, text_id=text_id)


def remove_comment(author_id: UUID, text_id: UUID = TEXT) -> RemoveComment:
    return RemoveComment(application_id=APPLICATION, author_id=author_id, text_id=text_id)


def score(
    author_id: UUID,
    stage: ScoredStage | None = None,
    recommendation: Recommendation = "yes",
    ratings: tuple[Rating, ...] = RATINGS,
) -> SubmitScorecard:
    """About an application that has come as far as the interview."""
    return SubmitScorecard(
        application_id=APPLICATION,
        author_id=author_id,
        ratings=ratings,
        recommendation=recommendation,
        stage=stage,
        reached=BY_INTERVIEW,
    )


# A view


def viewed() -> JobViewed:
    return JobViewed(job_id=JOB_ID, viewer_id=CANDIDATE)


def record_view() -> RecordView:
    return RecordView(job_id=JOB_ID, viewer_id=CANDIDATE)


# A membership


def joined(account_id: UUID, role: StaffRole, invited_by: UUID | None = None) -> MemberJoined:
    return MemberJoined(account_id=account_id, role=role, invited_by=invited_by)


def role_changed(account_id: UUID, from_role: StaffRole, to_role: StaffRole) -> MemberRoleChanged:
    return MemberRoleChanged(account_id=account_id, from_role=from_role, to_role=to_role)


def left(account_id: UUID) -> MemberLeft:
    return MemberLeft(account_id=account_id)


def found(account_id: UUID) -> FoundCompany:
    return FoundCompany(company_id=COMPANY, account_id=account_id)


def add(account_id: UUID, role: StaffRole) -> AddMember:
    return AddMember(company_id=COMPANY, account_id=account_id, role=role)


def accept(account_id: UUID, role: StaffRole, inviter: UUID) -> AcceptInvitation:
    return AcceptInvitation(company_id=COMPANY, account_id=account_id, role=role, invited_by=inviter)


def change_role(account_id: UUID, role: StaffRole) -> ChangeMemberRole:
    return ChangeMemberRole(company_id=COMPANY, account_id=account_id, role=role)


def remove(account_id: UUID) -> RemoveMember:
    return RemoveMember(company_id=COMPANY, account_id=account_id)


def erase(account_id: UUID) -> EraseMember:
    return EraseMember(company_id=COMPANY, account_id=account_id)


def leave(account_id: UUID) -> LeaveCompany:
    return LeaveCompany(company_id=COMPANY, account_id=account_id)
