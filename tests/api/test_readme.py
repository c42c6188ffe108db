"""The README's walk and its worked example do what they say."""

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from application.recorded import Recorded
from domain.identifiers import random_id, tenant_id
from domain.job_application import ApplicationSubmitted, Claims
from infrastructure.read_models.read_model import AnyReadModel, Key
from tests.architecture.syntax import ends_in_assert_never, functions

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")


def _block(name: str) -> str:
    found = re.search(rf"^```\w+ {name}\n(.*?)^```$", _README, re.DOTALL | re.MULTILINE)
    assert found is not None, f"the README has no block called {name}"
    return found[1]


@pytest.fixture(scope="module")
def system() -> Iterator[str]:
    """`hirelog up` on its embedded default, as `make run` starts it; stopped as Ctrl-C does."""
    home = Path(tempfile.mkdtemp(prefix="hirelog-readme-"))
    home.chmod(0o711)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HIRELOG_")}
    environment |= {"HIRELOG_HOME": str(home), "HIRELOG_PORT": port}
    command = [sys.executable, "-m", "api.cli", "up"]
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=subprocess.DEVNULL) as up:
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_until_ready(up, address)
            yield address
        finally:
            up.send_signal(signal.SIGINT)
            assert up.wait(60) == 0, "hirelog up did not stop cleanly"
    shutil.rmtree(home, ignore_errors=True)


def _wait_until_ready(up: "subprocess.Popen[bytes]", address: str) -> None:
    transport = httpx.HTTPTransport(retries=0)
    with httpx.Client(base_url=address, transport=transport, timeout=5) as client:
        while up.poll() is None:
            try:
                if client.get("/health/ready").status_code == 200:
                    return
            except httpx.TransportError:
                _moment(up)
    pytest.fail("hirelog up ended before it was ready")


def _moment(up: "subprocess.Popen[bytes]") -> None:
    """Give the process a moment, or notice that it ended."""
    try:
        up.wait(0.1)
    except subprocess.TimeoutExpired:
        return


@pytest.mark.skipif(shutil.which("curl") is None, reason="the walk is written with curl, which is not here")
def test_the_walk_goes_from_one_command_to_a_chart(system: str, tmp_path: Path) -> None:
    script = (
        _block("walk").replace("http://127.0.0.1:8000", system).replace(".venv/bin/python", sys.executable)
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert '"what":"Moved from applied to screening"' in done.stdout
    assert '"conversion_rate":100.0' in done.stdout


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]])
def test_the_worked_read_model_passes_the_rules_that_it_would_meet(check: list[str]) -> None:
    block = _block("read-model")
    ruff = [sys.executable, "-m", "ruff", *check, "--stdin-filename", "projections/sources.py", "-"]
    done = subprocess.run(ruff, cwd=_ROOT, input=block, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    (evolve,) = functions(ast.parse(block), "evolve")
    (match,) = [node for node in ast.walk(evolve) if isinstance(node, ast.Match)]
    assert ends_in_assert_never(match)


def test_the_read_model_counts_applications_by_source() -> None:
    module = types.ModuleType("readme_example")
    exec(_block("read-model"), module.__dict__)  # noqa: S102 (the README's own code)
    sources: AnyReadModel = module.__dict__["SOURCES"]
    tenant = tenant_id(uuid4())
    rows: dict[Key, Any] = {}
    for position, source in enumerate(["board", None, "board"], start=1):
        recorded = Recorded(
            tenant_id=tenant,
            position=position,
            stream_id=random_id(tenant, uuid4()),
            version=1,
            event=ApplicationSubmitted(
                job_id=uuid4(), candidate_id=uuid4(), claims=Claims(), requirements_revision=1, source=source
            ),
            actor_id=None,
            command_id=uuid4(),
            recorded_at=datetime.now(UTC),
        )
        for key in sources.keys(recorded):
            rows[key] = sources.evolve(rows.get(key), recorded)
    assert {key: row.applications for key, row in rows.items()} == {("board",): 2, ("unknown",): 1}
