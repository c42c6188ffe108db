"""Access tokens: what is taken for one, and what is not."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infrastructure.identity.signing_keys import KeyRing, SigningKey, stored_keys
from tests.api.conftest import SECRET_KEY
from tests.api.people import Json, Person, System, refused

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning"),
]

ABSENT: Final = object()


async def signing_key(system: System) -> SigningKey:
    """What this system signs with, made of its secret key and its database."""
    keys = KeyRing(SECRET_KEY)
    async with system.owner() as connection:
        keys.take_stored(await stored_keys(connection), datetime.now(UTC))
    return keys.signing


def claims(person: Person, **changed: Any) -> Json:
    now = int(time.time())
    good = {
        "iss": "hirelog",
        "aud": "hirelog-api",
        "sub": person.id,
        "role": "admin",
        "company": person.company_id,
        "sid": str(uuid4()),
        "jti": str(uuid4()),
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changed).items() if value is not ABSENT}


def signed(key: SigningKey, content: Json, signs: Any = None, algorithm: str = "HS256", **header: Any) -> str:
    headers = {"kid": key.key_id, "typ": "at+jwt"} | header
    return jwt.encode(content, signs or key.signs, algorithm, headers=headers)


def assembled(header: object, content: object, signature: str = "") -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, content)
    ]
    return ".".join([*parts, signature])


async def test_a_token_of_ours_is_taken_and_a_clock_may_be_a_little_off(system: System) -> None:
    admin, key = await system.company(), await signing_key(system)
    now = int(time.time())
    for content in (claims(admin), claims(admin, iat=now + 3), claims(admin, exp=now - 3)):
        token = signed(key, content)
        assert (await Person(system.client, token=token).get("/auth/me")).status_code == 200


async def test_a_token_says_who_acts_in_which_role_by_which_session(system: System) -> None:
    admin = await system.company()
    content = jwt.decode(admin.token or "", options={"verify_signature": False})
    (session,) = (await admin.sees("/auth/sessions"))["items"]
    assert (content["sub"], content["company"], content["role"]) == (admin.id, admin.company_id, "admin")
    assert content["sid"] == session["id"]
    assert jwt.get_unverified_header(admin.token or "")["typ"] == "at+jwt"


async def test_no_other_token_is(system: System) -> None:
    admin, key = await system.company(), await signing_key(system)
    assert isinstance(key.signs, bytes)
    now, good = int(time.time()), claims(admin)
    header = {"alg": "HS256", "kid": key.key_id, "typ": "at+jwt"}
    stranger = Ed25519PrivateKey.generate()
    public = stranger.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    genuine = signed(key, good)
    forged = [
        assembled(header | {"alg": "none"}, good),
        assembled(header | {"alg": "None"}, good, genuine.rpartition(".")[2]),
        assembled([], good),
        assembled(header, [good]),
        assembled(header, "x" * 1000, "AAAA"),
        genuine[:-4] + "AAAA",
        genuine + ".x",
        " " + genuine + "\x00",
        signed(key, good, b"another key that is long enough to sign"),
        signed(key, good, SECRET_KEY),
        signed(key, good, key.signs, "HS512"),
        signed(key, good, key.signs * 2, "HS384"),
        signed(key, good, stranger, "EdDSA"),
        signed(key, good, public),
        *(
            signed(key, good, kid=kid)
            for kid in ("", "other", "../../dev/null", "/etc/passwd", "' or 1=1 --", "\x00")
        ),
        *(assembled(header | {"kid": kid}, good, "AAAA") for kid in (None, 7, [key.key_id])),
        *(signed(key, good, typ=typ) for typ in ("JWT", "rt+jwt", "AT+JWT", None)),
        signed(key, good, crit=["exp"]),
        signed(key, good, jku="https://keys.example.com/"),
        signed(key, good, jwk={"kty": "oct", "k": "AAAA"}),
        *(
            signed(key, claims(admin, **changed))
            for changed in (
                {"aud": "another-api"},
                {"aud": ABSENT},
                {"aud": None},
                {"iss": "another"},
                {"iss": ABSENT},
                {"exp": now - 3600},
                {"exp": ABSENT},
                {"exp": "never"},
                {"iat": now + 3600},
                {"iat": ABSENT},
                {"sub": "not an id"},
                {"sub": ABSENT},
                {"sid": "not an id"},
                {"sid": ABSENT},
                {"sid": None},
                {"role": "owner"},
                {"role": ABSENT},
                {"role": ["admin"]},
                {"company": ABSENT},
                {"company": None},
                {"company": "not an id"},
            )
        ),
        "",
        "x",
        "x.y.z",
        "a" * 20_000,
        signed(key, claims(admin, more="x" * 5_000)),
        "[" * 3_000,
        assembled(header, good, "A" * 4_000),
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
