"""The embedded servers: private, durable, and able to start again after anything."""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from redis import Redis

from infrastructure.servers import embedded as module
from infrastructure.servers.account import server_account
from infrastructure.servers.embedded import Addresses, Servers, embedded, locked, running
from infrastructure.servers.postgres import PostgresServer
from infrastructure.servers.process import ServerError
from infrastructure.servers.valkey import ValkeyServer

_HOLDER = """
import sys
from pathlib import Path
from infrastructure.servers.embedded import embedded
from infrastructure.servers.process import ServerError
try:
    with embedded(Path(sys.argv[1])):
        print("ready", flush=True)
        sys.stdin.read()
except ServerError as error:
    sys.exit(str(error))
"""


@contextlib.contextmanager
def holder(home: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that runs the servers of `home` until its input ends."""
    command = [sys.executable, "-c", _HOLDER, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def servers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return list(psutil.Process(process.pid).children(recursive=True))


def write_one(addresses: Addresses) -> None:
    with psycopg.connect(addresses.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def count(addresses: Addresses) -> int:
    with psycopg.connect(addresses.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_data_is_there_on_the_next_run(home: Path) -> None:
    with embedded(home) as first:
        write_one(first)
        Redis.from_url(first.redis_url).set("kept", "1")
    with embedded(home) as second:
        assert count(second) == 1
        assert Redis.from_url(second.redis_url).get("kept") == b"1"


def test_what_an_interrupted_first_start_left_is_no_hindrance(home: Path) -> None:
    """Its `initdb` may even still run, and empties its folder at its end: that must not be the new one's."""
    for left in ("postgres.new", "postgres.new-0123abcd"):
        (home / left).mkdir(parents=True)
        (home / left / "PG_VERSION").write_text("18")
    with embedded(home, durable=False, valkey=False) as addresses:
        write_one(addresses)
        assert not list(home.glob("postgres.new*"))


def test_a_commit_is_on_disk_before_it_is_acknowledged(home: Path) -> None:
    with embedded(home, valkey=False) as servers, psycopg.connect(servers.database_url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


@pytest.mark.skipif("TEST_SERVERS" in os.environ, reason="it is about the embedded servers")
def test_only_our_user_can_connect(servers: Servers) -> None:
    sockets = Path(str(conninfo_to_dict(servers.database_url)["host"]))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    with psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
    assert rules == [("local", "peer"), ("local", "peer")]


@pytest.mark.skipif("TEST_SERVERS" in os.environ, reason="it is about the embedded servers")
def test_the_log_has_an_error_but_not_the_values_of_its_row(servers: Servers, postgres_log: TextIO) -> None:
    with psycopg.connect(servers.database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE address (email text UNIQUE CHECK (email <> 'nobody'))")
        for name in ("canary", "canary", "nobody"):
            with contextlib.suppress(psycopg.IntegrityError), connection.transaction():
                connection.execute("INSERT INTO address VALUES (%s)", [name])
    said = postgres_log.read()
    assert "address_email_key" in said
    assert "address_email_check" in said
    assert not any(value in said for value in ("(canary)", "(nobody)"))


def test_everything_killed_at_once_starts_again_with_every_commit(home: Path) -> None:
    with holder(home) as process:
        write_one(Addresses(home))
        for victim in [*servers_of(process), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):  # a backend ends with its connection
                victim.kill()
    with embedded(home) as servers:
        assert count(servers) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_servers_stop_by_themselves_when_their_owner_is_killed(home: Path) -> None:
    with holder(home) as process:
        ends = [os.pidfd_open(child.pid) for child in servers_of(process)]
        process.kill()
    for end in ends:
        assert select.select([end], [], [], 30)[0]
        os.close(end)


@pytest.mark.parametrize("pid", [os.getpid(), 2_000_000_000], ids=["of another program", "of nobody"])
def test_a_stale_pid_file_is_recognised(home: Path, pid: int) -> None:
    with embedded(home, valkey=False, durable=False):
        pid_file = (home / "postgres" / "postmaster.pid").read_text().splitlines()
    stale = home / "postgres" / "postmaster.pid"
    stale.write_text("\n".join([str(pid), *pid_file[1:], ""]))
    stale.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(stale, (home / "postgres").stat().st_uid)
    with embedded(home, valkey=False, durable=False) as servers:
        write_one(servers)


def test_a_server_that_crashes_is_started_again(home: Path) -> None:
    with embedded(home, durable=False) as servers:
        assert servers.revive() == []
        victims = [p for p in psutil.Process().children() if str(home) in " ".join(p.cmdline())]
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        assert servers.revive() == ["PostgreSQL", "Valkey"]
        write_one(servers)
        assert Redis.from_url(servers.redis_url).ping()


def test_data_that_was_taken_away_is_not_replaced_by_an_empty_database(home: Path) -> None:
    with embedded(home, durable=False) as servers:
        (home / "postgres").rename(home / "elsewhere")
        for victim in (p for p in psutil.Process().children() if p.name() == "postgres"):
            if str(home) in " ".join(victim.cmdline()):
                victim.send_signal(signal.SIGKILL)
                victim.wait()
        with pytest.raises(ServerError, match="postgres is gone"):
            servers.revive()
        assert not (home / "postgres").exists()


def test_a_second_owner_is_refused(home: Path) -> None:
    assert running(home) is None
    with holder(home) as process:
        with pytest.raises(ServerError, match=f"is in use by process {process.pid}$"), embedded(home):
            pass
        addresses = running(home)
        assert addresses is not None
        write_one(addresses)
        process.send_signal(signal.SIGKILL)
    with embedded(home) as servers:
        assert count(servers) == 1
    assert running(home) is None


def test_servers_that_an_earlier_run_left_are_ended_first(home: Path) -> None:
    with embedded(home, durable=False) as addresses, contextlib.ExitStack() as stack:
        left = [
            process for process in psutil.Process().children() if str(home) in " ".join(process.cmdline())
        ]
        account = server_account(home / "postgres", [PostgresServer.programs() / "postgres"])
        for kind in (PostgresServer, ValkeyServer):
            server = kind(home, module.socket_folder(home), account, durable=False)
            stack.callback(server.stop)
            server.start()
        assert [process.status() for process in left] == [psutil.STATUS_ZOMBIE] * 2
        write_one(addresses)
        assert Redis.from_url(addresses.redis_url).ping()


def test_a_home_whose_path_ends_like_anothers_leaves_its_servers_alone(home: Path) -> None:
    other = Path(f"{home.parent}/y{home}")
    with (
        embedded(other, postgres=False, durable=False) as theirs,
        embedded(home, postgres=False, durable=False),
    ):
        assert str(home) in theirs.redis_url
        assert Redis.from_url(theirs.redis_url).ping()


def test_whoever_only_looks_is_in_nobodys_way(home: Path) -> None:
    with locked(home):
        pass
    with (home / "lock").open() as another:
        fcntl.flock(another, fcntl.LOCK_SH)
        assert running(home) is None
    enough = threading.Event()

    def look() -> None:
        while not enough.is_set():
            running(home)

    with ThreadPoolExecutor(1) as looking:
        looked = looking.submit(look)
        try:
            for _ in range(300):
                with locked(home):
                    pass
        finally:
            enough.set()
        looked.result()


def test_a_long_path_gets_a_short_private_socket(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home.parent))
    long = home / ("x" * 60) / ("y" * 60)
    with embedded(long, durable=False) as servers:
        write_one(servers)
        assert Redis.from_url(servers.redis_url).ping()
    folder = module.socket_folder(long)
    assert folder.parent == home.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_where_the_sockets_should_be_is_refused_and_what_it_leads_to_is_left_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    target = home / "target"
    target.mkdir(mode=0o755)
    (home / "link").symlink_to(target)
    monkeypatch.setattr(module, "socket_folder", lambda _: home / "link")
    with pytest.raises(ServerError, match="belongs to somebody else"), embedded(home, durable=False):
        pass
    assert (stat.S_IMODE(target.stat().st_mode), target.stat().st_uid) == (0o755, os.geteuid())


def test_a_home_that_is_no_folder_is_one_line(home: Path) -> None:
    home.write_text("")
    with pytest.raises(ServerError, match=r"^(File exists|Not a directory): \S+$"), embedded(home):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(home: Path) -> None:
    home.parent.chmod(0o500)
    with pytest.raises(ServerError, match=r"^Permission denied: \S+$"), embedded(home):
        pass


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Generator[None]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs root, to mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line(home: Path) -> None:
    with (
        mounted(home, "size=8m"),
        pytest.raises(ServerError, match=r"^PostgreSQL did not start: .*No space left on device$") as refused,
        embedded(home),
    ):
        pass
    assert "\n" not in str(refused.value)


def test_a_disk_that_fills_up_later_is_one_line(home: Path) -> None:
    with mounted(home, "size=120m,mode=711"):
        with embedded(home, valkey=False) as servers:
            write_one(servers)
        ballast = home / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 65_536)
        with pytest.raises(ServerError, match="No space left on device"), embedded(home, valkey=False):
            pass
        ballast.unlink()
        with embedded(home, valkey=False) as servers:
            assert count(servers) == 1


def test_a_read_only_disk_is_one_line(home: Path) -> None:
    with (
        mounted(home, "size=8m,ro"),
        pytest.raises(ServerError, match=r"^Read-only file system: \S+$"),
        embedded(home),
    ):
        pass


def test_data_of_another_version_is_one_line(home: Path) -> None:
    with embedded(home, valkey=False, durable=False):
        pass
    (home / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerError, match="is of PostgreSQL 17, and this is 18"), embedded(home):
        pass


def test_root_reaches_a_home_that_others_may_not_enter(home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root changes to another account")
    home.parent.chmod(0o700)
    with embedded(home, durable=False) as servers:
        write_one(servers)
        owner = (home / "postgres").stat().st_uid
        assert owner != 0
        assert {p.uids().real for p in psutil.Process().children() if str(home) in " ".join(p.cmdline())} == {
            owner
        }
