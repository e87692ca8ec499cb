"""The queue, and work that has its time: everything that the relay process does."""

import asyncio
import contextlib
import functools
import os
import ssl
from collections.abc import Sequence

from config.settings import Settings
from filters.build import build
from filters.dmarc_reports.reporter import DmarcReporter
from filters.sender_auth.signing import Signing
from kwcmaild.indexing import Indexing
from kwcmaild.learning import Learning
from kwcmaild.listeners import Listener
from kwcmaild.measured import door, measured
from kwcmaild.parts import Process, settled
from net.resolver import Resolver
from smtp.relay.courier import Courier
from smtp.relay.destination import Destinations
from smtp.relay.mta_sts import Policies
from smtp.relay.protection import context
from smtp.relay.runner import Runner
from smtp.relay.tls_reporter import Reporter
from smtp.relay.tls_rpt import Reports
from storage import leftovers
from storage.message import Message
from storage.people import roster
from storage.queue.queue import Queue
from storage.queue.queued import Addressee
from storage.state.bayes import Bayes
from storage.state.dmarc_results import DmarcResults
from storage.store import Store


async def compose(settings: Settings, _: Sequence[Listener]) -> Process:
    store = await Store.open(settings)
    metrics = measured(store, "relay")
    store.start(leftovers.run(store))
    store.start(roster.run(store))
    queue = await store.run(Queue.of, store)
    resolver = Resolver(settings.resolver.nameservers)
    state = settings.data / "state"

    def proven() -> ssl.SSLContext:
        return context(store.settings.queue.tls, proven=True)

    policies = Policies(resolver, state, store.run, proven, lambda: store.settings.queue.tls.https_port)
    destinations = Destinations(settings, resolver, policies)
    signing = Signing(settings.domains, store.directory.domain)
    send_report = functools.partial(_send_report, store, queue, signing)
    reports = Reports(state, store.clock)
    courier = Courier(settings, destinations, store.run, reports)
    reporter = Reporter(settings, reports, resolver, store.run, send_report, proven)
    store.start(reporter.run())
    dmarc = DmarcResults(state, store.clock)
    dmarc_reporter = DmarcReporter(settings, dmarc, resolver, store.run, send_report)
    store.start(dmarc_reporter.run())
    pipeline = build(settings, store, queue, resolver)
    runner = Runner(
        settings,
        queue,
        store.run,
        pipeline.deliver,
        courier,
        destinations.key,
        store.directory.is_local,
        traces=store.traces,
        sign=signing.sign,
    )

    async def close() -> None:
        await policies.close()
        await resolver.close()
        await store.close()  # first of what its threads and tasks work with
        pipeline.close()
        queue.close()
        reports.close()
        dmarc.close()
        metrics.close()

    learning = Learning(settings, store, Bayes(state, store.clock))
    indexing = Indexing(settings, store)
    configured = (*settled(store), pipeline, courier, reporter, dmarc_reporter, runner, learning, indexing)
    return Process((Work(runner), learning, indexing, door(store, queue, metrics)), configured, None, close)


async def _send_report(store: Store, queue: Queue, signing: Signing, message: Message, to: str) -> None:
    signed = await store.run(signing.sign, message)  # RFC 8460 §3, RFC 9990 §3.2
    await store.run(queue.add, signed, "", [Addressee(to, notify="NEVER")], os.urandom(6).hex())


class Work:
    """The queue runner as a part of a process."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._runner.run())

    async def stop(self, wait: float) -> None:
        """What is being tried is finished; cut off after `wait`, it is tried again when its lease has run out."""
        self._runner.stop()
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._task, wait)
