"""SendGrid, SMTP and the outbox: what is taken, what is refused for good, what is worth another try, and what stops all mail."""

import ipaddress
import ssl
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import uuid4

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infrastructure.mail.outbox import Outbox
from infrastructure.mail.sendgrid import SendGrid
from infrastructure.mail.smtp import Smtp, smtp_server
from infrastructure.mail.transport import Held, TransientFailure, Undeliverable, transport
from infrastructure.settings import Settings, SettingsError, load
from tests import mail_servers
from tests.mail_servers import Answer
from tests.mails import MAIL_ID, mail

BRIEFLY = 0.3
NO_END = "no whole answer within 0.3 s"
TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n"
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1000\r\n\r\n"
HELD = b"HTTP/1.1 429 Too Many Requests\r\n\r\n"


def test_sendgrid_gets_the_mail_with_its_id_and_tracks_nobody() -> None:
    with mail_servers.sendgrid_server() as server:
        SendGrid(server.key, server.url).send(mail("Jörg; Bcc, <x>", "jo@bücher.example"))
        (request,) = server.requests
    (person,) = request["personalizations"]
    assert person["to"] == [{"email": "jo@xn--bcher-kva.example", "name": '"Jörg; Bcc, <x>"'}]
    assert person["custom_args"] == {"mail_id": str(MAIL_ID)}
    assert request["headers"]["Message-ID"] == f"<{MAIL_ID}@mail.example.com>"
    assert request["from"] == {"email": "jobs@mail.example.com", "name": "Hirelog"}
    assert [part["type"] for part in request["content"]] == ["text/plain", "text/html"]
    assert not any(setting["enable"] for setting in request["tracking_settings"].values())


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(400), Undeliverable),
        (Answer(413), Undeliverable),
        (Answer(401), Held),
        (Answer(403), Held),
        (Answer(404), Held),
        (Answer(429), Held),
        (Answer(500), TransientFailure),
        (Answer(503), TransientFailure),
        (Answer(200), TransientFailure),
        (Answer(hang=True), TransientFailure),
        (Answer(drop=True), TransientFailure),
    ],
    ids=lambda value: (
        f"{value.status}{'hang' * value.hang}{'drop' * value.drop}" if isinstance(value, Answer) else ""
    ),
)
def test_sendgrid_that_does_not_take_a_mail(answer: Answer, outcome: type[Exception]) -> None:
    with mail_servers.sendgrid_server() as server:
        server.answer = lambda _request: answer
        with pytest.raises(outcome):
            SendGrid(server.key, server.url, timeout=BRIEFLY).send(mail())


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_gets_no_key_and_holds_all_mail(status: int) -> None:
    with mail_servers.sendgrid_server() as server, mail_servers.sendgrid_server() as other:
        server.answer = lambda _request: Answer(status, {"Location": f"{other.url}/v3/mail/send"})
        with pytest.raises(Held, match=f"answered {status}.*see HIRELOG_SENDGRID_URL"):
            SendGrid(server.key, server.url).send(mail())
    assert other.asked == 0


def test_sendgrid_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(TransientFailure, match="URLError"):
        SendGrid("SG.test", "http://127.0.0.1:1", timeout=BRIEFLY).send(mail())


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 ", b"HTTP/1.1 400 Bad\r\nA: ", REFUSED, HELD])
def test_sendgrid_that_answers_drop_by_drop_is_tried_again(beginning: bytes) -> None:
    with mail_servers.dripping_server(beginning) as place, pytest.raises(TransientFailure, match=NO_END):
        SendGrid("SG.test", f"http://{place}", deadline=BRIEFLY).send(mail())


def test_sendgrid_is_believed_what_it_took_whatever_else_it_says() -> None:
    with mail_servers.dripping_server(TAKEN) as place:
        SendGrid("SG.test", f"http://{place}", deadline=2.0).send(mail())


