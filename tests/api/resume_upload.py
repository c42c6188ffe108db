"""Uploading a resume as a browser's form does."""

import httpx

from tests.api.people import Json, Person, done
from tests.resume_files import TEXT


async def upload(
    person: Person,
    content: bytes = TEXT.encode(),
    filename: str = "cleo.txt",
    *,
    key: str | None = None,
    field: str = "file",
) -> httpx.Response:
    """What a browser's form sends: quotes and line ends of a file name as it writes them."""
    said = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--limit\r\nContent-Disposition: form-data; name="{field}"; filename="{said}"\r\n\r\n'
    return await person.send(
        "POST",
        "/resumes",
        content=head.encode() + content + b"\r\n--limit--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=limit"},
        key=key,
    )


async def uploaded(person: Person, content: bytes = TEXT.encode()) -> Json:
    """A resume that was taken."""
    return done(await upload(person, content))
