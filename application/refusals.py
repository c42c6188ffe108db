"""Why a command was not carried out. Each is an answer, none is a fault."""

from domain.decision import Rejected


class Refused(Exception):
    """A rule of the domain said no."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(rejected.reason)
        self.rejected = rejected


class NotFound(Exception):
    """Unknown, or another's: never tells which."""


class Forbidden(Exception):
    """Known, but not for this role."""


class StaleVersion(Exception):
    """The caller named a version (`If-Match`) that is not the current one."""

    def __init__(self, expected: int, version: int) -> None:
        super().__init__(f"the current version is {version}, not {expected}")
        self.version = version


class IdempotencyKeyReused(Exception):
    """The same key came with another request before."""
