"""A mail as it stands before a transport."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from infrastructure.mail.message import Mail, address, sender
from infrastructure.mail.templates import Content

MAIL_ID: Final = UUID("00000000-0000-4000-8000-000000000001")
CONTENT: Final = Content("A subject", "Some text\n", "<p>Some text</p>\n")


def mail(name: str = "Cleo", to: str = "cleo@example.com", content: Content = CONTENT) -> Mail:
    return Mail(
        mail_id=MAIL_ID,
        sender=sender("Hirelog <jobs@mail.example.com>"),
        recipient=address(name, to),
        content=content,
        queued_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
