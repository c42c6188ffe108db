"""The text of a plain text file, whatever it is encoded in."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from typing import Final

from infrastructure.resumes.kind import is_utf_16

# The 32-bit marks first, for one of them begins with a 16-bit one.
_MARKS: Final = (
    (BOM_UTF32_LE, "utf-32"),
    (BOM_UTF32_BE, "utf-32"),
    (BOM_UTF8, "utf-8-sig"),
    (BOM_UTF16_LE, "utf-16"),
    (BOM_UTF16_BE, "utf-16"),
)


def decoded(content: bytes) -> str:
    """By its byte order mark, else UTF-8, else UTF-16 by its zeros, else Windows' Latin; what is not valid is replaced."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if wide := is_utf_16(content):
        return content.decode(wide, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
