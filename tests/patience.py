"""How long tests wait for what must happen."""

from typing import Final

PATIENCE: Final = 60.0
"""Seconds after which something that others do counts as never; a busy machine takes a while to start a process."""
