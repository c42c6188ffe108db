"""Names of files that people give: cleaned before they are kept, and said in a header that nothing can break out of."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_LONGEST: Final = 120
_NAMELESS: Final = "resume"
_NOT_IN_NAMES: Final = re.compile(r'[<>:"|?*\\/]')
_NOT_ASCII: Final = re.compile(r"[^A-Za-z0-9 ._()-]")


def clean(given: str, extension: str) -> str:
    """A file name made of a client's: its last part, without characters that no eye sees or no system takes, and with the
    extension that its content has."""
    name = re.split(r"[\\/]", given)[-1]
    visible = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    plain = " ".join(_NOT_IN_NAMES.sub("", visible).split()).strip(". ")
    stem = plain[: -len(extension)] if plain.lower().endswith(extension) else plain
    stem = stem[:_LONGEST].strip(". ") or _NAMELESS
    return stem + extension


def attachment(name: str) -> str:
    """The Content-Disposition under which a browser saves a file as `name` and opens nothing (RFC 6266).

    For old programs `filename` has it in ASCII; a name without a letter of that, as in Japanese, is `resume`.
    """
    plain = _NOT_ASCII.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    stem, dot, extension = plain.rpartition(".")
    if not any(map(str.isalnum, stem)):
        plain = f"{_NAMELESS}{dot}{extension}"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
