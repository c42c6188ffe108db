"""Files, in a folder by default or any store that obstore knows by URL (S3 and others), under generated names."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from uuid import uuid4

import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from infrastructure.operator_error import OperatorError
from infrastructure.server_urls import hide_password
from infrastructure.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

_CHUNK_BYTES: Final = 256 * 1024
# Plain HTTP is used only where the operator's endpoint says so.
_CLIENT: Final["ClientConfig"] = {
    "allow_http": True,
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(seconds=30),
}
_RETRIES: Final["RetryConfig"] = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}

_log = structlog.get_logger(__name__)


class BlobMissing(Exception):
    """The store does not have this file (any more)."""


class BlobsUnavailable(Exception):
    """The store cannot be reached, or refuses us; worth a retry (503)."""


class Blobs:
    """A store of files. Their names are generated here: nothing that a client says becomes a part of a path."""

    def __init__(self, place: ObjectStore | Path) -> None:
        """A folder is made when the first file is stored, for this user alone."""
        self._place = place
        self._folder = place if isinstance(place, Path) else None

    @property
    def _store(self) -> ObjectStore:
        if isinstance(self._place, Path):
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._place = LocalStore(self._place)
        return self._place

    @staticmethod
    def new_name() -> str:
        """A name that no file has."""
        name = uuid4().hex
        return f"{name[:2]}/{name}"

    async def put(self, name: str, file: IO[bytes]) -> None:
        """Store an open file from its beginning, in pieces; it is there whole or not at all. Raises `BlobsUnavailable`."""
        file.seek(0)
        try:
            await self._store.put_async(name, file, chunk_size=5 * 1024 * 1024)
            if self._folder is not None:
                await asyncio.to_thread(_on_disk, self._folder / name, self._folder)
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error

    async def open(self, name: str) -> tuple[int, AsyncIterator[bytes]]:
        """A file's size and its pieces. Raises `BlobMissing` and `BlobsUnavailable`."""
        try:
            found = await self._store.get_async(name)
        except FileNotFoundError as error:
            raise BlobMissing from error
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error
        return found.meta["size"], _pieces(found.stream(_CHUNK_BYTES))

    async def remove(self, name: str) -> bool:
        """Remove a file; false when it is not there, as far as the store tells. Raises `BlobsUnavailable`."""
        try:
            if self._folder is not None:
                await asyncio.to_thread(_remove_unfinished, self._folder, name)
            await self._store.delete_async(name)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error
        return True


def open_blobs(settings: Settings) -> Blobs:
    """The configured store. Raises `OperatorError` for a URL that names none.

    Access to an S3-compatible one comes from the environment, as its own tools read it (`AWS_ACCESS_KEY_ID`, ...).
    """
    url = settings.blob_url
    if url is None:
        return Blobs(settings.home / "blobs")
    if url.startswith("file://"):
        return Blobs(Path(url.removeprefix("file://")))
    try:
        return Blobs(from_url(url, client_options=_CLIENT, retry_config=_RETRIES))
    except (BaseError, OSError, ValueError) as error:
        reason = hide_password(str(error).partition("\n")[0])
        raise OperatorError(f"HIRELOG_BLOB_URL: no store can be opened ({reason})") from error


async def _pieces(stream: AsyncIterator[object]) -> AsyncIterator[bytes]:
    async for piece in stream:
        yield bytes(memoryview(piece))  # type: ignore[arg-type] # a buffer of Rust's, copied piece by piece


def _on_disk(file: Path, folder: Path) -> None:
    """Flush a file and its folders to disk, as PostgreSQL does with the row that names it."""
    for place in (file, file.parent, folder):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_unfinished(folder: Path, name: str) -> None:
    """What a process that was killed had written of a file: the store writes beside its place."""
    for unfinished in folder.glob(f"{name}#*"):
        unfinished.unlink(missing_ok=True)


def _unavailable(error: Exception) -> BlobsUnavailable:
    _log.warning("blob store unavailable", error=type(error).__name__)
    return BlobsUnavailable("The files cannot be reached now.")
