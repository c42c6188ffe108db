"""Files by URL: a store that speaks S3 gets them by its own protocol, and its faults are said plainly."""

import asyncio
import os
import re
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infrastructure.operator_error import OperatorError
from infrastructure.resumes.blobs import BlobMissing, Blobs, BlobsUnavailable, open_blobs
from infrastructure.settings import Settings

CONTENT = b"a resume " * 100_000


class Bucket(ThreadingHTTPServer):
    """As much of S3 as a store of files needs: objects by path, put, got and deleted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.objects: dict[str, bytes] = {}
        self.signed: list[bool] = []
        self.fails = False


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def bucket(self) -> Bucket:
        assert isinstance(self.server, Bucket)
        return self.server

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        self.bucket.signed.append("AWS4-HMAC-SHA256" in self.headers.get("authorization", ""))
        if self.bucket.fails:
            self._say(403)
            return
        self.bucket.objects[self.path] = content
        self._say(200)

    def do_GET(self) -> None:
        content = self.bucket.objects.get(self.path)
        self._say(404 if content is None else 200, content or b"")

    def do_POST(self) -> None:
        """Objects to delete, named in the body."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        keys = re.findall("<Key>([^<]*)</Key>", body)
        for key in keys:
            self.bucket.objects.pop(f"{self.path.partition('?')[0]}/{key}", None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self._say(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _say(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own signature
        """Say nothing."""


@contextmanager
def running_bucket() -> Generator[Bucket]:
    with Bucket() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with running_bucket() as server:
        monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield server


async def stored(blobs: Blobs, content: bytes = CONTENT) -> str:
    name = blobs.new_name()
    with tempfile.TemporaryFile() as file:
        file.write(content)
        await blobs.put(name, file)
    return name


async def got(blobs: Blobs, name: str) -> bytes:
    size, pieces = await blobs.open(name)
    content = b"".join([piece async for piece in pieces])
    assert len(content) == size
    return content


async def kept_and_removed(blobs: Blobs) -> None:
    name = await stored(blobs)
    assert await got(blobs, name) == CONTENT
    await blobs.remove(name)
    await blobs.remove(name)
    with pytest.raises(BlobMissing):
        await blobs.open(name)


def test_a_folder_keeps_files(tmp_path: Path) -> None:
    asyncio.run(kept_and_removed(open_blobs(Settings(home=tmp_path))))
    asyncio.run(kept_and_removed(open_blobs(Settings(blob_url=f"file://{tmp_path}/elsewhere"))))


def test_what_a_killed_process_had_written_of_a_file_goes_with_it(tmp_path: Path) -> None:
    """A store of files writes beside a file's place; the row of a file that was announced leads to no other name."""
    blobs = open_blobs(Settings(home=tmp_path))
    name = asyncio.run(stored(blobs))
    kept = asyncio.run(stored(blobs))
    file = tmp_path / "blobs" / name
    file.rename(file.with_name(f"{file.name}#1"))
    assert not asyncio.run(blobs.remove(name))
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == [tmp_path / "blobs" / kept]


def test_a_stored_file_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    fsync = os.fsync

    def seen(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    file = tmp_path / "blobs" / asyncio.run(stored(open_blobs(Settings(home=tmp_path))))
    assert {file.stat().st_ino, file.parent.stat().st_ino, file.parent.parent.stat().st_ino} <= synced


def test_a_store_by_url_keeps_files(s3: Bucket) -> None:
    asyncio.run(kept_and_removed(open_blobs(Settings(blob_url="s3://resumes/hirelog"))))
    assert s3.signed == [True]


def test_a_store_that_refuses_is_unavailable(s3: Bucket) -> None:
    s3.fails = True
    with pytest.raises(BlobsUnavailable):
        asyncio.run(stored(open_blobs(Settings(blob_url="s3://resumes"))))


def test_a_url_that_names_no_store_is_refused_at_the_start_without_its_password() -> None:
    with pytest.raises(OperatorError, match="HIRELOG_BLOB_URL") as refused:
        open_blobs(Settings(blob_url="nonsense://me:hush@resumes"))
    assert "hush" not in str(refused.value)
