"""Ports 110 and 995: everything that stands behind them."""

from collections.abc import Sequence
from functools import partial

from config.settings import Settings
from kwcmaild import tidy
from kwcmaild.entrance import Entrance
from kwcmaild.listeners import Listener
from kwcmaild.measured import measured
from kwcmaild.parts import Process, settled
from net.tls import Contexts
from pop3.door import Pop3Door
from pop3.serve import serve
from storage.store import Store


async def compose(settings: Settings, listeners: Sequence[Listener]) -> Process:
    contexts = Contexts(settings.tls)
    store = await Store.open(settings)
    metrics = measured(store, "pop3")
    store.start(tidy.give_back_room(store))
    door = Pop3Door(settings, store, contexts)
    entrance = Entrance(door, partial(serve, door), "pop3", settings, contexts, listeners, metrics)

    async def close() -> None:
        await store.close()
        door.close()
        entrance.close()
        metrics.close()

    return Process(entrance.servers, (*settled(store), door, entrance), contexts, close)
