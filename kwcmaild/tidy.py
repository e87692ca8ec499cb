"""What a door gives back while its clients wait: accounts that nobody used for a while, and the room they took.

An account that is open is its index, with SQLite's pages, statements and descriptors: twenty times what a client
costs that waits in its mailbox. Who waits needs none of that, and what comes opens it again.
"""

import asyncio

from kwcmaild import memory
from storage.store import Store

IDLE = 30.0  # seconds for which an account stays open that nobody uses
EVERY = 10.0  # seconds
MANY = 20  # accounts, after which free room is given back: that takes a millisecond and more


async def run(store: Store, idle: float = IDLE, every: float = EVERY) -> None:
    """As long as the process lives."""
    closed = 0
    while True:
        await asyncio.sleep(every)
        closed += await store.run(store.close_idle, idle)
        if closed >= MANY:
            closed = 0
            await store.run(memory.give_back_free_room)
