"""Codes cannot be guessed, and whoever tries may not try often: all ways of trying count together."""

from typing import Final

from msgspec.structs import replace

from tests.api.account_mail import invited
from tests.api.conftest import settings
from tests.api.people import PASSWORD, refused, running

GUESSES: Final = {
    "/auth/password-reset/confirm": {"code": "A" * 43, "password": PASSWORD},
    "/auth/email/confirm": {"code": "A" * 43},
    "/auth/invitations/accept": {"code": "A" * 54, "name": "x", "password": PASSWORD},
}


async def test_guessing_codes_ends_soon(database_url: str, redis_url: str) -> None:
    limits = replace(settings(database_url, redis_url), rate_limits="on", limit_sign_in="8/hour")
    async with running(limits) as system:
        await system.company()
        for _ in range(2):
            for path, guess in GUESSES.items():
                refused(await system.nobody.post(path, guess), 400, "invalid_code")
        for path, guess in GUESSES.items():
            refused(await system.nobody.post(path, guess), 429, "too_many_requests")


async def test_an_invitation_is_no_way_around_the_limit_of_logins(database_url: str, redis_url: str) -> None:
    limits = replace(settings(database_url, redis_url), rate_limits="on", limit_login="3/hour")
    async with running(limits) as system:
        admin, cy = await system.company(), await system.candidate()
        guess = {"code": await invited(system, admin, cy.email, "auditor"), "password": "not the password"}
        for _ in range(3):
            refused(await system.nobody.post("/auth/invitations/accept", guess), 401, "wrong_credentials")
        right = guess | {"password": PASSWORD}
        refused(await system.nobody.post("/auth/invitations/accept", right), 429, "too_many_requests")
        login = {"email": cy.email, "password": PASSWORD}
        refused(await system.nobody.post("/auth/login", login), 429, "too_many_requests")
