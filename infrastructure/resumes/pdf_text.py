"""The text of a PDF, page by page."""

import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Final

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import DependencyError

from infrastructure.resumes.kind import ResumeRefused, corrupt, encrypted

_PAGES: Final = 20


class PdfFile:
    """An opened PDF. Raises `ResumeRefused` when it needs a password or has no page that can be found."""

    def __init__(self, content: bytes) -> None:
        logging.getLogger("pypdf").disabled = True
        try:
            self._reader = PdfReader(BytesIO(content), strict=False)
            if self._reader.is_encrypted and self._reader.decrypt("") == PasswordType.NOT_DECRYPTED:
                raise encrypted()
            self._first = next(iter(self._reader.pages), None)
        except DependencyError as error:
            raise encrypted() from error
        except ResumeRefused:
            raise
        except Exception as error:  # pypdf meets damage with whatever error its own next step raises
            raise corrupt() from error
        if self._first is None:
            raise corrupt("The file has no page.")

    def text(self) -> Iterator[str]:
        """The text of its first pages; a page that cannot be read is left out."""
        for number in range(_PAGES):
            try:
                page: PageObject = self._reader.pages[number]
                yield page.extract_text()
            except IndexError:
                return
            except Exception:  # noqa: BLE001, S110 - as above
                pass
            yield "\n"
