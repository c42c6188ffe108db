"""The mail of a running system, delivered by any transport."""

import asyncio
from typing import Any

from infrastructure.database.connection_pools import mail_pool
from infrastructure.mail.delivery import Deliverer
from infrastructure.mail.links import MailLinks
from infrastructure.mail.message import sender
from infrastructure.mail.transport import Transport
from tests.api.conftest import settings
from tests.api.people import System
from tests.mail_world import MailWorld


class SystemMail(MailWorld):
    """Delivers a system's mail by a transport."""

    transport: Transport

    def deliverer(self, key: str | None = None, **_settings: Any) -> Deliverer:  # noqa: ARG002 (as it is called)
        links = MailLinks(settings("", ""))
        return Deliverer(self.pool, self.transport, sender("jobs@example.com"), links, per_second=1_000)


async def deliver(system: System, transport: Transport) -> None:
    """Send all that a system has to say, as if the time that it would wait had passed."""
    await system.tell()
    with mail_pool(system.database_url) as pool:
        post = SystemMail(system.database_url, pool)
        post.transport = transport
        await asyncio.to_thread(post.time_passes)
        await asyncio.to_thread(post.deliver)
