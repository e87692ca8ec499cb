"""HTTPS: everything that stands behind the panel, the API, and what mail programs ask."""

import asyncio
import functools
from collections.abc import Sequence

from config.settings import Settings
from filters.build import build
from kwcmaild.listeners import Listener
from kwcmaild.measured import measured
from kwcmaild.parts import Process, settled
from kwcmaild.posting import post
from net.resolver import Resolver
from net.tls import Contexts
from storage.people.roster import Roster
from storage.queue.queue import Queue
from storage.state.panel import Panel
from storage.store import Store
from web.jobs import Jobs
from web.office import Office
from web.server import WebServer


async def compose(settings: Settings, listeners: Sequence[Listener]) -> Process:
    contexts = Contexts(settings.tls)
    store = await Store.open(settings)
    metrics = measured(store, "web")
    queue = await store.run(Queue.of, store)
    resolver = Resolver(settings.resolver.nameservers)
    pipeline = build(settings, store, queue, resolver, metrics=metrics)
    panel = Panel(settings.data / "state", store.clock)
    send = functools.partial(post, pipeline)
    roster, jobs = Roster(settings.data / "state"), Jobs(store.clock)
    office = Office(
        lambda: store.settings, store, panel, queue, resolver, send, pipeline.decide, roster, jobs
    )
    server = WebServer(settings, contexts, listeners, office, functools.partial(metrics.connection, "web"))

    async def close() -> None:
        await asyncio.to_thread(jobs.close)
        await resolver.close()
        await store.close()  # first of what its threads and tasks work with
        pipeline.close()
        panel.close()
        roster.close()
        queue.close()
        metrics.close()

    return Process((server,), (*settled(store), pipeline), contexts, close)
