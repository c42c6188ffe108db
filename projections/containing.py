"""Looking for a part of a text."""

import unicodedata


def containing(text: str) -> str:
    """The LIKE pattern of what contains `text`, in which it means itself."""
    literal = composed(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"


def composed(text: str) -> str:
    """Text with its letters composed (NFC): `ë` may come as one character or as two. As it is where that would be longer."""
    plain = unicodedata.normalize("NFC", text)
    return plain if len(plain) <= len(text) else text
