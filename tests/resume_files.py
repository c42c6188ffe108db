"""Resume files of every kind, whole and hostile, made here."""

import io
import zipfile
import zlib
from typing import Final

from pypdf import PdfReader, PdfWriter

TEXT: Final = "Cleo Candidate\nOver 7 years of experience\nSkills: Python, Go, PostgreSQL, k8s\n"
SKILLS: Final = ["go", "kubernetes", "postgresql", "python"]

_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_DOCM: Final = "application/vnd.ms-word.document.macroEnabled.main+xml"
_WORD: Final = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(text: str = TEXT, *, pages: int = 1, content: bytes | None = None) -> bytes:
    """A PDF whose every page shows the text, or has this content stream."""
    shown = " ".join(f"({line}) Tj T*" for line in text.splitlines())
    stream = zlib.compress(
        content if content is not None else f"BT /F 12 Tf 14 TL 40 800 Td {shown} ET".encode()
    )
    kids = " ".join(f"{4 + number} 0 R" for number in range(1, pages + 1))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {pages}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        *[
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 3 0 R>>>>>>"
            for _ in range(pages)
        ],
    ]
    return _numbered(objects)


def looping_pdf() -> bytes:
    """A PDF whose tree of pages is its own child."""
    return _numbered([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[2 0 R]/Parent 2 0 R>>"])


def endless_pdf() -> bytes:
    """A small PDF whose page takes minutes of processor time to read: millions of operators."""
    return pdf(content=b"BT /F 12 Tf " + b"1 0 0 1 0 0 Tm (a) Tj " * 1_500_000 + b"ET")


def locked_pdf() -> bytes:
    """A PDF that opens with a password."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf())))
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def scan_pdf() -> bytes:
    """A PDF without text."""
    return pdf(content=b"0 0 100 100 re f")


def docx(
    text: str = TEXT, *, body: str | None = None, macros: bool = False, document: bytes | None = None
) -> bytes:
    """A DOCX; `body` is what its document holds, `document` the whole part."""
    paragraphs = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.splitlines())
    part = document or f"<w:document {_WORD}><w:body>{body or paragraphs}</w:body></w:document>".encode()
    kind = _DOCM if macros else _DOCX
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>'
    )
    parts: dict[str, bytes] = {"[Content_Types].xml": types.encode(), "word/document.xml": part}
    if macros:
        parts["word/vbaProject.bin"] = b"\xd0\xcf\x11\xe0"
    return archive(parts)


def bomb_docx() -> bytes:
    """Forty kilobytes that unpack to forty megabytes."""
    return docx(document=b"<w:document " + _WORD.encode() + b"><w:body>" + b" " * 40_000_000)


def laughing_docx() -> bytes:
    """Entities of entities: a billion laughs."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    declared = f'<!DOCTYPE w:document [<!ENTITY l0 "lol">{laughs}]>'
    return docx(document=f"{declared}<w:document {_WORD}><w:body>&l9;</w:body></w:document>".encode())


def deep_docx() -> bytes:
    """A hundred thousand elements, each inside the one before."""
    return docx(body="<w:p>" * 100_000 + "</w:p>" * 100_000)


def odt(text: str = TEXT) -> bytes:
    spans = "".join(f"<text:p>{line}</text:p>" for line in text.splitlines())
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
        f"<office:body><office:text>{spans}</office:text></office:body></office:document-content>"
    )
    return archive({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": content.encode()})


def archive(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in parts.items():
            zipped.writestr(name, content)
    return out.getvalue()


def _numbered(objects: list[bytes]) -> bytes:
    """A PDF of these objects, with its cross-reference table."""
    out, offsets = bytearray(b"%PDF-1.4\n"), list[int]()
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)
