"""Two API processes on one database: what ends in one is refused by the other within five seconds."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final
from uuid import uuid4

import httpx
import psycopg

from infrastructure.identity.administration import disable, named
from infrastructure.identity.sessions import revoke
from tests.api.people import PASSWORD, Json, done
from tests.patience import PATIENCE

PROMISED_SECONDS: Final = 5.0


@contextmanager
def api_process(environment: Mapping[str, str]) -> Generator[httpx.Client]:
    """A process that answers on a port of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve"],
        env={**os.environ, **environment, "HIRELOG_PORT": str(port)},
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            yield client
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(process: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            process.get("/health/live")
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def takes(process: httpx.Client, tokens: Json) -> bool:
    answer = process.get("/auth/me", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code in {200, 401}, answer.text
    return answer.status_code == 200


def registered(process: httpx.Client) -> Json:
    body = {"email": f"{uuid4().hex}@example.com", "password": PASSWORD, "name": "Cy"}
    return body | done(process.post("/auth/register", json=body))


def logged_in(process: httpx.Client, person: Json) -> Json:
    body = {"email": person["email"], "password": PASSWORD}
    return done(process.post("/auth/login", json=body))


def refused_in_time(processes: list[httpx.Client], tokens: Json) -> None:
    began = time.monotonic()
    for process in processes:
        while takes(process, tokens):
            assert time.monotonic() - began < PROMISED_SECONDS


async def test_what_ends_in_one_process_ends_in_all(database_url: str, redis_url: str) -> None:
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a key that only the tests know, and long enough",
        "HIRELOG_BCRYPT_COST": "4",
        "HIRELOG_LOG_LEVEL": "error",
    }
    with ExitStack() as stack:
        processes = [stack.enter_context(api_process(environment)) for _ in range(2)]
        for process in processes:
            wait_for(process)
        one, other = processes
        cy = registered(one)
        here, there = logged_in(one, cy), logged_in(other, cy)
        assert all(takes(process, tokens) for process in processes for tokens in (here, there))

        one.post("/auth/logout", headers={"Authorization": f"Bearer {here['access_token']}"})
        assert not takes(one, here)
        refused_in_time([other], here)

        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            account = await named(connection, cy["email"])
            await revoke(connection, account.account_id)
            refused_in_time(processes, there)
            there = done(other.post("/auth/refresh", json={"refresh_token": there["refresh_token"]}))
            assert all(takes(process, there) for process in processes)

            assert await disable(connection, account.account_id) == 1
            refused_in_time(processes, there)
        for process in processes:
            body = {"email": cy["email"], "password": PASSWORD}
            assert process.post("/auth/login", json=body).status_code == 401
            body = {"refresh_token": there["refresh_token"]}
            assert process.post("/auth/refresh", json=body).status_code == 401
