"""Ports 143 and 993: everything that stands behind them."""

from collections.abc import Sequence
from functools import partial

from config.settings import Settings
from imap.door import ImapDoor
from imap.serve import serve
from kwcmaild import tidy
from kwcmaild.entrance import Entrance
from kwcmaild.listeners import Listener
from kwcmaild.measured import measured
from kwcmaild.parts import Process, settled
from net.tls import Contexts
from storage.store import Store


async def compose(settings: Settings, listeners: Sequence[Listener]) -> Process:
    contexts = Contexts(settings.tls)
    store = await Store.open(settings)
    metrics = measured(store, "imap")
    store.start(tidy.close_idle(store))
    store.start(tidy.give_back_room(store))
    door = ImapDoor(settings, store, contexts)
    entrance = Entrance(door, partial(serve, door), "imap", settings, contexts, listeners, metrics)

    async def close() -> None:
        await store.close()
        door.close()
        entrance.close()
        metrics.close()

    return Process(entrance.servers, (*settled(store), door, entrance), contexts, close)
