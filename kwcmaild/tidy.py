"""What a door gives back while its clients wait: accounts that nobody used for a while, and the room they took.

An account that is open is its index, with SQLite's pages, statements and descriptors: twenty times what a client
costs that waits in its mailbox. Who waits needs none of that, and what comes opens it again.

Sessions and messages come and go in several threads and leave room between what stays; glibc's allocator keeps it,
in the busy hour's shape, for as long as the process lives. Giving it back takes a third of a millisecond (some,
where 100 MB lie free).
"""

import asyncio

from kwcmaild import memory
from storage.store import Store

IDLE = 30.0  # seconds for which an account stays open that nobody uses
EVERY = 10.0  # seconds between two looks for those
ROOM_EVERY = 30.0  # seconds


async def close_idle(store: Store, idle: float = IDLE, every: float = EVERY) -> None:
    """As long as the process lives."""
    while True:
        await asyncio.sleep(every)
        await store.run(store.close_idle, idle)


async def give_back_room(store: Store, every: float = ROOM_EVERY) -> None:
    """As long as the process lives."""
    while True:
        await asyncio.sleep(every)
        await store.run(memory.give_back_free_room)
