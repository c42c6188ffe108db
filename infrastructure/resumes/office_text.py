"""The text of DOCX and ODT files: zipped XML, read part by part within bounds."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

from infrastructure.resumes.kind import (
    DOCX,
    ODT,
    MediaType,
    ResumeRefused,
    corrupt,
    encrypted,
    macros,
    unsupported,
)
from infrastructure.resumes.office_xml import content_types, shown_text

_ENTRIES: Final = 5_000
_PART_BYTES: Final = 32_000_000
_CONTENT_TYPES: Final = "[Content_Types].xml"
_MANIFEST: Final = "META-INF/manifest.xml"
_WORD: Final = "wordprocessingml.document.main+xml"
_MACROS: Final = ("vbaproject.bin", "vbadata.xml")
_ODT_MACROS: Final = ("basic/", "scripts/")
_DOCX_PARTS: Final = ("header", "document", "footnotes", "endnotes", "footer")

_Broken = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


class OfficeFile:
    """An opened package. Raises `ResumeRefused` for a broken, encrypted, macro-carrying or other package."""

    def __init__(self, content: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(BytesIO(content))
        except _Broken as error:
            raise corrupt() from error
        self._names = {info.filename: info for info in self._archive.infolist()}
        if len(self._names) > _ENTRIES:
            raise ResumeRefused("resume_too_complex", "The file has too many parts.")
        self.media_type: MediaType = self._judge()

    def _judge(self) -> MediaType:
        lowered = [name.lower() for name in self._names]
        if _CONTENT_TYPES in self._names:
            types = content_types(self._part(_CONTENT_TYPES))
            if any(name.endswith(_MACROS) for name in lowered) or any(
                "macroEnabled" in kind for kind in types.values()
            ):
                raise macros()
            named = [name for name, kind in types.items() if kind.endswith(_WORD)]
            if not named:
                raise unsupported("another Office document")
            self._document = named[0].lstrip("/") or "word/document.xml"
            media_type = DOCX
        elif self._names.get("mimetype") and self._part("mimetype").strip() == ODT.encode():
            if any(name.startswith(_ODT_MACROS) and not name.endswith(("/", ".xml")) for name in lowered):
                raise macros()
            if _MANIFEST in self._names and b"encryption-data" in self._part(_MANIFEST):
                raise encrypted()
            self._document = "content.xml"
            media_type = ODT
        else:
            raise unsupported("a ZIP archive")
        if self._document not in self._names:
            raise corrupt()
        return media_type

    def text(self) -> Iterator[str]:
        """Its text, part by part; a part that cannot be read is left out, unless it is the document itself."""
        for name in self._parts():
            try:
                yield shown_text(self._part(name), everything=self.media_type == ODT)
            except ResumeRefused:
                if name == self._document:
                    raise
            yield "\n"

    def _parts(self) -> Sequence[str]:
        if self.media_type == ODT:
            return [name for name in ("styles.xml", "content.xml") if name in self._names]
        folder = self._document.rpartition("/")[0]
        ranked = [
            (rank, name)
            for name in self._names
            for rank, kind in enumerate(_DOCX_PARTS)
            if kind != "document" and name.startswith(f"{folder}/{kind}") and name.endswith(".xml")
        ]
        return [name for _, name in sorted([*ranked, (_DOCX_PARTS.index("document"), self._document)])]

    def _part(self, name: str) -> bytes:
        info = self._names[name]
        if info.flag_bits & 1:
            raise encrypted()
        if info.file_size > _PART_BYTES:
            raise ResumeRefused("resume_too_complex", "The file unpacks to too much.")
        try:
            with self._archive.open(info) as part:
                return part.read(_PART_BYTES)
        except _Broken as error:
            raise corrupt() from error
