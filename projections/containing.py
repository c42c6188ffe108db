"""Looking for a part of a text."""


def containing(text: str) -> str:
    """The LIKE pattern of what contains `text`, in which it means itself."""
    literal = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{literal}%"
