"""`hirelog verify screening`, as an operator and as a script use it."""

import json
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec.structs import replace

from domain.identifiers import derived_id
from domain.job import Requirements
from domain.job_application import ApplicationScreened, Claims
from domain.screening import screen
from tests.api.command_line import hirelog
from tests.domain.builders import CLAIMS, REQUIREMENTS, created, published, revised, submitted
from tests.read_models import World, new_id, new_tenant, world

REVISED = replace(REQUIREMENTS, skills=("baking", "js"), threshold=90)


def applied(
    here: World, job_id: UUID, claims: Claims, revision: int, *, asked: Requirements, aliases: dict[str, str]
) -> UUID:
    """An application as it is stored, with the verdict of the policy on that revision of what was asked."""
    candidate = uuid4()
    application_id = derived_id(job_id, "application", job_id, candidate)
    found = screen(asked, claims, aliases)
    here.append(
        application_id,
        submitted(job_id, candidate, claims=claims, revision=revision),
        ApplicationScreened(
            verdict=found.verdict,
            score=found.score,
            criteria=found.criteria,
            policy_version=found.policy_version,
            requirements_revision=revision,
            aliases=aliases,
        ),
    )
    return application_id


def two_applications(here: World) -> UUID:
    """One of a company's two applications: for a job whose requirements were revised between them, the later one."""
    job_id = new_id(new_tenant())
    here.append(job_id, created(requirements=REQUIREMENTS), published())
    aliases = {"js": "javascript"}
    applied(here, job_id, CLAIMS, 1, asked=REQUIREMENTS, aliases=aliases)
    here.append(job_id, revised(2, REVISED))
    return applied(here, job_id, replace(CLAIMS, skills=("JavaScript",)), 2, asked=REVISED, aliases=aliases)


def tamper(here: World, application_id: UUID, **fields: object) -> None:
    ((data,),) = here.execute(
        "select data from event where stream_id = %s and type = 'ApplicationScreened'", application_id
    )
    event = replace(msgspec.json.decode(data, type=ApplicationScreened), **fields)
    here.execute(
        "update event set data = %s where stream_id = %s and type = 'ApplicationScreened'",
        msgspec.json.encode(event),
        application_id,
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"verdict": "qualified"}, "the policy comes to something else"),
        ({"score": 99}, "the policy comes to something else"),
        ({"aliases": {}}, "the policy comes to something else"),
        ({"requirements_revision": 1}, "another revision"),
        ({"policy_version": 99}, "version 99 is not known"),
    ],
    ids=str,
)
def test_a_verdict_that_was_tampered_with_is_found(
    database_url: str, fields: dict[str, object], reason: str
) -> None:
    with world(database_url) as here:
        _, last = (two_applications(here) for _ in range(2))
        before = hirelog(database_url, "verify", "screening")
        tamper(here, last, **fields)
        after = hirelog(database_url, "verify", "screening", "--json")
        shown = hirelog(database_url, "verify", "screening").stdout
    assert (before.exit_code, after.exit_code) == (0, 1), before.stdout
    assert "4 verdicts recomputed" in before.stdout
    found = json.loads(after.stdout)
    assert (found["events"], found["verdicts"], found["unscreened"], found["different"]) == (14, 4, 0, 1)
    assert found["differences"][0]["application_id"] == str(last)
    assert reason in found["differences"][0]["reason"]
    assert reason in shown


def test_a_verdict_of_before_an_alias_was_known_stays_right(database_url: str) -> None:
    with world(database_url) as here:
        job_id, asked = new_id(new_tenant()), replace(REQUIREMENTS, skills=("python",))
        here.append(job_id, created(requirements=asked), published())
        applied(here, job_id, replace(CLAIMS, skills=("py",)), 1, asked=asked, aliases={})
        result = hirelog(database_url, "verify", "screening", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["verdicts"], told["different"]) == (0, 1, 0), told


def test_an_application_of_before_the_policy_is_counted_and_no_difference(database_url: str) -> None:
    with world(database_url) as here:
        job_id = new_id(new_tenant())
        here.append(job_id, created(), published())
        here.append(
            derived_id(job_id, "application", job_id),
            submitted(job_id, uuid4()),
        )
        result = hirelog(database_url, "verify", "screening", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["unscreened"], found["verdicts"]) == (0, 1, 0)
