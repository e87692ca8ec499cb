"""The door itself: what all POP3 sessions of a process share."""

import time
from collections.abc import Callable

from config.settings import Listen, Settings
from net.connection import Connection
from net.limits import Slots
from net.tls import Contexts
from pop3.session import Session
from storage.store import Store


class Pop3Door:
    """`settings` is replaced by the hall when the configuration is read again."""

    busy = b"-ERR [SYS/TEMP] too many connections, try again later\r\n"
    crowded = b"-ERR [SYS/TEMP] too many connections from your address\r\n"

    def __init__(
        self,
        settings: Settings,
        store: Store,
        contexts: Contexts | None,  # None: no certificate, no TLS
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.store = store
        self.contexts = contexts
        self.clock = clock
        self.slots = Slots(settings.run)

    async def handle(self, conn: Connection, listen: Listen) -> None:
        """One session, from its greeting to its end."""
        await Session(self, conn, listen, self.clock()).run()
