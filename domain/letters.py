"""One way to write a letter, where there are several."""

import unicodedata


def composed(text: str) -> str:
    """Text with its letters composed (NFC): `ë` may come as one character or as two. As it is where that would be longer."""
    plain = unicodedata.normalize("NFC", text)
    return plain if len(plain) <= len(text) else text
