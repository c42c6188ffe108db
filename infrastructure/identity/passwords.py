"""Passwords: bcrypt over a keyed hash, in one process of low priority, so that a flood of logins starves nothing else."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final, cast

import bcrypt
import structlog

_WORKER: Final = Path(__file__).with_name("password_worker.py")
_WAITING: Final = 32

_log = structlog.get_logger(__name__)


class PasswordsBusy(Exception):
    """Too many passwords wait to be hashed or checked; worth a retry (503)."""


class Passwords:
    """Hashes and checks passwords; `close` it.

    bcrypt reads 72 bytes at most, so it gets an HMAC of the password, whose key is derived from `SECRET_KEY`: a stolen
    table alone cannot be guessed at. Before that the password is brought to Unicode's form NFKC, so that it is the same
    from every keyboard (NIST SP 800-63B). bcrypt takes tens of milliseconds of CPU by design: one run at a time, `waiting`
    more may wait, and what comes then is refused at once.
    """

    def __init__(self, secret_key: str, cost: int, *, waiting: int = _WAITING) -> None:
        self._pepper = hashlib.sha256(b"password pepper" + secret_key.encode()).digest()
        self._cost = cost
        self._places = waiting + 1
        self._taken = 0
        # One thread, so that each request to the worker has its answer before the next one begins.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._worker: subprocess.Popen[bytes] | None = None
        self._unknown = bcrypt.gensalt(cost) + b"." * 31
        self.runs = 0
        """How many passwords were hashed or checked, whatever came of it."""

    @property
    def worker_pid(self) -> int | None:
        """The process that runs bcrypt, None before the first password."""
        return None if self._worker is None else self._worker.pid

    async def hash(self, password: str) -> str:
        """What is stored of a password. Raises `PasswordsBusy`."""
        return (await self._ask(self._prepared(password))).decode("ascii")

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether a password is the one; without a hash it takes as long and is not. Raises `PasswordsBusy`."""
        stored = self._unknown if password_hash is None else password_hash.encode()
        same = await self._ask(self._prepared(password), stored) == b"1"
        return same and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash was made at a lower cost than is set now."""
        return int(password_hash[4:6]) < self._cost

    def _prepared(self, password: str) -> bytes:
        normal = unicodedata.normalize("NFKC", password)
        return base64.b64encode(hmac.digest(self._pepper, normal.encode("utf-8", "surrogatepass"), "sha256"))

    async def _ask(self, *words: bytes) -> bytes:
        if self._taken >= self._places:
            raise PasswordsBusy("Too many people log in at this moment.")
        self._taken += 1
        self.runs += 1
        line = b" ".join([str(self._cost).encode(), *words]) + b"\n"
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._answer, line)
        asked.add_done_callback(self._left)
        try:
            return await asyncio.shield(asked)
        except OSError as error:
            _log.warning("password worker failed", error=type(error).__name__)
            raise PasswordsBusy("Passwords cannot be checked at this moment.") from error

    def _left(self, asked: "asyncio.Future[bytes]") -> None:
        self._taken -= 1
        if not asked.cancelled():
            asked.exception()  # seen, even if the caller has gone

    def _answer(self, line: bytes) -> bytes:
        worker = self._worker
        if worker is None or worker.poll() is not None:
            self._end()
            worker = self._worker = subprocess.Popen(
                [sys.executable, "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        try:
            asking, answering = cast("IO[bytes]", worker.stdin), cast("IO[bytes]", worker.stdout)
            asking.write(line)
            asking.flush()
            answer = answering.readline()
            if not answer.endswith(b"\n"):
                raise BrokenPipeError
        except OSError:
            self._end()
            raise
        return answer[:-1]

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            with contextlib.suppress(OSError):
                worker.communicate()

    def close(self) -> None:
        """End the process. Whoever still waits is not answered."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._worker is not None:
            self._worker.kill()
        self._thread.shutdown(wait=True)
        self._end()
