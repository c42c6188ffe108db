"""The link in a mail that stops mails of its kind, without signing in (RFC 8058): a page that asks, and the request that does it."""

from typing import Annotated, Final, TypeAlias
from uuid import UUID

from litestar import Response, get, post
from litestar.params import QueryParameter

from api.http.access import ANYONE
from api.http.html_pages import html_page
from api.http.problems import ProblemError
from api.http.requests import AnyRequest
from api.services import Services, services_of
from application.effects import Kind
from infrastructure.mail import preferences
from infrastructure.mail.links import InvalidLink, MailLinks
from infrastructure.mail.preferences import ChangedChannels

Token: TypeAlias = Annotated[
    str, QueryParameter(max_length=200, description="As the link in the mail has it.")
]

_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_PAGE: Final = ("text/html",)
_WHEN: Final[dict[Kind, str]] = {
    "application_received": "when an application of yours has arrived",
    "application_moved": "when you are considered for another job",
    "qualified": "when an application of yours meets the requirements",
    "stage_changed": "when an application of yours takes a step",
    "application_rejected": "when an application of yours is not successful",
    "application_reinstated": "when an application of yours is taken up again",
    "new_application": "when somebody applies for a job of yours",
    "application_withdrawn": "when somebody withdraws an application",
}


@get(
    "/notifications/unsubscribe",
    allow=ANYONE,
    throttle="visitor",
    answers=_PAGE,
    tags=["Notifications"],
    security=[{}],
    operation_id="ask_to_unsubscribe",
)
async def ask(token: Token, request: AnyRequest) -> Response[str]:
    """A page that asks whether mails of one kind shall stop. Looking at it changes nothing: programs follow links in mails too."""
    services = services_of(request)
    _, kind = _signed(services, token)
    return html_page(
        "Stop these mails?",
        f"""<div class="card"><p>You would receive no more mail {_WHEN[kind]}. You still see it among your notifications.</p>
        <form method="post"><button>Stop these mails</button></form></div>""",
    )


@post(
    "/notifications/unsubscribe",
    allow=ANYONE,
    throttle="visitor",
    media_types=_FORMS,
    answers=_PAGE,
    status_code=200,
    tags=["Notifications"],
    security=[{}],
    operation_id="unsubscribe_by_link",
)
async def unsubscribe(token: Token, request: AnyRequest) -> Response[str]:
    """Stop mails of one kind to whom the mail was sent, as the page or the recipient's mail program asks (RFC 8058); the body is
    not read. `PATCH /auth/me` switches them on again."""
    services = services_of(request)
    account_id, kind = _signed(services, token)
    async with services.database.identity() as connection:
        await preferences.change(connection, account_id, {kind: ChangedChannels(mail=False)})
    return html_page(
        "It is done",
        f"""<div class="card"><p>You will receive no more mail {_WHEN[kind]}. You can change this in your preferences at any
        time.</p></div>""",
    )


def _signed(services: Services, token: str) -> tuple[UUID, Kind]:
    try:
        return MailLinks(services.settings).unsubscribed(token)
    except InvalidLink as error:
        raise ProblemError(400, "invalid", "The link is not whole: copy all of it from the mail.") from error


HANDLERS: Final = [ask, unsubscribe]
