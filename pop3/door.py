"""The POP3 door of a process: what its sessions share."""

import time
from collections.abc import Callable

from config.settings import Settings
from net.limits import Slots
from net.tls import Contexts
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

    def close(self) -> None:
        """After its servers have stopped."""
        self.slots.close()
