"""Delivery: due mail is claimed, said with what is known at that moment, sent, and its outcome recorded.

One deliverer a process, in threads of its own: a mail server that hangs keeps none of the threads and connections that the
projectors work with. Messages only wake it sooner; what is due, and when to try again, is in PostgreSQL.
"""

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias, assert_never
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection
from psycopg_pool import ConnectionPool

from infrastructure.mail import queue
from infrastructure.mail.context import effect_mail, of_account
from infrastructure.mail.links import MailLinks
from infrastructure.mail.message import Address, Mail, address
from infrastructure.mail.queue import AnyDue, DueAccountMail, DueEffect
from infrastructure.mail.reasons import reason_without
from infrastructure.mail.templates import render
from infrastructure.mail.transport import Held, TransientFailure, Transport, Undeliverable

ATTEMPTS: Final = 12
FIRST_PAUSE_SECONDS: Final = 60.0
LONGEST_PAUSE_SECONDS: Final = 6 * 3600.0
_PAUSE_GROWTH: Final = 3.0
_JITTER: Final = 0.25

SENDERS: Final = 8
IDLE_SECONDS: Final = 10.0
"""How often a deliverer that nobody wakes looks by itself: mail goes out even while Redis is away."""

_CLAIMS_PER_SECOND: Final = 2.5
_RECORD_TRIES: Final = 6

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class NotWanted(Exception):
    """The mail is not to be sent, and the reason."""


