"""Answering 304 to who has the content already."""

import re
from typing import Any, Final

from litestar import Request

_TAG: Final = re.compile(r'(?:^|,)\s*(?:W/)?("[^"]*")\s*(?=,|$)')


def is_unchanged(request: Request[Any, Any, Any], etag: str) -> bool:
    """Whether `If-None-Match` names this tag, weak or strong, or takes any (`*`)."""
    known = ",".join(request.headers.getall("if-none-match", []))
    return known.strip() == "*" or etag in _TAG.findall(known)
