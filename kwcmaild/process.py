"""What each process is made of, and its life from the first connection to the drain.

Each room has one function that says everything that stands behind its sockets, from the settings down to the
store; read it and you know the process. `live` is the same for all: serve until SIGTERM, read the
configuration again at SIGHUP, say READY, WATCHDOG and STOPPING to whoever started us.

A function imports its own rooms when it is called, so that a process has only those in memory.
"""

import asyncio
import contextlib
import faulthandler
import functools
import gc
import logging
import os
import resource
import signal
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import uvloop

from config.settings import Settings
from kwcmaild import memory
from kwcmaild.entrance import Entrance
from kwcmaild.listeners import Listener, name
from kwcmaild.reload import reread
from net.log import event
from net.notify import Notifier
from net.tls import Contexts

if TYPE_CHECKING:
    from smtp.relay.runner import Runner
    from storage.store import Store

_log = logging.getLogger("kwcmaild")


class CannotStart(Exception):
    """Something that the process needs is not as it must be; the text says what."""


class Part(Protocol):
    """What begins when the process is ready and ends at the drain: a server, or the queue runner."""

    async def start(self) -> None: ...
    async def stop(self, wait: float) -> None: ...


class Configured(Protocol):
    """What is handed new settings at SIGHUP."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Process:
    """The opened parts of a process, and whom new settings reach."""

    parts: Sequence[Part]
    configured: Sequence[Configured]
    contexts: Contexts | None
    close: Callable[[], Awaitable[None]]

    def adopt(self, settings: Settings) -> None:
        if self.contexts is not None:
            self.contexts.reload(settings.tls)
        for part in self.configured:
            part.settings = settings


async def smtp(settings: Settings, listeners: Sequence[Listener]) -> Process:
    from filters.build import build
    from kwcmaild.measured import measured
    from net.resolver import Resolver
    from smtp.door import SmtpDoor
    from storage.queue.queue import Queue
    from storage.state.dmarc_results import DmarcResults
    from storage.store import Store

    contexts = Contexts(settings.tls)
    store = await Store.open(settings)
    metrics = measured(store, "smtp")
    queue = await store.run(Queue.of, store)
    resolver = Resolver(settings.resolver.nameservers)
    dmarc = DmarcResults(settings.data / "state", store.clock)
    store.start(dmarc.run(store.run))
    pipeline = build(settings, store, queue, resolver, dmarc, metrics)
    door = SmtpDoor(settings, store, pipeline, contexts)
    entrance = Entrance(door, "smtp", settings, contexts, listeners, metrics)

    async def close() -> None:
        pipeline.close()
        await resolver.close()
        queue.close()
        await store.close()
        dmarc.close()
        metrics.close()

    return Process(entrance.servers, (*settled(store), pipeline, door, entrance), contexts, close)


async def imap(settings: Settings, listeners: Sequence[Listener]) -> Process:
    from imap.door import ImapDoor
    from kwcmaild.measured import measured
    from storage.store import Store

    contexts = Contexts(settings.tls)
    store = await Store.open(settings)
    metrics = measured(store, "imap")
    door = ImapDoor(settings, store, contexts)
    entrance = Entrance(door, "imap", settings, contexts, listeners, metrics)

    async def close() -> None:
        await store.close()
        metrics.close()

    return Process(entrance.servers, (*settled(store), door, entrance), contexts, close)


async def pop3(settings: Settings, listeners: Sequence[Listener]) -> Process:
    from kwcmaild.measured import measured
    from pop3.door import Pop3Door
    from storage.store import Store

    contexts = Contexts(settings.tls)
    store = await Store.open(settings)
    metrics = measured(store, "pop3")
    door = Pop3Door(settings, store, contexts)
    entrance = Entrance(door, "pop3", settings, contexts, listeners, metrics)

    async def close() -> None:
        await store.close()
        metrics.close()

    return Process(entrance.servers, (*settled(store), door, entrance), contexts, close)


async def relay(settings: Settings, _: Sequence[Listener]) -> Process:
    from filters.build import build
    from filters.dmarc_reports.reporter import DmarcReporter
    from filters.sender_auth.signing import Signing
    from kwcmaild.indexing import Indexing
    from kwcmaild.learning import Learning
    from kwcmaild.measured import door, measured
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

    store = await Store.open(settings)
    metrics = measured(store, "relay")
    store.start(leftovers.run(store))
    store.start(roster.run(store))
    queue = await store.run(Queue.of, store)
    resolver = Resolver(settings.resolver.nameservers)
    state = settings.data / "state"

    def proven() -> ssl.SSLContext:
        return context(courier.settings.queue.tls, proven=True)

    def https_port() -> int:
        return courier.settings.queue.tls.https_port

    async def send_report(message: Message, to: str) -> None:
        signed = await store.run(signing.sign, message)  # RFC 8460 §3, RFC 9990 §3.2
        await store.run(queue.add, signed, "", [Addressee(to, notify="NEVER")], os.urandom(6).hex())

    policies = Policies(resolver, state, store.run, proven, https_port)
    destinations = Destinations(settings, resolver, policies)
    signing = Signing(settings.domains, store.directory.domain)
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
    )

    async def close() -> None:
        pipeline.close()
        await policies.close()
        await resolver.close()
        queue.close()
        await store.close()
        reports.close()
        dmarc.close()
        metrics.close()

    learning = Learning(settings, store, Bayes(state, store.clock))
    indexing = Indexing(settings, store)
    configured = (*settled(store), pipeline, courier, reporter, dmarc_reporter, runner, learning, indexing)
    return Process((Work(runner), learning, indexing, door(store, queue, metrics)), configured, None, close)


async def web(settings: Settings, listeners: Sequence[Listener]) -> Process:
    from filters.build import build
    from kwcmaild.measured import measured
    from kwcmaild.posting import post
    from net.resolver import Resolver
    from storage.people.roster import Roster
    from storage.queue.queue import Queue
    from storage.state.panel import Panel
    from storage.store import Store
    from web.jobs import Jobs
    from web.office import Office
    from web.server import WebServer

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
    server = WebServer(settings, contexts, listeners, office)

    async def close() -> None:
        await asyncio.to_thread(jobs.close)
        pipeline.close()
        await resolver.close()
        panel.close()
        roster.close()
        queue.close()
        await store.close()
        metrics.close()

    return Process((server,), (*settled(store), pipeline), contexts, close)


COMPOSE: dict[str, Callable[[Settings, Sequence[Listener]], Awaitable[Process]]] = {
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "relay": relay,
    "web": web,
}


def settled(store: "Store") -> tuple[Configured, ...]:
    """The parts of the store that keep settings."""
    return store, store.directory, store.logins


class Work:
    """The queue runner as a part of a process."""

    def __init__(self, runner: "Runner") -> None:
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


def run(room: str, path: Path, settings: Settings, listeners: Sequence[Listener], notifier: Notifier) -> None:
    """The whole life of a process; returns when it has drained."""
    faulthandler.enable()  # a watchdog's SIGABRT leaves a trace of where it hung
    _open_files()
    memory.give_back_large_blocks()
    for folder in (settings.data, settings.run):
        try:
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise CannotStart(f"{room}: cannot make {folder}: {error.strerror}") from error
    uvloop.run(live(room, path, settings, listeners, notifier))


async def live(
    room: str, path: Path, settings: Settings, listeners: Sequence[Listener], notifier: Notifier
) -> None:
    stopped, hangups = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, hangups.set)
    try:
        process = await COMPOSE[room](settings, listeners)
    except (OSError, ValueError) as error:  # a certificate, the data directory
        raise CannotStart(f"{room}: cannot start: {error}") from error
    for part in process.parts:
        await part.start()
    # What was made at the start stays to the end: the collector of garbage need not walk over it each time.
    gc.collect()
    gc.freeze()
    addresses = ",".join(name(listener.sock) for listener in listeners)
    event(_log, "process.serving", room=room, pid=os.getpid(), addresses=addresses or None)
    notifier.ready()
    async with asyncio.TaskGroup() as group:
        reloads = group.create_task(_reloads(hangups, process, path, settings, notifier))
        alive = group.create_task(notifier.signs_of_life())
        await stopped.wait()
        notifier.stopping()
        reloads.cancel()
        await asyncio.gather(*(part.stop(settings.drain) for part in process.parts))
        alive.cancel()
    await process.close()
    event(_log, "process.drained", room=room, pid=os.getpid())


async def _reloads(
    hangups: asyncio.Event, process: Process, path: Path, settings: Settings, notifier: Notifier
) -> None:
    while await hangups.wait():
        hangups.clear()
        notifier.reloading()
        settings = await reread(path, settings)
        process.adopt(settings)
        notifier.ready()


def _open_files() -> None:
    """As many descriptors as we are allowed: each connection and each open account takes some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
