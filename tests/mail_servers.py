# ruff: noqa: ARG002, N802 (the libraries choose these names)
"""Mail providers on this machine for tests: SendGrid's web API and an SMTP server, which take mail or behave as they are told."""

import asyncio
import contextlib
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.patience import PATIENCE

DRIP_SECONDS = 0.02


class Answer:
    """What a provider does with a request: a status with headers, or something worse."""

    def __init__(
        self,
        status: int = 202,
        headers: dict[str, str] | None = None,
        *,
        hang: bool = False,
        drop: bool = False,
        said: str = "the reason",
    ) -> None:
        self.status = status
        self.said = said
        self.headers = headers or {}
        self.hang = hang
        self.drop = drop


class SendGridServer:
    """Speaks `POST /v3/mail/send`. `answer` decides on each request; `taken` are those that were answered 202 or worse."""

    def __init__(self) -> None:
        self.url = ""
        self.key = "SG.test"
        self.requests: list[dict[str, Any]] = []
        self.asked = 0
        self.answer: Callable[[dict[str, Any]], Answer] = lambda _request: Answer()
        self.released = threading.Event()
        self._news = threading.Condition()

    @property
    def mail_ids(self) -> list[str]:
        """The ids of the mails that arrived, in order of arrival."""
        return [request["personalizations"][0]["custom_args"]["mail_id"] for request in self.requests]

    def wait_for(self, count: int) -> None:
        """Until so many requests have arrived. Raises `AssertionError` after `PATIENCE` seconds."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.requests) >= count, PATIENCE), len(self.requests)

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        answer = self.answer(body)
        if handler.path != "/v3/mail/send":
            answer = Answer(404)
        elif handler.headers["Authorization"] != f"Bearer {self.key}":
            answer = Answer(401)
        with self._news:
            self.requests.append(body)
            self._news.notify_all()
        if answer.hang:
            self.released.wait(PATIENCE)
        if answer.hang or answer.drop:
            handler.close_connection = True
            return
        content = b"" if answer.status == 202 else json.dumps({"errors": [{"message": answer.said}]}).encode()
        handler.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(content))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)


@contextmanager
def sendgrid_server() -> Generator[SendGridServer]:
    """A running server."""
    server = SendGridServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.asked += 1
            server.handle(self)

        def do_GET(self) -> None:
            server.asked += 1
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
            pass

    class Http(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Http(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, args=[0.01])
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            http.shutdown()
            thread.join()


class SmtpHandler:
    """Takes mail, or answers what `recipient` (`{address}` in it is who it is for), `data` and `sender` say."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.recipients: list[str] = []
        self.recipient = self.sender = self.data = "250 OK"
        self.farewell = "221 Bye"
        self.hang = self.drop = self.drip = False

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.sender

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient.replace("{address}", address)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.hang:
            await asyncio.sleep(PATIENCE)
        while self.drip:
            await server.push("250-and more")
            await asyncio.sleep(DRIP_SECONDS)
        if self.drop:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        elif self.data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(envelope.content)
            self.recipients += envelope.rcpt_tos
        return self.data

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.farewell


@contextmanager
def smtp_server(**settings: Any) -> Generator[tuple[SmtpHandler, str]]:
    """A running server and its `host:port`."""
    handler = SmtpHandler()
    # It is in this process, and its log is not ours.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        yield handler, f"127.0.0.1:{port}"
    finally:
        controller.stop()


@contextmanager
def dripping_server(beginning: bytes, context: ssl.SSLContext | None = None) -> Generator[str]:
    """A running server and its `host:port`. To whoever connects it says the beginning, and then a byte now and then, for ever."""
    released = threading.Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError), self._connection() as connection:
                connection.sendall(beginning)
                while not released.wait(DRIP_SECONDS):
                    connection.sendall(b"2")

        def _connection(self) -> socket.socket:
            return self.request if context is None else context.wrap_socket(self.request, server_side=True)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            released.set()
            server.shutdown()
            thread.join()
