"""The IMAP door of a process: what its sessions share."""

import asyncio

from config.settings import Listen, Settings
from imap.session import Session
from net.connection import Connection
from net.limits import Slots
from net.tls import Contexts
from storage.store import Store

SEARCHES = 4  # at once: they may take long, and must leave the store's threads to others


class ImapDoor:
    """Answers connections. `settings` is replaced by the hall when the configuration is read again."""

    busy = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
    crowded = b"* BYE [UNAVAILABLE] Too many connections from your address\r\n"

    def __init__(self, settings: Settings, store: Store, contexts: Contexts) -> None:
        self.settings = settings
        self.store = store
        self.contexts = contexts
        self.slots = Slots(settings.run)
        self.searches = asyncio.Semaphore(SEARCHES)

    async def handle(self, conn: Connection, listen: Listen) -> None:
        """One client, from the greeting to the end."""
        await Session(self, conn, listen).run()
