"""A moment in an entity's life, as `as_of` names it."""

from datetime import UTC, datetime

from api.http.invalid_fields import InvalidField
from api.http.problems import ProblemError


def version_or_time(text: str | None) -> tuple[int | None, datetime | None]:
    """A version (a whole number) or a time (RFC 3339; UTC when it says no offset). Raises a 400 problem."""
    if text is None:
        return None, None
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text), None
    try:
        time = datetime.fromisoformat(text.upper().replace(" ", "+"))
        return None, (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        invalid = InvalidField("as_of", "neither a version nor an RFC 3339 time")
        raise ProblemError(400, "invalid", "as_of is not valid.", [invalid]) from error
