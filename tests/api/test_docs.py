"""The description pages: complete, open to all, and loading nothing from another host."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.testing import TestClient

from api.routes.docs import docs_handlers, openapi_config

VENDOR = Path(__file__).parents[2] / "api" / "vendor"
LOADED = re.compile(r"""(?:src|href)=["']([^"']+)["']""")


@get("/jobs")
async def jobs() -> list[str]:
    """The open jobs."""
    return []


def problem(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, int]]:
    return Response(
        {"status": error.status_code}, status_code=error.status_code, media_type="application/problem+json"
    )


@pytest.fixture
def client() -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [jobs, *docs_handlers()],
        openapi_config=openapi_config("1.2.3"),
        exception_handlers={HTTPException: problem},
        logging_config=None,
    )
    with TestClient(app) as opened:
        yield opened


def test_the_schema_is_openapi_3_1_with_both_ways_to_authenticate(client: TestClient[Litestar]) -> None:
    answer = client.get("/schema")
    assert answer.headers["content-type"] == "application/json"
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    assert schema["info"]["version"] == "1.2.3"
    assert schema["paths"]["/jobs"]["get"]["description"] == "The open jobs."
    assert list(schema["paths"]) == ["/jobs"]
    schemes = schema["components"]["securitySchemes"]
    assert schemes["password"]["flows"]["password"]["tokenUrl"] == "/auth/token"
    assert schemes["bearer"] == {**schemes["bearer"], "type": "http", "scheme": "bearer"}


@pytest.mark.parametrize("path", ["/schema/nothing", "/schema/nothing.html", "/docs/static/nothing.js"])
def test_an_unknown_path_is_a_problem_not_a_page(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_loads_only_files_of_this_host(client: TestClient[Litestar], page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    loaded = LOADED.findall(answer.text)
    assert loaded
    for address in loaded:
        assert address.startswith("/docs/static/")
        assert client.get(address).status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http:" not in policy
    assert "https:" not in policy


def test_the_viewers_name_no_image_font_or_style_of_another_host(client: TestClient[Litestar]) -> None:
    remote = re.compile(r"https?://[^\s\"'`()]+\.(?:css|svg|png|gif|jpg|woff2?|ttf)\b")
    for name in ("swagger-ui.js", "swagger-ui.css", "redoc.js"):
        assert not remote.findall(client.get(f"/docs/static/{name}").text)


def test_a_static_file_is_cached_by_its_content(client: TestClient[Litestar]) -> None:
    first = client.get("/docs/static/redoc.js")
    assert "max-age" in first.headers["cache-control"]
    again = client.get("/docs/static/redoc.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_every_vendored_package_has_its_licence_and_a_pinned_version() -> None:
    notes = (VENDOR / "README.md").read_text()
    for folder in (path for path in VENDOR.iterdir() if path.is_dir()):
        assert (folder / "LICENSE").stat().st_size > 500
        assert re.search(rf"`{folder.name}/`.*\d+\.\d+\.\d+", notes)
