"""Looking for a part of a text in a column."""

from domain.unicode_text import composed


def containing(text: str) -> str:
    """The LIKE pattern of what contains `text`, in which it means itself."""
    literal = composed(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"