def test_over_tls_a_deadline_holds_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path)
    context = _serving(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with (
        mail_servers.dripping_server(REFUSED, context) as place,
        pytest.raises(TransientFailure, match=NO_END),
    ):
        SendGrid("SG.test", f"https://{place}", deadline=BRIEFLY).send(mail())
    with (
        mail_servers.dripping_server(b"220-", context) as place,
        pytest.raises(TransientFailure, match=NO_END),
    ):
        Smtp(smtp_server(f"smtps://{place}"), deadline=BRIEFLY).send(mail())
    settings = {"tls_context": context, "require_starttls": True}
    with mail_servers.smtp_server(**settings) as (handler, place):
        handler.drip = True
        with pytest.raises(TransientFailure, match=NO_END):
            Smtp(smtp_server(f"smtp+starttls://{place}"), deadline=BRIEFLY).send(mail())


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("Retry-After", lambda _now: "17", 17),
        ("Retry-After", lambda now: format_datetime(now + timedelta(seconds=200), usegmt=True), 200),
        ("Retry-After", lambda _now: "999999999", 3600),
        ("Retry-After", lambda _now: "soon", 60),
        ("X-RateLimit-Reset", lambda now: str(now.timestamp() + 300), 300),
        ("X-RateLimit-Reset", lambda _now: "nan", 60),
        ("X-RateLimit-Reset", lambda _now: "inf", 60),
        ("X-RateLimit-Reset", lambda _now: "-inf", 60),
        ("X-Nothing", lambda _now: "1", 60),
    ],
    ids=["seconds", "date", "endless", "no number", "reset", "nan", "inf", "-inf", "nothing"],
)
def test_too_many_requests_say_how_long_to_wait(
    name: str, value: Callable[[datetime], str], seconds: float
) -> None:
    with mail_servers.sendgrid_server() as server:
        server.answer = lambda _request: Answer(429, {name: value(datetime.now(UTC))})
        with pytest.raises(Held, match="429: the reason") as held:
            SendGrid(server.key, server.url).send(mail())
    assert held.value.seconds == pytest.approx(seconds, abs=5)


def test_smtp_gets_the_mail() -> None:
    with mail_servers.smtp_server() as (handler, place):
        Smtp(smtp_server(f"smtp://{place}")).send(mail())
    assert handler.recipients == ["cleo@example.com"]
    assert f"Message-ID: <{MAIL_ID}@mail.example.com>".encode() in handler.mails[0]


@pytest.mark.parametrize(
    ("told", "outcome", "match"),
    [
        ({"recipient": "550 5.1.1 no such user"}, Undeliverable, "550 5.1.1 no such user"),
        ({"recipient": "450 4.2.1 mailbox busy"}, TransientFailure, "450"),
        ({"data": "554 5.7.1 looks like spam"}, Undeliverable, "554"),
        ({"data": "451 4.3.0 try later"}, TransientFailure, "451"),
        ({"sender": "553 5.7.1 not your address"}, Held, "553.*HIRELOG_MAIL_FROM"),
        ({"sender": "451 4.3.0 try later"}, TransientFailure, "451"),
        ({"sender": "552 5.3.4 too big"}, Undeliverable, "552"),
        ({"drop": True}, TransientFailure, "Disconnected"),
        ({"hang": True}, TransientFailure, "timed out|TimeoutError"),
    ],
    ids=lambda value: "-".join(map(str, value.values()))[:14] if isinstance(value, dict) else "",
)
def test_smtp_that_does_not_take_a_mail(
    told: dict[str, object], outcome: type[Exception], match: str
) -> None:
    with mail_servers.smtp_server() as (handler, place):
        for name, value in told.items():
            setattr(handler, name, value)
        with pytest.raises(outcome, match=match):
            Smtp(smtp_server(f"smtp://{place}"), timeout=BRIEFLY).send(mail())
    assert handler.mails == []


def test_what_smtp_took_is_taken_whatever_it_says_at_the_end() -> None:
    with mail_servers.smtp_server() as (handler, place):
        handler.farewell = "554 5.0.0 something went wrong"
        Smtp(smtp_server(f"smtp://{place}")).send(mail())
    assert len(handler.mails) == 1


@pytest.mark.parametrize("greeting", [b"", b"220-", b"220 ready\r\n", b"220 ready\r\n250-"])
def test_smtp_that_answers_drop_by_drop_is_tried_again(greeting: bytes) -> None:
    with mail_servers.dripping_server(greeting) as place, pytest.raises(TransientFailure, match=NO_END):
        Smtp(smtp_server(f"smtp://{place}"), deadline=BRIEFLY).send(mail())