def pause_seconds(attempt: int) -> float:
    """How long to wait after the n-th failure, give or take a quarter: 1, 3, 9 ... minutes, then 6 hours; 36 hours in all."""
    pause = min(FIRST_PAUSE_SECONDS * _PAUSE_GROWTH ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return pause * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 (spreads retries, no secret)


class Deliverer:
    """Sends due mail whenever it is woken, and now and then by itself, until none is left; stays below `per_second` mails of all processes together."""

    def __init__(
        self,
        pool: ConnectionPool[Any],
        transport: Transport,
        sender: Address,
        links: MailLinks,
        *,
        per_second: float,
        lease_seconds: float = queue.LEASE_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._pool = pool
        self._transport = transport
        self._sender = sender
        self._links = links
        self._per_second = per_second
        self._lease_seconds = lease_seconds
        self._idle_seconds = idle_seconds
        self._claim_limit = max(1, math.ceil(per_second / _CLAIMS_PER_SECOND))
        self._under_way: dict[UUID, AnyDue] = {}
        self._renewed_at = time.monotonic()
        self._news = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Mail may be due; returns at once."""
        self._news.set()

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        """Deliver in the background; on leaving, what is being sent is finished, and what is not is given back."""
        thread = threading.Thread(target=self.run, name="mail")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._news.set()
            thread.join()

    def run(self) -> None:
        """Deliver until told to stop."""
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="mail") as senders:
            seconds: float | None = None
            while not self._stopping.is_set():
                self._news.wait(self._patience(seconds))
                self._news.clear()
                try:
                    seconds = self._round(senders)
                except psycopg.Error as error:
                    _log.warning("mail waits for the sweep", reason=f"{type(error).__name__}: {error}")
                    seconds = None
                except Exception:  # noqa: BLE001 (without this thread no mail would go out any more)
                    _log.exception("mail waits for the sweep")
                    seconds = None

    def _patience(self, seconds: float | None) -> float:
        wait = self._idle_seconds if seconds is None else min(seconds, self._idle_seconds)
        return min(wait, self._lease_seconds / 3) if self._under_way else wait

    def _round(self, senders: ThreadPoolExecutor) -> float | None:
        """Claim and begin to send; in how many seconds to look again (None: when woken)."""
        self._renew()
        free = SENDERS - len(self._under_way)
        if not free or self._stopping.is_set():
            return None
        with self._pool.connection() as connection:
            claimed = queue.claim(
                connection,
                limit=min(free, self._claim_limit),
                per_second=self._per_second,
                lease_seconds=self._lease_seconds,
            )
        began = time.monotonic()
        for number, due in enumerate(claimed.mails):
            if due.mail_id in self._under_way:
                continue  # its lease has ended while we are still at it
            self._under_way[due.mail_id] = due
            self._stopping.wait(max(0.0, began + number / self._per_second - time.monotonic()))
            senders.submit(self._deliver, due)
        if claimed.seconds is None:
            return None
        return max(0.0, began + claimed.seconds - time.monotonic())

    def _renew(self) -> None:
        if not self._under_way or time.monotonic() - self._renewed_at < self._lease_seconds / 3:
            return
        with self._pool.connection() as connection:
            queue.renew(connection, list(self._under_way.values()), self._lease_seconds)
        self._renewed_at = time.monotonic()

    def _deliver(self, due: AnyDue) -> None:
        try:
            self._record(self._attempt(due))
        except Exception:  # noqa: BLE001 (one mail must not end the deliverer)
            _log.exception(
                "mail: its outcome is not recorded, its lease ends by itself", mail_id=str(due.mail_id)
            )
        finally:
            full = len(self._under_way) >= SENDERS
            del self._under_way[due.mail_id]
            if full:
                self._news.set()

    def _attempt(self, due: AnyDue) -> "WriteResult":
        """Send one mail; answers what writes the result."""
        mail: Mail | None = None
        if self._stopping.is_set():
            return lambda connection: queue.give_back(connection, due)
        if due.attempt > ATTEMPTS:
            return _given_up(
                due, "whoever sent it ended before it was known whether it was sent, again and again"
            )
        try:
            mail = self._mail(due)
            self._transport.send(mail)
        except NotWanted as error:
            reason = str(error)
            return lambda connection: queue.switch_off(connection, due, reason)
        except Undeliverable as error:
            return _given_up(due, _reason(error, mail))
        except Held as error:
            return _held(due, _reason(error, mail), error.seconds)
        except psycopg.Error:
            return lambda connection: queue.give_back(connection, due)
        except TransientFailure as error:
            return _later(due, _reason(error, mail))
        except Exception as error:  # noqa: BLE001 (a template's fault must not lose a mail)
            _log.exception("mail cannot be made", kind=due.kind, mail_id=str(due.mail_id))
            return _later(due, f"it cannot be made: {type(error).__name__}")
        return lambda connection: queue.sent(connection, due)

    def _mail(self, due: AnyDue) -> Mail:
        """The mail with personal data as it is now. Raises `NotWanted`, and `Undeliverable` for what cannot be a mail."""
        match due:
            case DueEffect():
                with self._pool.connection() as connection:
                    found = effect_mail(connection, due.tenant_id, due.position, due.number, self._links)
                if found is None:
                    raise NotWanted("nobody may be told any more: a person was erased, or left the company")
                if not found.wanted:
                    raise NotWanted("the recipient switched this kind off")
                recipient = address(found.name, found.email)
                content = render(found.kind, found.context)
            case DueAccountMail():
                if due.parameters is None:
                    raise Undeliverable("what it said was erased after it was given up")
                with self._pool.connection() as connection:
                    if due.account_id is not None and not _exists(connection, due.account_id):
                        raise NotWanted("the account was erased")
                recipient = address(due.parameters.get("name", ""), due.email)
                content = render(due.kind, of_account(due.kind, due.parameters, self._links))
            case _:
                assert_never(due)
        return Mail(
            mail_id=due.mail_id,
            sender=self._sender,
            recipient=recipient,
            content=content,
            queued_at=due.queued_at,
        )

    def _record(self, write: "WriteResult") -> None:
        """Write the result of an attempt; tried for a while when the database is away, because an unrecorded mail is sent again."""
        for number in range(1, _RECORD_TRIES + 1):
            try:
                with self._pool.connection() as connection:
                    write(connection)
            except psycopg.Error:
                if number == _RECORD_TRIES:
                    raise
                self._stopping.wait(0.1 * 2**number)
            else:
                return


WriteResult: TypeAlias = Callable[[Connection[Any]], None]


def _later(due: AnyDue, reason: str) -> WriteResult:
    if due.attempt >= ATTEMPTS:
        return _given_up(due, f"{reason} (after {due.attempt} attempts)")
    seconds = pause_seconds(due.attempt)
    _log.warning(
        "mail is tried again", kind=due.kind, attempt=due.attempt, seconds=round(seconds), reason=reason
    )
    return lambda connection: queue.try_later(connection, due, reason, seconds)


def _given_up(due: AnyDue, reason: str) -> WriteResult:
    _log.error("mail is given up", kind=due.kind, mail_id=str(due.mail_id), reason=reason)
    return lambda connection: queue.give_up(connection, due, reason)


def _held(due: AnyDue, reason: str, seconds: float) -> WriteResult:
    """Nothing is lost by it: the mail waits with all others, and this was no attempt of its own."""
    _log.error("all mail is held", seconds=round(seconds), reason=reason)

    def record(connection: Connection[Any]) -> None:
        with connection.transaction():
            queue.hold(connection, seconds, reason)
            queue.give_back(connection, due, reason)

    return record


def _reason(error: Exception, mail: Mail | None) -> str:
    return reason_without(str(error), None if mail is None else mail.recipient)


def _exists(connection: Connection[Any], account_id: UUID) -> bool:
    return (
        connection.execute("select from account where account_id = %s", (account_id,)).fetchone() is not None
    )
