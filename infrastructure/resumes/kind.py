"""What kind of file a resume is, judged by its content; a file that is no resume is refused with a reason."""

from typing import Final, Literal, TypeAlias

MediaType: TypeAlias = Literal[
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.oasis.opendocument.text",
    "text/plain",
]
PDF: Final[MediaType] = "application/pdf"
DOCX: Final[MediaType] = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT: Final[MediaType] = "application/vnd.oasis.opendocument.text"
PLAIN: Final[MediaType] = "text/plain"
EXTENSIONS: Final[dict[str, str]] = {PDF: ".pdf", DOCX: ".docx", ODT: ".odt", PLAIN: ".txt"}

Reason: TypeAlias = Literal[
    "unsupported_media_type",
    "resume_empty",
    "resume_corrupt",
    "resume_encrypted",
    "resume_macros",
    "resume_too_complex",
]

Container: TypeAlias = Literal["pdf", "zip", "text"]

_PDF_HEADER: Final = b"%PDF-"
_PDF_HEADER_WITHIN: Final = 1024
_PDF_ENDS: Final = (b"%%EOF", b"startxref")
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED: Final = tuple(name.encode("utf-16-le") for name in ("EncryptedPackage", "EncryptionInfo"))
_OLE_MACROS: Final = "_VBA_PROJECT".encode("utf-16-le")
_MARKUP: Final = (b"{\\rtf", b"<!doctype", b"<html", b"<?xml", b"<svg", b"%!ps", b"<head", b"<body")
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_CONTROLS: Final = bytes(set(range(32)) - {7, 8, 9, 10, 12, 13, 27})
_SAMPLE: Final = 65_536


class ResumeRefused(Exception):
    """This file is not taken as a resume; `reason` is stable, `detail` is for the person who sent it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


def corrupt(detail: str = "The file is damaged and cannot be read.") -> ResumeRefused:
    return ResumeRefused("resume_corrupt", detail)


def encrypted() -> ResumeRefused:
    return ResumeRefused("resume_encrypted", "The file is protected by a password; send it without one.")


def macros() -> ResumeRefused:
    return ResumeRefused("resume_macros", "The file contains macros; send it without them.")


def unsupported(found: str = "") -> ResumeRefused:
    """`found` says what it looks like."""
    looks = f" This looks like {found}." if found else ""
    return ResumeRefused("unsupported_media_type", f"A resume is a PDF, DOCX, ODT or plain text file.{looks}")


def container(content: bytes) -> Container:
    """What must read this content. Raises `ResumeRefused` for an empty file and for what is none of them."""
    if not content.strip(b"\x00\t\n\x0b\x0c\r "):
        raise ResumeRefused("resume_empty", "The file is empty.")
    plain = content
    for mark in _BYTE_ORDER_MARKS:
        plain = plain.removeprefix(mark)
    if _is_pdf(content, plain):
        return "pdf"
    if content.startswith(_ZIP):
        return "zip"
    if content.startswith(_OLE):
        raise _ole(content)
    if plain.lstrip()[:16].lower().startswith(_MARKUP):
        raise unsupported("RTF, HTML, XML or PostScript")
    if not content.startswith(_BYTE_ORDER_MARKS) and not is_utf_16(content) and _is_binary(content):
        raise unsupported(_guess(content))
    return "text"


def _is_pdf(content: bytes, plain: bytes) -> bool:
    """A PDF may come after something else, but then it has an end too; a text that only mentions its header has none."""
    if plain.lstrip().startswith(_PDF_HEADER):
        return True
    return _PDF_HEADER in content[:_PDF_HEADER_WITHIN] and any(end in content for end in _PDF_ENDS)


def is_utf_16(content: bytes) -> Literal["utf-16-le", "utf-16-be", ""]:
    """Text without a byte order mark whose every second byte is nearly always zero."""
    sample = content[: _SAMPLE - _SAMPLE % 2]
    half = len(sample) // 2
    if half < 2:
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.7 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.05 * half:
        return "utf-16-be"
    return ""


def _is_binary(content: bytes) -> bool:
    """Text has no NUL and hardly another control character."""
    sample = content[:_SAMPLE]
    return 0 in content or len(sample) - len(sample.translate(None, _CONTROLS)) > len(sample) / 100


def _ole(content: bytes) -> ResumeRefused:
    if any(name in content for name in _OLE_ENCRYPTED):
        return encrypted()
    if _OLE_MACROS in content:
        return macros()
    return unsupported("an old Office document")


def _guess(content: bytes) -> str:
    import puremagic

    try:
        found = puremagic.magic_string(content[:_SAMPLE])
    except (puremagic.PureError, ValueError):
        return ""
    return str(found[0].name) if found and found[0].name else ""
