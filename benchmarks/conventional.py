"""The comparator of the HTTP benchmark: applying for a job as a conventional backend does it.

FastAPI, SQLAlchemy's asynchronous ORM and PostgreSQL: the token is checked, then user, job and an earlier application are
looked up, the application and a history row are inserted, and the request's session commits.
"""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel
from sqlalchemy import ARRAY, ForeignKey, Text, UniqueConstraint, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_ALGORITHM = "HS256"


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(default="candidate")


class Job(Base):
    __tablename__ = "jobs"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    title: Mapped[str]
    description: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(default="open")


class Application(Base):
    __tablename__ = "applications"
    __table_args__ = (UniqueConstraint("job_id", "candidate_id"),)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id"), index=True)
    candidate_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    stage: Mapped[str] = mapped_column(default="applied")
    skills: Mapped[list[str]] = mapped_column(ARRAY(Text))
    experience_years: Mapped[int]
    expected_salary: Mapped[int]
    currency: Mapped[str]
    applied_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC).replace(tzinfo=None))


class History(Base):
    __tablename__ = "application_history"
    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"), index=True)
    from_stage: Mapped[str | None]
    to_stage: Mapped[str]
    changed_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    changed_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC).replace(tzinfo=None))


class ApplicationIn(BaseModel):
    skills: list[str]
    experience_years: int
    expected_salary: int
    currency: str


class ApplicationOut(ApplicationIn):
    model_config = {"from_attributes": True}
    id: UUID
    job_id: UUID
    candidate_id: UUID
    stage: str
    applied_at: datetime


def engine(database_url: str) -> AsyncEngine:
    """The engine, with as many connections as the benchmark's clients."""
    address = database_url.split("://", 1)[1]
    return create_async_engine(f"postgresql+psycopg://{address}", pool_size=32, max_overflow=0)


def token(secret_key: str, user_id: UUID) -> str:
    """An access token."""
    claims = {"sub": str(user_id), "exp": datetime.now(UTC) + timedelta(hours=1)}
    return jwt.encode(claims, secret_key, algorithm=_ALGORITHM)


async def seed(database_url: str, candidates: int, jobs: int) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """Create the tables with that many users and open jobs; the ids of both."""
    made = engine(database_url)
    async with made.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    users = [
        User(id=uuid4(), email=f"candidate{n}@example.com", name=f"Candidate {n}") for n in range(candidates)
    ]
    posted = [Job(id=uuid4(), title=f"Engineer {n}", description="Builds things. " * 20) for n in range(jobs)]
    ids = [user.id for user in users], [job.id for job in posted]
    async with AsyncSession(made) as session:
        session.add_all([*users, *posted])
        await session.commit()
    await made.dispose()
    return ids


def app() -> FastAPI:
    """The service on `DATABASE_URL` and `SECRET_KEY`, for uvicorn's `--factory`."""
    database, secret_key = engine(os.environ["DATABASE_URL"]), os.environ["SECRET_KEY"]
    sessions = async_sessionmaker(database, expire_on_commit=False)
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await database.dispose()

    async def session() -> AsyncGenerator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    async def current_user(
        given: Annotated[str, Depends(bearer)], opened: Annotated[AsyncSession, Depends(session)]
    ) -> User:
        try:
            claims = jwt.decode(given, secret_key, algorithms=[_ALGORITHM])
        except jwt.InvalidTokenError as error:
            raise HTTPException(401, "Could not validate credentials") from error
        user = await opened.scalar(select(User).where(User.id == UUID(claims["sub"])))
        if user is None:
            raise HTTPException(401, "Could not validate credentials")
        return user

    async def apply(
        job_id: UUID,
        body: ApplicationIn,
        user: Annotated[User, Depends(current_user)],
        opened: Annotated[AsyncSession, Depends(session)],
    ) -> Application:
        job = await opened.scalar(select(Job).where(Job.id == job_id))
        if job is None:
            raise HTTPException(404, "Job not found")
        if job.status != "open":
            raise HTTPException(409, "Job is not open")
        earlier = select(Application).where(Application.job_id == job.id, Application.candidate_id == user.id)
        if await opened.scalar(earlier) is not None:
            raise HTTPException(409, "Already applied")
        application = Application(job_id=job.id, candidate_id=user.id, **body.model_dump())
        opened.add(application)
        await opened.flush()
        opened.add(History(application_id=application.id, to_stage="applied", changed_by=user.id))
        await opened.commit()
        return application

    service = FastAPI(lifespan=lifespan)
    service.add_api_route(
        "/jobs/{job_id}/apply", apply, methods=["POST"], status_code=201, response_model=ApplicationOut
    )
    return service
