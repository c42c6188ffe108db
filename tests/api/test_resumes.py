"""Resumes over HTTP: what is taken, who may read it, what a hostile name comes to, and how it is forgotten."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from msgspec.structs import replace

from api.routes.resumes import FILE_BYTES
from infrastructure.resumes import rows as resume_rows
from infrastructure.resumes.blob_sweep import BlobSweep
from infrastructure.resumes.rows import RequestKey
from tests import resume_files
from tests.api.account_mail import invited
from tests.api.people import Json, Person, System, done, refused
from tests.api.resume_upload import upload
from tests.resume_files import SKILLS, TEXT

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def cleo(system: System) -> Person:
    return await system.candidate()


def files(system: System) -> set[Path]:
    return {path for path in (system.services.settings.home / "blobs").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("content", "extension"),
    [
        (resume_files.pdf(), "pdf"),
        (resume_files.docx(), "docx"),
        (resume_files.odt(), "odt"),
        (TEXT.encode(), "txt"),
    ],
    ids=["pdf", "docx", "odt", "text"],
)
async def test_a_resume_comes_back_as_it_was_sent(cleo: Person, content: bytes, extension: str) -> None:
    answer = await upload(cleo, content, f"Cl\u00e9o's resume.{extension}")
    sent = done(answer)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/resumes/{sent['id']}"
    assert sent["filename"] == f"Cl\u00e9o's resume.{extension}"
    assert (sent["size"], sent["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (sent["text_found"], sent["skills"], sent["experience_years"]) == (True, SKILLS, 7)
    got = await cleo.get(f"/resumes/{sent['id']}")
    assert got.content == content
    assert got.headers["content-length"] == str(len(content))
    assert got.headers["content-type"].partition(";")[0] == sent["media_type"]
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-disposition"].startswith("attachment; ")
    assert (await cleo.sees("/resumes"))["items"] == [sent]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd.txt"),
        ("C:\\Users\\cleo\\resume.txt", "resume.txt"),
        ("evil.exe", "evil.exe.txt"),
        ('a"; filename="b.html', "a; filename=b.html.txt"),
        ("a\r\nSet-Cookie: b=c.txt", "aSet-Cookie b=c.txt"),
        ("nul\x00l.txt", "null.txt"),
        ("\u202etxt.exe", "txt.exe.txt"),
        ("...", "resume.txt"),
        ("x" * 500 + ".txt", "x" * 120 + ".txt"),
    ],
)
async def test_a_hostile_name_is_only_a_name(cleo: Person, system: System, given: str, kept: str) -> None:
    sent = done(await upload(cleo, filename=given))
    assert sent["filename"] == kept
    got = await cleo.get(f"/resumes/{sent['id']}")
    disposition = got.headers["content-disposition"]
    assert "set-cookie" not in got.headers
    assert disposition.isprintable()
    assert disposition.count('"') == 2
    assert all(path.parent.parent.name == "blobs" and len(path.name) == 32 for path in files(system))


@pytest.mark.parametrize(
    ("name", "plain"),
    [("履歴書.txt", "resume.txt"), ("Cl\u00e9o 履歴.txt", "Cleo .txt"), ("7.txt", "7.txt")],
)
async def test_old_programs_save_a_file_under_a_name_too(cleo: Person, name: str, plain: str) -> None:
    sent = done(await upload(cleo, filename=name))
    assert sent["filename"] == name
    disposition = (await cleo.get(f"/resumes/{sent['id']}")).headers["content-disposition"]
    assert f'filename="{plain}"; ' in disposition
    assert disposition.endswith(f"filename*=UTF-8''{quote(name, safe='')}")


async def test_what_is_no_resume_is_refused_and_leaves_nothing(cleo: Person, system: System) -> None:
    before = files(system)
    refused(await upload(cleo, b"\x89PNG\r\n\x1a\n" + bytes(100), "cv.pdf"), 415, "unsupported_media_type")
    refused(await upload(cleo, b""), 422, "resume_empty")
    refused(await upload(cleo, resume_files.locked_pdf()), 422, "resume_encrypted")
    refused(await upload(cleo, resume_files.docx(macros=True)), 422, "resume_macros")
    refused(await upload(cleo, b"%PDF-1.7"), 422, "resume_corrupt")
    refused(await upload(cleo, resume_files.bomb_docx()), 422, "resume_too_complex")
    assert files(system) == before
    assert (await cleo.sees("/resumes"))["items"] == []


async def test_who_hangs_up_meanwhile_is_read_no_further(cleo: Person, system: System) -> None:
    head = b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    body = head + resume_files.endless_pdf() + b"\r\n--limit--\r\n"
    left: list[Any] = [{"type": "http.request", "body": body}, {"type": "http.disconnect"}]
    sent: list[int] = []

    async def receive() -> Any:
        return left.pop(0)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": "/resumes",
        "query_string": b"",
        "headers": [
            (b"authorization", f"Bearer {cleo.token}".encode()),
            (b"content-type", b"multipart/form-data; boundary=limit"),
            (b"content-length", b"%d" % len(body)),
        ],
        "client": ("127.0.0.1", 1),
    }
    await system.app(scope, receive, send)
    assert sent == [408]
    assert (await cleo.sees("/resumes"))["items"] == []


async def test_a_file_has_five_megabytes_at_most(cleo: Person) -> None:
    line = b"Python and Go\n"
    most = line * (FILE_BYTES // len(line) + 1)
    assert done(await upload(cleo, most[:FILE_BYTES]))["size"] == FILE_BYTES
    refused(await upload(cleo, most[: FILE_BYTES + 1]), 413, "too_large")
    refused(await upload(cleo, most + bytes(100_000)), 413, "too_large")


async def test_a_form_holds_one_file_and_nothing_else(cleo: Person) -> None:
    refused(await upload(cleo, field="resume"), 400, "invalid")
    for body in (
        b"",
        b"--limit--\r\n",
        b'--limit\r\nContent-Disposition: form-data; name="file"\r\n\r\nno file\r\n--limit--\r\n',
        b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut of',
        b'--limit\r\nContent-Disposition: form-data; name="file"; filename="\xff\xfe"\r\n\r\na\r\n--limit--',
        b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\na\r\n' * 3
        + b"--limit--\r\n",
    ):
        sent = {"Content-Type": "multipart/form-data; boundary=limit"}
        refused(await cleo.send("POST", "/resumes", content=body, headers=sent), 400)
    nameless = {"Content-Type": "multipart/form-data"}
    refused(await cleo.send("POST", "/resumes", content=b"--x--", headers=nameless), 400)
    refused(await cleo.post("/resumes", {"file": "a"}), 415)


async def test_the_same_key_and_file_answer_the_first_outcome(cleo: Person) -> None:
    key = uuid4().hex
    first, second = await asyncio.gather(upload(cleo, key=key), upload(cleo, key=key))
    assert done(first) == done(second) == done(await upload(cleo, key=key))
    refused(await upload(cleo, b"Another text", key=key), 409, "idempotency_key_reused")
    assert len((await cleo.sees("/resumes"))["items"]) == 1


async def test_the_same_request_does_not_bring_back_what_was_deleted(cleo: Person, system: System) -> None:
    key = uuid4().hex
    resume = done(await upload(cleo, key=key))
    done(await cleo.send("DELETE", f"/resumes/{resume['id']}"))
    before = files(system)

    for _ in range(2):
        refused(await upload(cleo, key=key), 409, "resume_deleted")
    refused(await upload(cleo, b"Another text", key=key), 409, "idempotency_key_reused")

    assert (await cleo.sees("/resumes"))["items"] == []
    assert files(system) == before
    for again in (uuid4().hex, None):
        assert done(await upload(cleo, key=again))["id"] != resume["id"]


async def test_what_is_deleted_while_the_same_request_is_read_again_stays_so(
    cleo: Person, system: System
) -> None:
    key = uuid4().hex
    resume = done(await upload(cleo, key=key))
    query = "select request_key, request_hash from resume where resume_id = %s"
    ((request_key, request_hash),) = await rows(system, query, resume["id"])
    async with system.services.database.of_account(UUID(cleo.id)) as connection:
        kept = await resume_rows.by_id(connection, UUID(resume["id"]))
        assert kept is not None
        done(await cleo.send("DELETE", f"/resumes/{resume['id']}"))
        again = replace(kept, resume_id=uuid4(), blob_name=uuid4().hex)
        assert not await resume_rows.store(connection, again, RequestKey(request_key, request_hash))


async def with_copies(system: System, cleo: Person, count: int) -> None:
    """Give a person one resume, and `count` copies of its row."""
    resume = done(await upload(cleo, b"Python"))
    copies = """insert into resume (resume_id, owner_id, blob_name, filename, media_type, size, sha256, text_found, skills)
                select gen_random_uuid(), owner_id, 'none', filename, media_type, size, sha256, text_found, skills
                from resume, generate_series(1, %s) where resume_id = %s returning 1"""
    assert len(await rows(system, copies, count, resume["id"])) == count


async def test_nobody_keeps_more_than_twenty_and_the_next_file_is_not_even_read(
    cleo: Person, system: System
) -> None:
    await with_copies(system, cleo, 19)
    before = files(system)
    refused(await upload(cleo, b"Python"), 409, "too_many_resumes")
    refused(await upload(cleo, b"%PDF-1.7"), 409, "too_many_resumes")
    assert files(system) == before


async def test_of_two_files_at_once_one_is_the_twentieth(cleo: Person, system: System) -> None:
    await with_copies(system, cleo, 18)
    answers = await asyncio.gather(upload(cleo, b"Python"), upload(cleo, b"Go"))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len((await cleo.sees("/resumes"))["items"]) == 20


async def applied_with(resume: Json, cleo: Person, company: Person) -> Json:
    return await cleo.applies(await company.posts_job(), resume_id=resume["id"])


async def test_it_is_read_by_the_company_that_it_was_sent_to_and_by_no_other(
    system: System, cleo: Person
) -> None:
    company, other = await system.company(), await system.company()
    manager = await system.member(company, "hiring_manager")
    resume = done(await upload(cleo))
    path = f"/resumes/{resume['id']}"
    refused(await company.get(path), 404, "not_found")
    application = await applied_with(resume, cleo, company)
    assert application["resume_id"] == resume["id"]
    await system.project()
    assert (await company.get(path)).content == TEXT.encode()
    assert (await manager.get(path)).is_success
    elsewhere = refused(await other.get(path), 404, "not_found")
    assert elsewhere == refused(await other.get(f"/resumes/{uuid4()}"), 404, "not_found")
    refused(await (await system.candidate()).get(path), 404, "not_found")


async def test_who_joined_a_company_keeps_their_own_resumes(system: System, cleo: Person) -> None:
    admin, other = await system.company(), await system.company()
    resume = done(await upload(cleo))
    await applied_with(resume, cleo, other)
    given = await invited(system, admin, cleo.email, "recruiter")
    done(await cleo.post("/auth/invitations/accept", {"code": given}))
    member, path = await system.logged_in(cleo.profile), f"/resumes/{resume['id']}"
    assert (await member.sees("/resumes"))["items"] == [resume]
    assert (await member.get(path)).content == TEXT.encode()
    refused(await admin.get(path), 404, "not_found")
    refused(await admin.send("DELETE", path), 404, "not_found")
    assert (await member.send("DELETE", path)).status_code == 204
    refused(await member.get(path), 404, "not_found")


async def test_applying_again_with_the_same_key_answers_though_the_resume_is_gone(
    system: System, cleo: Person
) -> None:
    job = await (await system.company()).posts_job()
    body = {"resume_id": done(await upload(cleo))["id"]}
    first = await cleo.post(f"/jobs/{job['id']}/apply", body, key="a")
    assert (await cleo.send("DELETE", f"/resumes/{body['resume_id']}")).status_code == 204
    again = await cleo.post(f"/jobs/{job['id']}/apply", body, key="a")
    assert (again.status_code, again.content) == (201, first.content)
    refused(await cleo.post(f"/jobs/{job['id']}/apply", body), 400, "invalid")


async def test_another_persons_resume_cannot_be_sent_or_deleted(system: System, cleo: Person) -> None:
    resume = done(await upload(await system.candidate()))
    job = await (await system.company()).posts_job()
    for resume_id in (resume["id"], str(uuid4())):
        answer = await cleo.post(f"/jobs/{job['id']}/apply", {"resume_id": resume_id})
        assert refused(answer, 400, "invalid")["errors"][0]["field"] == "resume_id"
        refused(await cleo.send("DELETE", f"/resumes/{resume_id}"), 404, "not_found")


async def test_a_deleted_resume_is_gone_for_everybody_and_from_the_disk(system: System, cleo: Person) -> None:
    company, before = await system.company(), files(system)
    resume = done(await upload(cleo))
    application = await applied_with(resume, cleo, company)
    await system.project()
    path = f"/resumes/{resume['id']}"
    assert (await cleo.send("DELETE", path)).status_code == 204
    for person in (cleo, company):
        refused(await person.get(path), 404, "not_found")
    assert files(system) == before
    assert (await rows(system, "select 1 from resume where resume_id = %s", resume["id"])) == []
    assert (await rows(system, "select 1 from unowned_blob")) == []
    assert (await company.sees(f"/applications/{application['id']}"))["resume_id"] == resume["id"]


async def test_a_file_lost_from_the_store_is_said_to_be(system: System, cleo: Person) -> None:
    before = files(system)
    resume = done(await upload(cleo))
    (lost,) = files(system) - before
    lost.unlink()
    refused(await cleo.get(f"/resumes/{resume['id']}"), 404, "resume_file_missing")
    assert (await cleo.send("DELETE", f"/resumes/{resume['id']}")).status_code == 204


async def test_a_file_that_no_row_came_to_name_is_swept(system: System, tmp_path: Path) -> None:
    services = system.services
    name = services.blobs.new_name()
    with (tmp_path / "half").open("w+b") as file:
        file.write(b"half")
        await services.blobs.put(name, file)
    await rows(system, "insert into unowned_blob values (%s, now() - interval '1 second') returning 1", name)
    assert await BlobSweep(services.database, services.blobs).sweep() == 1
    assert name.partition("/")[2] not in {path.name for path in files(system)}


async def rows(system: System, query: str, *parameters: Any) -> list[Any]:
    async with system.owner() as connection:
        cursor = await connection.execute(query.encode(), parameters)
        return list(await cursor.fetchall())
