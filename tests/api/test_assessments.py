"""Comments and scorecards: who wrote what, once per person and stage, and nothing of it to the candidate."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from msgspec.structs import replace

from application.entity import STREAM_PAGE
from application.handle import CommandHandler
from application.ports import EventLog
from application.recorded import StoredEvent
from tests.api.people import Json, Person, System, done, refused
from tests.application.command_client import Through
from tests.patience import blocked

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def hired_for(system: System) -> tuple[Person, Person, Person, str]:
    """An admin, a hiring manager, a candidate, and the path of their application, which is at screening."""
    admin, cy = await system.company(), await system.candidate()
    manager = await system.member(admin, "hiring_manager")
    application = await cy.applies(await admin.posts_job())
    await admin.advances(application, "screening")
    return admin, manager, cy, f"/applications/{application['id']}"


def card(recommendation: str = "yes", **further: object) -> Json:
    return {"ratings": {"dough": 4, "team": 2}, "recommendation": recommendation} | further


async def test_comments_are_listed_with_their_authors_oldest_first(system: System) -> None:
    admin, manager, _, path = await hired_for(system)
    first = done(await admin.post(f"{path}/comments", {"text": "Knows flour."}))
    second = done(await manager.post(f"{path}/comments", {"text": "And yeast."}))
    assert first["author"] == {"role": "admin", "id": admin.id, "name": admin.profile["name"]}
    auditor = await system.member(admin, "auditor")
    assert [page async for page in auditor.pages(f"{path}/comments", limit=1)] == [[first], [second]]
    assert second["position"] == first["position"] + 1


async def test_a_comment_moves_neither_version_nor_etag_and_goes_on_after_the_end(system: System) -> None:
    admin, manager, cy, path = await hired_for(system)
    done(await cy.post(f"{path}/withdraw"))
    before = await admin.get(path)
    assert (await manager.post(f"{path}/comments", {"text": "A pity."})).status_code == 201
    assert (await manager.post(f"{path}/scorecards", card())).status_code == 201
    after = await admin.get(path)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


async def test_more_comments_than_are_read_at_once_are_listed_and_told(system: System) -> None:
    admin, manager, _, path = await hired_for(system)
    count = STREAM_PAGE + 20
    for number in range(count):
        done(await manager.post(f"{path}/comments", {"text": f"{number}"}))
    first = (await admin.all(f"{path}/comments"))[0]
    done(await manager.send("DELETE", f"{path}/comments/{first['id']}"))
    assert [comment["text"] for comment in await admin.all(f"{path}/comments")] == [
        f"{number}" for number in range(1, count)
    ]
    told = await admin.all(f"{path}/history")
    assert [entry["comment"] for entry in told[3:]] == [
        None,
        *[f"{number}" for number in range(1, count)],
        None,
    ]
    assert {entry["to_stage"] for entry in told[3:]} == {"screening"}


async def test_an_author_takes_a_comment_back_and_its_text_is_gone(system: System) -> None:
    admin, manager, _, path = await hired_for(system)
    comment = done(await manager.post(f"{path}/comments", {"text": "Hm."}))
    about = f"{path}/comments/{comment['id']}"
    refused(await admin.send("DELETE", about), 409, "not_the_author")
    assert done(await manager.send("DELETE", about)) == {
        "id": comment["id"],
        "application_id": comment["application_id"],
        "position": comment["position"] + 1,
    }
    refused(await manager.send("DELETE", about), 404)
    assert await admin.all(f"{path}/comments") == []
    history = await admin.sees(f"{path}/history")
    assert [entry["what"] for entry in history["items"][-2:]] == ["Commented", "Took a comment back"]
    assert "Hm." not in json.dumps(history)


async def test_the_text_of_a_comment_is_gone_before_the_log_says_that_it_was_taken_back(
    system: System,
) -> None:
    admin, manager, _, path = await hired_for(system)
    comment = done(await manager.post(f"{path}/comments", {"text": "Hm."}))
    async with system.owner() as connection, system.owner() as watching:
        async with connection.transaction():
            await connection.execute(
                "select from personal_text where text_id = %s for update", [comment["id"]]
            )
            removing = asyncio.create_task(manager.send("DELETE", f"{path}/comments/{comment['id']}"))
            await blocked(watching, connection.info.backend_pid)
            assert (await admin.sees("/audit/events", limit=1))["head"] == comment["position"]
        assert done(await removing)["position"] == comment["position"] + 1


async def test_a_repeated_request_does_not_bring_back_what_was_taken_back(system: System) -> None:
    _, manager, _, path = await hired_for(system)
    comment = done(await manager.post(f"{path}/comments", {"text": "Hm."}, key="c"))
    done(await manager.send("DELETE", f"{path}/comments/{comment['id']}"))
    again = done(await manager.post(f"{path}/comments", {"text": "Hm."}, key="c"))
    assert again == comment | {"text": None}
    async with system.owner() as connection:
        kept = await connection.execute("select 1 from personal_text where text_id = %s", [comment["id"]])
        assert await kept.fetchall() == []


async def test_no_version_is_met_where_there_is_none(system: System) -> None:
    admin, _, _, path = await hired_for(system)
    for version in (2, 99):
        refused(
            await admin.post(f"{path}/comments", {"text": "?"}, version=version), 400, "if_match_not_taken"
        )
    assert await admin.all(f"{path}/comments") == []


async def test_one_scorecard_per_person_and_stage_which_may_be_revised(system: System) -> None:
    admin, manager, _, path = await hired_for(system)
    first = await manager.post(f"{path}/scorecards", card(note="Steady hands."))
    assert (first.status_code, first.json()["stage"], first.json()["revision"]) == (201, "screening", 1)
    early = await manager.post(f"{path}/scorecards", card(stage="applied"))
    assert (early.status_code, early.json()["stage"]) == (201, "applied")
    theirs = done(await admin.post(f"{path}/scorecards", card("strong_no")))
    revised = await manager.post(f"{path}/scorecards", card("strong_yes", note="Very."))
    assert (revised.status_code, revised.json()["revision"]) == (200, 2)
    again = await admin.post(f"{path}/scorecards", card("strong_no"))
    assert (again.status_code, again.json()) == (200, theirs)
    assert await admin.all(f"{path}/scorecards") == [revised.json(), early.json(), theirs]
    assert [page async for page in admin.pages(f"{path}/scorecards", limit=2)] == [
        [revised.json(), early.json()],
        [theirs],
    ]
    body = refused(await manager.post(f"{path}/scorecards", card(stage="offer")), 409, "stage_not_reached")
    assert body["allowed"] == ["applied", "screening"]


async def test_a_scorecard_that_is_sent_again_with_its_note_is_no_revision(system: System) -> None:
    admin, manager, _, path = await hired_for(system)
    first = done(await manager.post(f"{path}/scorecards", card(note="Shy.")))
    for stage in (None, "screening"):
        again = await manager.post(f"{path}/scorecards", card(note="Shy.", stage=stage))
        assert (again.status_code, again.json()) == (200, first)
    theirs = done(await admin.post(f"{path}/scorecards", card(note="Shy.")))
    assert (theirs["note"], theirs["revision"], theirs["position"]) == ("Shy.", 1, first["position"] + 1)
    changed = done(await manager.post(f"{path}/scorecards", card("no", note="Shy.")))
    assert (changed["note"], changed["revision"]) == ("Shy.", 2)
    assert done(await manager.post(f"{path}/scorecards", card("no")))["note"] is None
    later = done(await manager.post(f"{path}/scorecards", card("no", note="Shy.")))
    assert (later["note"], later["revision"]) == ("Shy.", 4)
    history = await admin.all(f"{path}/history")
    assert [entry["note"] for entry in history if entry["type"].startswith("Scorecard")] == [
        "Shy.",
        "Shy.",
        "Shy.",
        None,
        "Shy.",
    ]


class MovesOn(Through):
    """A log in which an application moves on right after it was read for a command."""

    def __init__(self, log: EventLog, application: UUID, moves: Callable[[], Awaitable[object]]) -> None:
        super().__init__(log)
        self._application = application
        self._moves: Callable[[], Awaitable[object]] | None = moves

    async def load(
        self, tenant_id: UUID, stream_id: UUID, *, after_version: int = 0, limit: int | None = None
    ) -> list[StoredEvent]:
        stream = await super().load(tenant_id, stream_id, after_version=after_version, limit=limit)
        if stream_id == self._application and (moves := self._moves) is not None:
            self._moves = None
            await moves()
        return stream


async def test_a_scorecard_that_is_repeated_is_answered_though_the_application_moves_on(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, manager, _, path = await hired_for(system)
    first = done(await manager.post(f"{path}/scorecards", card()))

    async def moves() -> None:
        done(await admin.patch(f"{path}/stage", {"stage": "interview"}))

    log = MovesOn(system.services.store, UUID(path.removeprefix("/applications/")), moves)
    moving = replace(system.services, commands=CommandHandler(log))
    monkeypatch.setattr(system.app.state, "services", moving)
    again = await manager.post(f"{path}/scorecards", card())
    assert (again.status_code, again.json()) == (200, first)
    assert (await admin.sees(path))["stage"] == "interview"


async def test_a_repeated_key_answers_the_first_comment_and_scorecard(system: System) -> None:
    _, manager, _, path = await hired_for(system)
    comment = await manager.post(f"{path}/comments", {"text": "Once."}, key="c")
    scored = await manager.post(f"{path}/scorecards", card(note="One."), key="s")
    done(await manager.post(f"{path}/scorecards", card("no", note="Two.")))
    again = await manager.post(f"{path}/comments", {"text": "Once."}, key="c")
    assert (again.status_code, again.json()) == (201, comment.json())
    repeated = await manager.post(f"{path}/scorecards", card(note="One."), key="s")
    assert (repeated.status_code, repeated.json()) == (201, scored.json())
    assert len(await manager.all(f"{path}/comments")) == 1
    refused(
        await manager.post(f"{path}/comments", {"text": "Twice."}, key="c"), 409, "idempotency_key_reused"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"ratings": {}, "recommendation": "yes"},
        {"ratings": {"dough": 0}, "recommendation": "yes"},
        {"ratings": {"dough": 6}, "recommendation": "yes"},
        {"ratings": {"dough": 3.5}, "recommendation": "yes"},
        {"ratings": {"x" * 61: 3}, "recommendation": "yes"},
        {"ratings": {" ": 3}, "recommendation": "yes"},
        {"ratings": {f"c{n}": 3 for n in range(21)}, "recommendation": "yes"},
        {"ratings": {"dough": 3}, "recommendation": "maybe"},
        {"ratings": {"dough": 3}, "recommendation": "yes", "stage": "rejected"},
        {"recommendation": "yes"},
    ],
)
async def test_what_is_no_scorecard_is_400(system: System, body: Json) -> None:
    _, manager, _, path = await hired_for(system)
    assert refused(await manager.post(f"{path}/scorecards", body), 400)["errors"]


async def test_a_candidate_learns_nothing_of_comments_and_scores(system: System) -> None:
    admin, manager, cy, path = await hired_for(system)
    before = (await cy.get(path)).content, (await cy.get(f"{path}/history")).content
    done(await manager.post(f"{path}/comments", {"text": "Secret."}))
    done(await admin.post(f"{path}/scorecards", card(note="Secret.")))
    assert ((await cy.get(path)).content, (await cy.get(f"{path}/history")).content) == before
    for verb, about in (
        ("GET", "comments"),
        ("POST", "comments"),
        ("GET", "scorecards"),
        ("POST", "scorecards"),
    ):
        refused(await cy.send(verb, f"{path}/{about}"), 403)


async def test_what_staff_wrote_goes_with_the_candidates_personal_data(system: System) -> None:
    _, manager, cy, path = await hired_for(system)
    done(await manager.post(f"{path}/comments", {"text": "Gone soon."}))
    done(await manager.post(f"{path}/scorecards", card(note="Gone too.")))
    async with system.owner() as connection:
        await connection.execute("delete from personal_text where subject_id = %s", (cy.id,))
    (comment,), (scored,) = await manager.all(f"{path}/comments"), await manager.all(f"{path}/scorecards")
    assert (comment["text"], scored["note"], scored["ratings"]) == (None, None, {"dough": 4, "team": 2})
