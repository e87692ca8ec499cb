"""Ports 25, 587, 465 and LMTP: everything that stands behind them."""

from collections.abc import Sequence
from functools import partial

from config.settings import Settings
from filters.build import build
from kwcmaild import tidy
from kwcmaild.entrance import Entrance
from kwcmaild.listeners import Listener
from kwcmaild.measured import measured
from kwcmaild.parts import Process, settled
from net.resolver import Resolver
from net.tls import Contexts
from smtp.door import SmtpDoor
from smtp.serve import serve
from storage.queue.queue import Queue
from storage.state.dmarc_results import DmarcResults
from storage.store import Store


async def compose(settings: Settings, listeners: Sequence[Listener]) -> Process:
    contexts = Contexts(settings.tls)
    store = await Store.open(settings)
    metrics = measured(store, "smtp")
    store.start(tidy.give_back_room(store))
    queue = await store.run(Queue.of, store)
    resolver = Resolver(settings.resolver.nameservers)
    dmarc = DmarcResults(settings.data / "state", store.clock)
    store.start(dmarc.run(store.run))
    pipeline = build(settings, store, queue, resolver, dmarc, metrics)
    door = SmtpDoor(settings, store, pipeline, contexts)
    entrance = Entrance(door, partial(serve, door), "smtp", settings, contexts, listeners, metrics)

    async def close() -> None:
        await resolver.close()
        await store.close()  # first of what its threads and tasks work with
        pipeline.close()
        queue.close()
        dmarc.close()
        entrance.close()
        metrics.close()

    return Process(entrance.servers, (*settled(store), pipeline, door, entrance), contexts, close)
