"""The outbox page of the embedded default: the mails that would have been sent, to look at in a browser.

They hold one-use codes, so the page is there only where whoever can open it could read the outbox's folder too: `hirelog up` on its
own embedded database, listening on this machine only, without a way to send mail; and it answers only requests that come from
this machine, ask for it by its local name, and passed no proxy.
"""

import asyncio
from datetime import UTC
from html import escape
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from litestar import Response, get
from litestar.params import PathParameter

from api.http.html_pages import html_page
from api.http.requests import AnyRequest
from api.services import Services, services_of
from application.refusals import NotFound
from infrastructure.mail import outbox_reading
from infrastructure.mail.outbox_reading import NEWEST, StoredMail

FileName: TypeAlias = Annotated[str, PathParameter(description="The mail's file.")]

_LOCAL_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_MAIL_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_POLICY: Final = "frame-src 'self'; form-action 'none'"
_STYLE: Final = """
ul { list-style: none; margin: 0; padding: 0; }
li { border-top: 1px solid var(--line); }
li:first-child { border-top: 0; }
li a { display: grid; grid-template-columns: 1fr auto; gap: 2px 16px; padding: 14px 20px; color: inherit; text-decoration: none; }
li a:hover strong { text-decoration: underline; }
li span { grid-column: 1; }
time { color: var(--soft); white-space: nowrap; }
.list { padding: 0; overflow: hidden; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 16px; margin: 0 0 20px; }
dt { color: var(--soft); }
dd { margin: 0; }
h2 { font-size: 16px; margin: 24px 0 8px; }
iframe { display: block; width: 100%; height: 820px; border: 1px solid var(--line); border-radius: 8px; background: #fff; }
pre { margin: 0; white-space: pre-wrap; font: 14px/1.5 ui-monospace, Consolas, Menlo, monospace; }
@media (max-width: 560px) { li a { grid-template-columns: 1fr; } }
"""


@get("/outbox", include_in_schema=False, exclude_from_auth=True)
async def outbox(request: AnyRequest) -> Response[str]:
    """The newest mails."""
    folder = _folder(request, services_of(request))
    mails = await asyncio.to_thread(outbox_reading.newest, folder)
    shown = "".join(map(_line, mails))
    listed = f'<div class="card list"><ul>{shown}</ul></div>' if mails else '<p class="card">No mail yet.</p>'
    note = (
        f'<p class="soft">Nothing is sent from here: no mail service is configured, so mail is kept in '
        f"{escape(str(folder))}. The newest {NEWEST} are shown.</p>"
    )
    return html_page("Outbox", note + listed, style=_STYLE, width="860px", policy=_POLICY)


@get("/outbox/{name:str}", include_in_schema=False, exclude_from_auth=True)
async def mail(name: FileName, request: AnyRequest) -> Response[str]:
    """One mail, as its recipient would see it and as text."""
    found = await _found(request, services_of(request), name)
    content = f"""<p><a href="/outbox">Outbox</a></p>
<dl><dt>To</dt><dd>{escape(found.recipient)}</dd><dt>From</dt><dd>{escape(found.sender)}</dd>
<dt>When</dt><dd>{_when(found)}</dd></dl>
<iframe sandbox title="The mail" src="/outbox/{found.name}/html"></iframe>
<h2>As text</h2>
<div class="card"><pre>{escape(found.text)}</pre></div>"""
    return html_page(found.subject or "(no subject)", content, style=_STYLE, width="860px", policy=_POLICY)


@get("/outbox/{name:str}/html", include_in_schema=False, exclude_from_auth=True)
async def mail_html(name: FileName, request: AnyRequest) -> Response[str]:
    """The HTML of a mail, in a sandbox: nothing in it runs, and nothing is loaded."""
    found = await _found(request, services_of(request), name)
    return Response(found.html, media_type="text/html", headers=_MAIL_HEADERS)


async def _found(request: AnyRequest, services: Services, name: str) -> StoredMail:
    found = await asyncio.to_thread(outbox_reading.one, _folder(request, services), name)
    if found is None:
        raise NotFound
    return found


def _folder(request: AnyRequest, services: Services) -> Path:
    """The outbox's folder, for whom it is meant. Raises `NotFound`."""
    if not services.settings.outbox_page or not _is_local(request):
        raise NotFound
    return services.settings.home / "outbox"


def _is_local(request: AnyRequest) -> bool:
    if request.client is None or any(name in request.headers for name in _PROXY_HEADERS):
        return False
    try:
        asked_for = urlsplit(f"//{request.headers.get('host', '')}").hostname
        return asked_for in _LOCAL_NAMES and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _line(stored: StoredMail) -> str:
    return (
        f'<li><a href="/outbox/{stored.name}"><strong>{escape(stored.subject)}</strong>'
        f"<time>{_when(stored)}</time><span>{escape(stored.recipient)}</span></a></li>"
    )


def _when(stored: StoredMail) -> str:
    return stored.at.astimezone(UTC).strftime("%d %b %Y, %H:%M:%S UTC")


HANDLERS: Final = [outbox, mail, mail_html]
