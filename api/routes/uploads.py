"""One file that comes as `multipart/form-data`: written to a temporary file as it arrives, counted and hashed on the way."""

import hashlib
import tempfile
from typing import IO, Final

import msgspec
from multipart import (  # type: ignore[import-untyped] # typed, though not marked as such
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError, not_valid
from api.http.requests import AnyRequest

FORM: Final = "multipart/form-data"
_OVERHEAD_BYTES: Final = 16_384
_LONGEST_BOUNDARY: Final = 200


class Upload(msgspec.Struct, frozen=True):
    """An uploaded file. `filename` is what the client says; `sha256` is in hexadecimal. Whoever has it closes `file`."""

    file: IO[bytes]
    filename: str
    size: int
    sha256: str


def body_bytes(file_bytes: int) -> int:
    """How large a body may be that carries a file of `file_bytes`."""
    return file_bytes + _OVERHEAD_BYTES


async def one_file(request: AnyRequest, field: str, most_bytes: int) -> Upload:
    """The file in `field`, which must be the only thing in the form. Raises 400 and 413 problems."""
    reader = _Reader(field, most_bytes)
    try:
        with PushMultipartParser(_boundary(request), max_segment_count=1) as parser:
            async for chunk in request.stream():
                for event in parser.parse(chunk):
                    reader.take(event)
                if parser.closed:
                    break
        return reader.done()
    except MultipartError as error:
        reader.file.close()
        raise ProblemError(400, "malformed", f"The form must hold one file, as `{field}`.") from error
    except BaseException:
        reader.file.close()
        raise


class _Reader:
    def __init__(self, field: str, most_bytes: int) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever asked for it
        self._field = field
        self._most_bytes = most_bytes
        self._hash = hashlib.sha256()
        self._size = 0
        self._filename: str | None = None

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if event is None:
            return
        if isinstance(event, MultipartSegment):
            if event.name != self._field:
                raise not_valid(InvalidField((event.name or "")[:100] or "$", "not a field of this form"))
            if event.filename is None:
                raise not_valid(InvalidField(self._field, "expected a file with a filename"))
            self._filename = event.filename
            return
        self._size += len(event)
        if self._size > self._most_bytes:
            raise ProblemError(413, "too_large", f"A file has at most {self._most_bytes} bytes.")
        self._hash.update(event)
        self.file.write(event)

    def done(self) -> Upload:
        if self._filename is None:
            raise not_valid(InvalidField(self._field, "a file is needed"))
        self.file.flush()
        return Upload(self.file, self._filename, self._size, self._hash.hexdigest())


def _boundary(request: AnyRequest) -> str:
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary", "")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise ProblemError(400, "malformed", "The Content-Type has no boundary.")
    return str(boundary)
