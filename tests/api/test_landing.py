"""A link in a mail leads somewhere, also before there is a site in front of the API."""

import re
from uuid import UUID

import pytest
from litestar.routes import HTTPRoute

from infrastructure.mail.links import MailLinks
from tests.api.people import System

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("page", ["home", "password_reset", "invitation", "email_confirmation"])
async def test_a_link_in_a_mail_leads_to_a_page_that_names_the_call(system: System, page: str) -> None:
    links = MailLinks(system.services.settings)
    link = links.home + "/" if page == "home" else getattr(links, page)("a-code")
    path, _, fragment = link.removeprefix(links.home).partition("#")

    answer = await system.nobody.get(path)

    assert answer.is_success
    assert fragment in {"", "code=a-code"}
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    calls = re.findall(r"<code>([A-Z]+) (/[^<]+)</code>", answer.text)
    routes = [route for route in system.app.routes if isinstance(route, HTTPRoute)]
    known = {(method, route.path_format) for route in routes for method in route.methods}
    assert set(calls) <= known
    assert bool(calls) == bool(fragment)


async def test_the_link_to_an_application_is_its_address(system: System) -> None:
    links = MailLinks(system.services.settings)
    path = links.application(UUID(int=0)).removeprefix(links.home)
    assert (await system.nobody.get(path)).status_code == 401
