"""The life of a process from the first connection to the drain: the same for all.

It serves until SIGTERM, reads the configuration again at SIGHUP, and says READY, WATCHDOG and STOPPING to whoever
started us. What it is made of stands in `kwcmaild/compose/`: one function for each process says everything that
stands behind its sockets, from the settings down to the store; read it and you know the process. Each is imported
by its own process alone, which so has only its own rooms in memory.
"""

import asyncio
import contextlib
import faulthandler
import gc
import logging
import os
import resource
import signal
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import uvloop

from config.settings import Settings
from kwcmaild import memory
from kwcmaild.listeners import Listener, name
from kwcmaild.parts import Process
from kwcmaild.reload import reread
from net.log import event
from net.notify import Notifier

YOUNG = (
    5_000  # objects made and not freed before the collector of garbage looks at them (Python's default: 700)
)

_log = logging.getLogger("kwcmaild")


class CannotStart(Exception):
    """Something that the process needs is not as it must be; the text says what."""


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


async def compose(room: str, settings: Settings, listeners: Sequence[Listener]) -> Process:
    made: Process = await import_module(f"kwcmaild.compose.{room}").compose(settings, listeners)
    return made


async def live(
    room: str, path: Path, settings: Settings, listeners: Sequence[Listener], notifier: Notifier
) -> None:
    stopped, hangups = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGINT, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, hangups.set)
    try:
        process = await compose(room, settings, listeners)
    except (OSError, ValueError) as error:  # a certificate, the data directory
        raise CannotStart(f"{room}: cannot start: {error}") from error
    for part in process.parts:
        await part.start()
    # What was made at the start stays to the end: the collector of garbage need not walk over it each time. And it
    # is asked seldom: nearly all that mail leaves is freed without it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG)
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
