"""Text in one of the several ways in which Unicode can write it."""

import unicodedata


def composed(text: str) -> str:
    """Text with its letters composed (NFC): `ë` may come as one character or as two. As it is where that would be longer."""
    plain = unicodedata.normalize("NFC", text)
    return plain if len(plain) <= len(text) else text
