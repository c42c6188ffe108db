"""The XML of office documents, read in one pass that keeps no tree, loads nothing and takes no declaration of entities."""

from typing import Final
from xml.parsers import expat

from infrastructure.resumes.kind import corrupt

_DEPTH: Final = 500
_LINES: Final = frozenset({"p", "h", "br", "cr", "line-break", "tr", "table-row"})
_TABS: Final = frozenset({"tab", "tc", "table-cell", "ptab"})
_NOT_SHOWN: Final = frozenset(
    {"Fallback", "del", "moveFrom", "instrText", "delText"}
    | {"tracked-changes", "annotation", "binary-data", "script"}
)
_OFF: Final = frozenset({"false", "0", "off"})
_WHITE: Final = "FFFFFF"


def shown_text(content: bytes, *, everything: bool) -> str:
    """What a document shows, in its order; paragraphs, rows and breaks begin lines.

    `everything`: all characters are text (ODT); otherwise those in `t` elements (DOCX). Left out is what was deleted, what
    is hidden or white, and the second version of what is drawn. Raises `ResumeRefused`.
    """
    reader = _Reader(everything=everything)
    _parse(content, reader)
    return "".join(reader.pieces)


def content_types(content: bytes) -> dict[str, str]:
    """The content type of each part that an Office package names. Raises `ResumeRefused`."""
    found = _ContentTypes()
    _parse(content, found)
    return found.types


class _Elements:
    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins; names are without their namespaces."""

    def end(self, name: str) -> None:
        """It ends."""

    def characters(self, text: str) -> None:
        """What stands in it."""


class _ContentTypes(_Elements):
    def __init__(self) -> None:
        self.types: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Override":
            self.types[attributes.get("PartName", "")] = attributes.get("ContentType", "")


class _Reader(_Elements):
    def __init__(self, *, everything: bool) -> None:
        self.pieces: list[str] = []
        self._everything = everything
        self._in_text = 0
        self._skipped = 0
        self._hidden = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self._skipped or name in _NOT_SHOWN:
            self._skipped += 1
        elif name in _LINES:
            self.pieces.append("\n")
        elif name in _TABS:
            self.pieces.append("\t")
        elif name == "s":
            self.pieces.append(" ")
        elif name == "noBreakHyphen":
            self.pieces.append("-")
        elif name == "r":
            self._hidden = False
        elif name == "t":
            self._in_text += 1
        elif name in {"vanish", "webHidden"}:
            self._hidden = attributes.get("val") not in _OFF
        elif name == "color" and attributes.get("val", "").upper() == _WHITE:
            self._hidden = True

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif name == "t":
            self._in_text -= 1
        elif name == "r":
            self._hidden = False

    def characters(self, text: str) -> None:
        if not self._skipped and not self._hidden and (self._everything or self._in_text):
            self.pieces.append(text)


def _parse(content: bytes, into: _Elements) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH:
            raise corrupt("The file is nested too deeply.")
        into.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        into.end(_local(name))

    def declared(*_: object) -> None:
        raise corrupt("The file declares XML entities, which a document of its kind never does.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = into.characters
    parser.StartDoctypeDeclHandler = declared
    parser.buffer_text = True
    try:
        parser.Parse(content, True)  # noqa: FBT003 - its own signature
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise corrupt() from error


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
