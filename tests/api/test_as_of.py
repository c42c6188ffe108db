"""What an application was at a version or a moment is what `GET` answered then: recorded while acting, replayed afterwards."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.people import Json, Person, System, done, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

TICK: Final = timedelta(microseconds=1)


class Scene:
    """A company with an application; whatever is done to it, and what `GET` answered after each time."""

    def __init__(self, admin: Person, cy: Person, job: Json, other: Json, application: Json) -> None:
        self.admin, self.cy, self.job, self.other = admin, cy, job, other
        self.paths = [f"/applications/{application['id']}"]
        self.answers: dict[str, list[Json]] = {}

    async def record(self) -> None:
        for path in self.paths:
            self.answers.setdefault(path, []).append(await self.admin.sees(path))

    async def move(self) -> None:
        answer = await self.admin.post(
            f"{self.paths[-1]}/move", {"job_id": self.other["id"], "note": "Fits."}
        )
        if answer.status_code == 201:
            self.paths.append(f"/applications/{answer.json()['id']}")

    async def revise(self) -> None:
        done(await self.admin.patch(f"/jobs/{self.job['id']}", {"skills": ["milling"], "openings": 2}))

    async def bulk(self, stage: str) -> None:
        ids = [path.rpartition("/")[2] for path in self.paths]
        done(await self.admin.post("/applications/bulk/stage", {"ids": ids, "stage": stage}))


Act: TypeAlias = Callable[[Scene], Awaitable[httpx.Response | None]]

CARD: Final = {"ratings": {"dough": 4}, "recommendation": "yes"}
ACTS: Final[dict[str, Act]] = {
    "screening": lambda scene: scene.admin.patch(f"{scene.paths[-1]}/stage", {"stage": "screening"}),
    "interview": lambda scene: scene.admin.patch(
        f"{scene.paths[-1]}/stage", {"stage": "interview", "note": "N"}
    ),
    "bulk": lambda scene: scene.bulk("offer"),
    "hired": lambda scene: scene.admin.patch(f"{scene.paths[-1]}/stage", {"stage": "hired"}),
    "reject": lambda scene: scene.admin.post(f"{scene.paths[-1]}/reject", {"reason": "No."}),
    "reinstate": lambda scene: scene.admin.post(f"{scene.paths[-1]}/reinstate"),
    "withdraw": lambda scene: scene.cy.post(f"{scene.paths[-1]}/withdraw"),
    "move": lambda scene: scene.move(),
    "comment": lambda scene: scene.admin.post(f"{scene.paths[-1]}/comments", {"text": "Hm."}),
    "score": lambda scene: scene.admin.post(f"{scene.paths[-1]}/scorecards", CARD),
    "revise": lambda scene: scene.revise(),
}


async def scene(system: System) -> Scene:
    admin, cy = await system.company(), await system.candidate()
    job, other = await admin.posts_job(), await admin.posts_job()
    application = await cy.applies(job, cover_letter="Dear", source="Fair", experience_years=2)
    return Scene(admin, cy, job, other, application)


async def moments(admin: Person, path: str) -> list[tuple[int, datetime]]:
    """The versions of an application that could be seen, each with when it began."""
    events = (await admin.sees(f"/audit/streams/{path.rpartition('/')[2]}"))["items"]
    began = {datetime.fromisoformat(event["recorded_at"]): event["version"] for event in events}
    return [(version, moment) for moment, version in began.items()]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.sampled_from(sorted(ACTS)), max_size=9))
async def test_as_of_answers_what_was_answered_then(system: System, acts: list[str]) -> None:
    played = await scene(system)
    await played.record()
    for act in acts:
        await ACTS[act](played)
        await played.record()
    for path, answers in played.answers.items():
        answered = {answer["version"]: answer for answer in answers}
        assert all(answered[answer["version"]] == answer for answer in answers)
        began = await moments(played.admin, path)
        assert [version for version, _ in began] == sorted(answered)
        await replayed(played.admin, path, answered, began)


async def replayed(
    admin: Person, path: str, answered: dict[int, Json], began: list[tuple[int, datetime]]
) -> None:
    """Every version, and every stretch of time between two of them at both ends and in the middle, is as it was answered."""
    ends = [moment - TICK for _, moment in began[1:]] + [began[-1][1] + timedelta(days=900)]
    for (version, start), end in zip(began, ends, strict=True):
        for moment in (version, start, start + (end - start) / 2, end):
            as_of = moment if isinstance(moment, int) else moment.isoformat()
            assert await admin.sees(path, as_of=as_of) == answered[version], as_of
    refused(await admin.get(path, as_of=(began[0][1] - TICK).isoformat()), 404, "not_found")
    refused(await admin.get(path, as_of=0), 404, "not_found")
    refused(await admin.get(path, as_of=max(answered) + 1), 404, "no_such_version")


async def test_a_moment_may_be_written_in_any_zone(system: System) -> None:
    played = await scene(system)
    await ACTS["screening"](played)
    (path,) = played.paths
    now = await played.admin.sees(path)
    for moment in (
        now["stage_since"],
        now["stage_since"].replace("Z", "+00:00"),
        now["stage_since"].lower(),
        "9999-12-31T23:59:59+10:00",
    ):
        assert await played.admin.sees(path, as_of=moment) == now


async def test_what_was_erased_since_stays_erased_at_every_moment(system: System) -> None:
    played = await scene(system)
    (path,) = played.paths
    first = await played.admin.sees(path)
    async with system.owner() as connection:
        await connection.execute("delete from personal_text where subject_id = %s", (played.cy.id,))
    assert await played.admin.sees(path, as_of=first["version"]) == first | {"cover_letter": None}


@pytest.mark.parametrize("moment", ["2020-01-01T00:00:00Z", "2020-01-01"])
async def test_before_it_was_sent_there_is_no_application(system: System, moment: str) -> None:
    played = await scene(system)
    refused(await played.admin.get(played.paths[0], as_of=moment), 404)


async def test_another_companys_versions_are_not_counted(system: System) -> None:
    played, stranger = await scene(system), await system.company()
    refused(await stranger.get(played.paths[0], as_of=9), 404, "not_found")


@pytest.mark.parametrize(
    "moment", ["", "x", "-1", "1e3", "\u0661", "2020-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9" * 40]
)
async def test_what_is_no_moment_is_400(system: System, moment: str) -> None:
    played = await scene(system)
    refused(await played.admin.get(played.paths[0], as_of=moment), 400)
