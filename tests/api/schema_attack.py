"""Requests that schemathesis makes from the OpenAPI description, valid and invalid, sent with real tokens of every role.

What it may not find is said here with its reason; everything else that it finds is a fault.
"""

import json
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast

import msgspec
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from litestar.routes import HTTPRoute
from requests import Session
from schemathesis.checks import CheckContext, load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from api.http.fields import PLAIN_PATTERNS
from api.http.openapi import openapi_document
from tests.api.people import Json, Person, System

AnyCase: TypeAlias = schemathesis.Case[Any]
Tokens: TypeAlias = dict[str, str | None]

QUIET: Final = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
"""What hypothesis would say about this machine and these schemas, and not about the API."""

ALLOWED_REFUSALS: Final = {
    "invalid_code": "a code is valid only as mailed, which no schema can say",
    "wrong_password": "nor which password is the right one",
    "password_refused": "nor which passwords are too common or say who it is",
    "unsupported_grant_type": "RFC 6749 wants an error of its own, not a closed list",
    "password_needed": "depends on how old the session is",
}
"""Codes of problems that answer a request that is valid by its schema, and why the schema does not exclude it."""

ALLOWED_FIELDS: Final = {
    "cursor": "a cursor is valid only as it was answered",
    "The link": "the same holds for the link of a mail",
    "says whose log": "and a position only in a log that is named",
    "got float": "JSON Schema calls 3.0 an integer; here it is none",
    "salary": "a range that ends before it begins, or without a currency, is a rule between fields",
    "resume_id": "a resume is the caller's own",
    "missing required field": "an OAuth2 form needs what its grant type needs",
    "policy": "weights of a policy are a rule between fields",
    "the address": "what mail can be sent to is decided with the rules of international domains",
    "stand for others": "and the Unicode tables",
    "small letters": "the same",
    "cannot be seen": "the same",
    "as_of": "the format date-time has more than a calendar: leap seconds, the year 0",
}
"""What the refusal of a valid request may be about."""


class Attack:
    """A running system, what is in it, and who attacks it."""

    def __init__(self, system: System, url: str, tokens: Tokens, ids: dict[str, str]) -> None:
        load_all_checks()
        self.schema = schemathesis.openapi.from_dict(_exact(openapi_document(system.app)))
        self.schema.config.update(base_url=url)
        self.tokens = tokens
        self._url = url
        self._ids = ids
        self._session = Session()
        self._allowed = _allowed(system)
        self.answered: dict[str, set[int]] = {}
        self.wrong: dict[str, None] = {}

    def run(self, examples: int, *, derandomize: bool) -> list[str]:
        """Valid and invalid requests for every operation, as many of each; what is wrong with the answers."""
        operations: list[Any] = [cast("Any", found).ok() for found in self.schema.get_all_operations()]
        # Who logs out is nobody any more.
        operations.sort(key=lambda operation: operation.path == "/auth/logout")
        for operation in operations:
            for mode in schemathesis.GenerationMode:
                self._attack(operation, mode, examples, derandomize=derandomize)
        return list(self.wrong)

    def _attack(
        self, operation: Any, mode: schemathesis.GenerationMode, examples: int, *, derandomize: bool
    ) -> None:
        known = {name: self._ids[name] for name in _names(operation) if name in self._ids}
        cases = operation.as_strategy(mode)
        if known:
            cases = st.one_of(operation.as_strategy(mode, path_parameters=known), cases)
        roles = st.sampled_from(self._attackers(operation))

        @how(
            max_examples=examples,
            derandomize=derandomize,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=QUIET,
        )
        @given(case=cases, role=roles)
        def attack(case: AnyCase, role: str) -> None:
            self.send(case, role)

        # An operation without parameters and body has no invalid requests.
        with suppress(Unsatisfiable):
            attack()

    def send(self, case: AnyCase, role: str) -> None:
        """One request of somebody in a role."""
        wait_for_nothing(case)
        headers = _authorization(self.tokens[role])
        response = case.call(session=self._session, headers=headers)
        self.answered.setdefault(case.operation.label, set()).add(response.status_code)
        self.check(case, response, headers)

    def check(self, case: AnyCase, response: Any, headers: dict[str, str]) -> None:
        """Keep what is wrong with an answer. It is not raised: asked again, a system that remembers answers otherwise."""
        try:
            case.validate_response(
                response,
                headers=headers,
                transport_kwargs={"session": self._session, "headers": headers},
                excluded_checks=[positive_data_acceptance, negative_data_rejection],
                additional_checks=[valid_is_accepted, invalid_is_refused, rule_is_named],
            )
        except FailureGroup as failures:
            self.wrong[f"{case.operation.label}\n{failures}"] = None

    def _attackers(self, operation: Any) -> list[str]:
        """Mostly those who may."""
        allowed = self._allowed[operation.method.upper(), operation.path]
        return [*(allowed * 3), *self.tokens]


