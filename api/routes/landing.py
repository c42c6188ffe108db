"""Where links in mails lead as long as no site is in front of the API: a page that says which call takes the code.

With `HIRELOG_PUBLIC_URL` the links lead to that site, and these pages are not there.
"""

from typing import Any, Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from api.http.html_pages import html_page
from api.http.requests import AnyRequest
from api.services import Services, services_of
from application.refusals import NotFound

_POLICY: Final = "form-action 'none'"
_CODES: Final = {
    "/password-reset": ("Set a new password", "POST /auth/password-reset/confirm"),
    "/invitation": ("Accept the invitation", "POST /auth/invitations/accept"),
    "/email-confirmation": ("Confirm the address", "POST /auth/email/confirm"),
}
_NO_SITE: Final = (
    "Hirelog is an API, and the site that people use is yours: set <code>HIRELOG_PUBLIC_URL</code> to its address, and "
    "links in mails lead there."
)


@get("/", include_in_schema=False, exclude_from_auth=True)
async def home(request: AnyRequest) -> Response[str]:
    """What is here."""
    _check_there_is_no_site(services_of(request))
    return html_page(
        "Hirelog",
        f"""<div class="card"><p>{_NO_SITE}</p>
<p><a href="/docs">Try the API</a> · <a href="/redoc">read about it</a> · <a href="/jobs">open jobs as JSON</a></p></div>""",
        policy=_POLICY,
    )


def _taking_code(path: str, title: str, call: str) -> HTTPRouteHandler:
    @get(path, include_in_schema=False, exclude_from_auth=True)
    async def show(request: AnyRequest) -> Response[str]:
        _check_there_is_no_site(services_of(request))
        return html_page(
            title,
            f"""<div class="card"><p>{_NO_SITE}</p>
<p>Until then, send the code from the mail with <code>{call}</code>, for example in <a href="/docs">the API's page</a>.</p></div>""",
            policy=_POLICY,
        )

    return show


def _check_there_is_no_site(services: Services) -> None:
    if services.settings.public_url is not None:
        raise NotFound


HANDLERS: Final[list[Any]] = [home, *(_taking_code(path, *words) for path, words in _CODES.items())]
