"""Access tokens: what is taken for one, and what is not."""

import base64
import json
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest

from tests.api.conftest import SECRET_KEY
from tests.api.people import Json, Person, System, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


def claims(person: Person, **changed: Any) -> Json:
    now = int(time.time())
    good = {
        "iss": "hirelog",
        "aud": "hirelog-api",
        "sub": person.id,
        "role": "admin",
        "company": person.company_id,
        "jti": str(uuid4()),
        "typ": "access",
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(content: Json, key: str = SECRET_KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(content, key, algorithm)


def unsigned(content: Json) -> str:
    parts = [{"alg": "none", "typ": "JWT"}, content]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


async def test_a_token_of_ours_is_taken_and_a_clock_may_be_a_little_off(system: System) -> None:
    admin = await system.company()
    now = int(time.time())
    for content in (claims(admin), claims(admin, iat=now + 3), claims(admin, exp=now - 3)):
        assert (await Person(system.client, token=signed(content)).get("/auth/me")).status_code == 200


async def test_no_other_token_is(system: System) -> None:
    admin = await system.company()
    now = int(time.time())
    forged = [
        unsigned(claims(admin)),
        signed(claims(admin), key="another key that is long enough to sign"),
        signed(claims(admin), algorithm="HS512"),
        signed(claims(admin), algorithm="HS384"),
        *(
            signed(claims(admin, **changed))
            for changed in (
                {"aud": "another-api"},
                {"aud": None},
                {"iss": "another"},
                {"iss": None},
                {"typ": "refresh"},
                {"typ": None},
                {"exp": now - 3600},
                {"exp": None},
                {"iat": now + 3600},
                {"iat": None},
                {"sub": "not an id"},
                {"sub": None},
                {"role": "owner"},
                {"role": None},
                {"role": ["admin"]},
                {"company": None},
                {"company": "not an id"},
            )
        ),
        "",
        "x",
        "x.y.z",
        "a" * 20_000,
    ]
    for token in forged:
        answer = await system.nobody.send("GET", "/auth/me", headers={"Authorization": f"Bearer {token}"})
        refused(answer, 401)


async def test_only_the_bearer_scheme_is_taken(system: System) -> None:
    admin = await system.company()
    for header in (
        f"Basic {admin.token}",
        f"Token {admin.token}",
        f"{admin.token}",
        f"JWT {admin.token}",
        "",
    ):
        refused(await system.nobody.send("GET", "/auth/me", headers={"Authorization": header}), 401)
    for scheme in ("bearer", "BEARER"):
        taken = {"Authorization": f"{scheme} {admin.token}"}
        assert (await system.nobody.send("GET", "/auth/me", headers=taken)).status_code == 200


async def test_a_wrong_token_is_refused_where_none_is_needed_but_one_is_looked_at(system: System) -> None:
    stale = Person(system.client, token="stale")
    refused(await stale.get("/jobs"), 401)


async def test_a_stale_token_keeps_nobody_from_logging_in(system: System) -> None:
    cy = await system.candidate()
    stale = Person(system.client, token="stale")
    answer = await stale.post("/auth/login", {"email": cy.email, "password": "correct horse battery"})
    assert answer.status_code == 200
    assert (await stale.get("/health/live")).status_code == 200