def _exact(found: Any) -> Any:
    """A document with the patterns that are checked, for their plain forms take a little more."""
    if isinstance(found, list):
        return [_exact(inner) for inner in found]
    if not isinstance(found, dict):
        return found
    checked = {plain: pattern for pattern, plain in PLAIN_PATTERNS.items()}
    return {
        name: checked.get(inner, inner) if name == "pattern" and isinstance(inner, str) else _exact(inner)
        for name, inner in found.items()
    }


def wait_for_nothing(case: AnyCase) -> None:
    """Ask for no position: one that is not reached is answered 503 after two seconds, and rightly."""
    wanted = str((case.query or {}).get("min_position", ""))
    if wanted.isdigit() and int(wanted):
        case.query["min_position"] = 0


def valid_is_accepted(ctx: CheckContext, response: Any, case: AnyCase) -> None:
    """What is valid by the description is not called invalid, but for the reasons named above."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    problem: Json = response.json()
    said = json.dumps([problem["detail"], problem.get("errors", [])])
    if problem["code"] not in ALLOWED_REFUSALS and not any(field in said for field in ALLOWED_FIELDS):
        raise AssertionError(f"a valid request was refused: {response.text[:500]}")


def invalid_is_refused(ctx: CheckContext, response: Any, case: AnyCase) -> None:
    """In a query `null` is no value, as if the parameter were not there; everything else that is invalid is refused."""
    if "null" not in map(str, (case.query or {}).values()) and None not in (case.query or {}).values():
        negative_data_rejection(ctx, response, case)


def rule_is_named(ctx: CheckContext, response: Any, case: AnyCase) -> None:
    """Which rules may refuse a request can be read before it is sent."""
    if response.status_code == 409:
        told = case.operation.definition.raw["responses"]["409"]["description"]
        code = response.json()["code"]
        if f"`{code}`" not in told:
            raise AssertionError(f"{code} is not named: {told}")


def _names(operation: Any) -> list[str]:
    return [parameter.name for parameter in operation.path_parameters]


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def _allowed(system: System) -> dict[tuple[str, str], list[str]]:
    """Who may call what, by method and path."""
    found: dict[tuple[str, str], list[str]] = {}
    for route in system.app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                allow = handler.opt.get("allow")
                roles = sorted(allow) if isinstance(allow, frozenset) else ["nobody"]
                found.update({(method, route.path_format): roles for method in handler.http_methods})
    return found


class Company(msgspec.Struct, frozen=True):
    """Tokens of everybody in a company, of a candidate and of nobody, and the ids of what there is to attack."""

    tokens: Tokens
    ids: dict[str, str]


async def company(system: System) -> Company:
    """A company with everybody in it, and one of everything that has an id."""
    admin, candidate = await system.company(), await system.candidate()
    recruiter = await system.member(admin, "recruiter")
    people: dict[str, Person] = {
        "candidate": candidate,
        "recruiter": recruiter,
        "hiring_manager": await system.member(admin, "hiring_manager"),
        "auditor": await system.member(admin, "auditor"),
        "admin": admin,
    }
    job = await admin.posts_job()
    application = await candidate.applies(job)
    path = f"/applications/{application['id']}"
    comment = (await recruiter.post(f"{path}/comments", {"text": "Fine."})).json()
    letter = {"email": "in@example.com", "role": "auditor"}
    invitation = (await admin.post("/company/invitations", letter)).json()
    ids = {
        "job_id": job["id"],
        "application_id": application["id"],
        "comment_id": comment["id"],
        "invitation_id": invitation["id"],
        "member_id": (await system.member(admin, "recruiter")).id,
        "stream_id": application["id"],
    }
    await system.project()
    tokens: Tokens = {role: person.token for role, person in people.items()}
    return Company({**tokens, "nobody": None}, ids)
