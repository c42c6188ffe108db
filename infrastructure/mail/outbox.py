"""The local outbox: mail as files in a folder, where it can be read instead of being sent."""

import contextlib
import os
from collections.abc import Collection
from datetime import UTC
from pathlib import Path
from uuid import UUID

from infrastructure.mail.message import Mail, as_bytes
from infrastructure.mail.transport import TransientFailure


class Outbox:
    """Writes `<time queued>-<mail id>.eml`, whole or not at all. A mail that is sent again replaces its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def delete(self, mail_ids: Collection[UUID]) -> int:
        """Remove the files of these mails, whole ones and what a process that was killed has left; how many there were.

        Raises `OSError`.
        """
        wanted = {str(mail_id) for mail_id in mail_ids}
        found = [
            path
            for pattern in ("*.eml", ".*.eml.*")
            for path in self._folder.glob(pattern)
            if path.name.partition("-")[2].partition(".eml")[0] in wanted
        ]
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def send(self, mail: Mail) -> None:
        name = f"{mail.queued_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{mail.mail_id}.eml"
        unfinished = self._folder / f".{name}.{os.getpid()}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(as_bytes(mail))
            unfinished.rename(self._folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise TransientFailure(f"{type(error).__name__}: {error.strerror}") from error