def test_smtp_that_takes_a_mail_drop_by_drop_is_tried_again() -> None:
    with mail_servers.smtp_server() as (handler, place):
        handler.drip = True
        with pytest.raises(TransientFailure, match=NO_END):
            Smtp(smtp_server(f"smtp://{place}"), deadline=BRIEFLY).send(mail())


def test_smtp_that_is_not_there_is_tried_again() -> None:
    with pytest.raises(TransientFailure):
        Smtp(smtp_server("smtp://127.0.0.1:1"), timeout=BRIEFLY).send(mail())


@pytest.mark.parametrize("international", [True, False])
def test_an_international_address_needs_a_server_that_takes_it(*, international: bool) -> None:
    with mail_servers.smtp_server(enable_SMTPUTF8=international) as (handler, place):
        smtp = Smtp(smtp_server(f"smtp://{place}"))
        if international:
            smtp.send(mail("Jörg", "jörg@example.com"))
            assert handler.recipients == ["jörg@example.com"]
        else:
            with pytest.raises(Undeliverable, match="outside ASCII"):
                smtp.send(mail("Jörg", "jörg@example.com"))


def test_smtp_logs_in_over_starttls_only_to_a_server_that_can_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _certificate(tmp_path)
    context = _serving(certificate)

    def authenticated(
        _server: object, _session: object, _envelope: object, _how: str, who: LoginPassword
    ) -> AuthResult:
        return AuthResult(handled=False, success=(who.login, who.password) == (b"me", b"p@ss"))

    settings = {"tls_context": context, "require_starttls": True, "authenticator": authenticated}
    with mail_servers.smtp_server(**settings, auth_required=True) as (handler, place):
        with pytest.raises(Held, match="certificate"):
            Smtp(smtp_server(f"smtp+starttls://me:p%40ss@{place}")).send(mail())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(Held, match=r"535.*HIRELOG_SMTP_URL"):
            Smtp(smtp_server(f"smtp+starttls://me:wrong@{place}")).send(mail())
        assert handler.mails == []
        Smtp(smtp_server(f"smtp+starttls://me:p%40ss@{place}")).send(mail())
        assert len(handler.mails) == 1
    with mail_servers.smtp_server() as (_, place), pytest.raises(Held, match="STARTTLS"):
        Smtp(smtp_server(f"smtp+starttls://{place}")).send(mail())


def _serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://me:secret@mail.example.com",
        "smtps://mail.example.com:x",
        "smtps://me:secret/@mail.example.com",
        "smtps://mail.example.com/?x=1",
    ],
)
def test_an_smtp_address_that_is_wrong_or_tells_a_password_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="HIRELOG_SMTP_URL") as error:
        smtp_server(url)
    assert "secret" not in str(error.value)


def test_the_outbox_holds_each_mail_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "outbox"
    for _ in range(2):
        Outbox(folder).send(mail())
    (file,) = folder.iterdir()
    assert file.name == f"20260101T000000Z-{MAIL_ID}.eml"
    assert file.read_bytes().startswith(
        b"From: Hirelog <jobs@mail.example.com>\r\nTo: Cleo <cleo@example.com>\r\n"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_outbox_forgets_a_mail_whether_it_is_whole_or_was_left_half_written(tmp_path: Path) -> None:
    outbox, other = Outbox(tmp_path), f"20260101T000000Z-{uuid4()}.eml"
    outbox.send(mail())
    (whole,) = tmp_path.iterdir()
    for name in (f".{whole.name}.4711", other, f".{other}.4711"):
        (tmp_path / name).touch()
    assert outbox.delete([MAIL_ID]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {other, f".{other}.4711"}


def test_an_outbox_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(TransientFailure):
        Outbox(tmp_path / "outbox").send(mail())


def test_the_settings_choose_the_way(tmp_path: Path) -> None:
    smtp = Settings(home=tmp_path, smtp_url="smtp://127.0.0.1")
    assert [
        type(transport(one))
        for one in (
            Settings(home=tmp_path),
            smtp,
            Settings(home=tmp_path, smtp_url=smtp.smtp_url, sendgrid_api_key="SG.x"),
        )
    ] == [Outbox, Smtp, SendGrid]
    with pytest.raises(SettingsError, match="HIRELOG_MAIL_FROM must be set"):
        load({"SENDGRID_API_KEY": "SG.x"})
