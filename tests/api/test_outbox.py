"""The outbox page shows what would have been sent, and only to whoever sits at the machine."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any, Final, cast
from uuid import uuid4

import httpx
import psycopg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from api.command_line import up
from infrastructure.mail.message import Mail, address
from infrastructure.mail.outbox import Outbox
from infrastructure.mail.templates import Content, render
from infrastructure.servers.embedded import Servers
from infrastructure.settings import Settings
from tests.api.conftest import settings
from tests.api.people import System, running
from tests.conftest import new_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE: Final = ("127.0.0.1", 50_000)
LOCAL: Final = {"Host": "127.0.0.1:8000"}
BEGAN: Final = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def embedded_system(
    servers: Servers, administration: psycopg.Connection, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[System, Path]]:
    """A system as `hirelog up` runs it without configuration, with nothing in its outbox."""
    new_database(administration, "outbox_tests")
    home = tmp_path_factory.mktemp("home")
    configured = settings(servers.database("outbox_tests"), servers.redis_url)
    async with running(replace(configured, home=home, outbox_page=True)) as opened:
        yield opened, home / "outbox"


@pytest.fixture
def outbox(embedded_system: tuple[System, Path]) -> Path:
    folder = embedded_system[1]
    for file in folder.glob("*.eml"):
        file.unlink()
    folder.mkdir(exist_ok=True)
    (folder / "secret_key").write_text("not for the page")
    return folder


async def get(
    system: System, path: str, headers: Mapping[str, str] = LOCAL, client: tuple[str, int] = HERE
) -> httpx.Response:
    transport = httpx.ASGITransport(cast("Any", system.app), client=client)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as asker:
        return await asker.get(path, headers=headers)


def send(folder: Path, content: Content, name: str = "Cleo", *, minute: int = 0) -> str:
    """Put a mail into the outbox; its file's name."""
    before = set(folder.glob("*.eml"))
    made = Mail(
        mail_id=uuid4(),
        sender=address("Hirelog", "hirelog@example.com"),
        recipient=address(name, "cleo@example.com"),
        content=content,
        queued_at=BEGAN + timedelta(minutes=minute),
    )
    Outbox(folder).send(made)
    (new,) = set(folder.glob("*.eml")) - before
    return new.name


@pytest.mark.parametrize(
    "name", ["محمد عبد الرحمن بن عبد الله الأنصاري", "Wörtlichsteinhausen" * 4, 'Ada "A" <Admin> & Söhne']
)
async def test_a_long_name_is_shown_as_it_is_written(
    embedded_system: tuple[System, Path], outbox: Path, name: str
) -> None:
    system, _ = embedded_system
    mail = send(outbox, render("welcome", {"name": name, "url": "https://jobs.example.com"}), name)
    for path in ("/outbox", f"/outbox/{mail}"):
        assert escape(f"{name} <cleo@example.com>") in (await get(system, path)).text


async def test_it_shows_each_mail_newest_first_as_sent(
    embedded_system: tuple[System, Path], outbox: Path
) -> None:
    system, _ = embedded_system
    assert "No mail yet" in (await get(system, "/outbox")).text
    reset = render("password_reset", {"name": "Zoë", "code": "7Q2M", "url": "https://jobs.example.com/x"})
    first = send(outbox, reset)
    second = send(outbox, render("welcome", {"name": "Zoë", "url": "https://jobs.example.com"}), minute=1)

    shown = (await get(system, "/outbox")).text
    assert shown.index(second) < shown.index(first)
    assert "Set a new password" in shown
    one = (await get(system, f"/outbox/{first}")).text
    assert "Hello Zoë," in one
    assert "cleo@example.com" in one
    assert f'<iframe sandbox title="The mail" src="/outbox/{first}/html">' in one
    inner = await get(system, f"/outbox/{first}/html")
    assert inner.text.replace("\r\n", "\n").rstrip() == reset.html.rstrip()
    assert "; sandbox" in inner.headers["content-security-policy"]
    assert "default-src 'none'" in inner.headers["content-security-policy"]


async def test_what_people_wrote_stays_text(embedded_system: tuple[System, Path], outbox: Path) -> None:
    system, _ = embedded_system
    hostile = "</pre><script>alert(1)</script>"
    name = send(outbox, Content(subject=hostile, text=hostile, html=f"<p>{hostile}</p>"), hostile)
    for path in ("/outbox", f"/outbox/{name}"):
        page = await get(system, path)
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ({"Host": "hirelog.example.com"}, HERE),
        ({"Host": "127.0.0.1.example.com:8000"}, HERE),
        ({"Host": "["}, HERE),
        (LOCAL | {"X-Forwarded-For": "192.0.2.1"}, HERE),
        (LOCAL | {"Forwarded": "for=192.0.2.1"}, HERE),
        (LOCAL, ("192.0.2.1", 1)),
    ],
)
async def test_it_is_only_for_this_machine(
    embedded_system: tuple[System, Path], outbox: Path, headers: dict[str, str], client: tuple[str, int]
) -> None:
    system, _ = embedded_system
    name = send(outbox, Content(subject="s", text="t", html="h"))
    assert (await get(system, "/outbox")).status_code == 200
    for path in ("/outbox", f"/outbox/{name}", f"/outbox/{name}/html"):
        assert (await get(system, path, headers, client)).status_code == 404


async def test_a_system_that_was_configured_has_no_outbox_page(system: System) -> None:
    assert (await get(system, "/outbox")).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2fsecret_key",
        "secret_key",
        "20260301T090000Z-x.eml",
        "20260301T090000Z-fa1a96c2-1ee7-4f72-a1e3-b82f08358a54.eml",
    ],
)
async def test_no_other_file_is_shown(embedded_system: tuple[System, Path], outbox: Path, name: str) -> None:
    system, _ = embedded_system
    assert (await get(system, f"/outbox/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("configured", "shown"),
    [
        (Settings(), True),
        (Settings(outbox_page=False), False),
        (Settings(host="0.0.0.0"), False),  # noqa: S104 - a value, nothing listens
        (Settings(database_url="postgresql:///x", outbox_page=True), False),
        (Settings(smtp_url="smtp://127.0.0.1"), False),
        (Settings(sendgrid_api_key="k"), False),
    ],
)
async def test_up_shows_the_outbox_only_of_the_embedded_default(configured: Settings, shown: bool) -> None:
    assert up.shows_outbox(configured) is shown
