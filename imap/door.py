"""The IMAP door of a process: what its sessions share."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from config.settings import Settings
from imap.listed import Listed
from net.limits import Slots
from net.log import event
from net.tls import Contexts
from storage.errors import Broken
from storage.store import Store

_log = logging.getLogger("imap")

LOOK_EVERY = 15.0  # seconds between looks at whether those inside may still be here
STILL_EVERY = 10.0  # seconds after which a client hears that its command is being worked on (RFC 9585 §3)
READERS = 4  # searches that open messages at a time: they take long, and leave the store's threads to others


class Inside(Protocol):
    """A session that has an account, as the door sees it."""

    address: str

    @property
    def is_guest(self) -> bool: ...  # whether it has selected another's mailbox
    def end(self, text: bytes, code: bytes) -> None: ...
    async def look_again(self) -> None: ...


class ImapDoor:
    """`settings` is replaced by the hall when the configuration is read again."""

    busy = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
    crowded = b"* BYE [UNAVAILABLE] Too many connections from your address\r\n"

    def __init__(self, settings: Settings, store: Store, contexts: Contexts) -> None:
        self.settings = settings
        self.store = store
        self.contexts = contexts
        self.slots = Slots(settings.run)
        self.listed = Listed()
        self.readers = asyncio.Semaphore(READERS)
        self._inside: set[Inside] = set()
        self._guarded = False
        self.still_every = STILL_EVERY

    def close(self) -> None:
        """After its servers have stopped."""
        self.slots.close()

    def came_in(self, session: Inside) -> None:
        """A session has an account from now on."""
        self._inside.add(session)
        if not self._guarded:
            self._guarded = True
            self.store.start(self._guard())

    def went_out(self, session: Inside) -> None:
        self._inside.discard(session)

    async def _guard(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except Exception:  # a file that cannot be read now: the next look may be luckier
                event(_log, "imap.failed", logging.ERROR, exc_info=True)

    async def look(self) -> None:
        """Show out whoever's account is gone or suspended, or whose right to an open mailbox is."""
        closed = await self.store.run(_closed, self.store, {session.address for session in self._inside})
        for session in [each for each in self._inside if each.address in closed]:
            # RFC 5530 §3: nothing that the program can do helps
            session.end(closed[session.address], b"CONTACTADMIN")
        for session in [each for each in self._inside if each.is_guest]:
            await session.look_again()


def _closed(store: Store, addresses: Iterable[str]) -> dict[str, bytes]:
    """The accounts that may not be used any more, and why. For a thread."""
    found: dict[str, bytes] = {}
    for address in addresses:
        try:
            entry = store.directory.account(address)
        except Broken:
            continue  # its file cannot be read now: that is temporary
        if entry is None:
            found[address] = b"The account is no more"
        elif entry.file.suspended:
            found[address] = b"The account is suspended"
    return found
