"""`kwcmaild serve`, and a room with `workers: N`: several processes under one supervisor in the foreground.

The supervisor binds all sockets first, so an address that cannot be had is said at once and nothing has been
started yet. It reads the settings once; at SIGHUP the processes read them again, each for itself.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.settings import Settings
from kwcmaild.listeners import ROOMS, Listener, configured, open_listeners
from kwcmaild.supervisor import Patience, Program, Supervisor
from net.notify import Inherited, Notifier

ROOT = Path(__file__).resolve().parent.parent


def workers(settings: Settings, room: str) -> int:
    counts = {"smtp": settings.smtp.workers, "imap": settings.imap.workers, "pop3": settings.pop3.workers}
    return counts.get(room, 1)


def bind_all(
    settings: Settings, rooms: Sequence[str] = ROOMS, given: Sequence[Inherited] = ()
) -> dict[str, list[Listener]]:
    """The sockets of each room; `given` are those of a single one. Raises `CannotListen`."""
    return {room: open_listeners(room, configured(settings, room), given) for room in rooms}


def programs(path: Path, settings: Settings, bound: Mapping[str, Sequence[Listener]]) -> list[Program]:
    """What the supervisor runs: `kwcmaild imap -c FILE`, or several `kwcmaild imap --worker N -c FILE`."""
    found = []
    for room, listeners in bound.items():
        sockets = [listener.sock for listener in listeners]
        most = workers(settings, room)
        for number in range(1, most + 1):
            part = ["--worker", str(number)] if most > 1 else []
            command = [sys.executable, "-P", "-m", "kwcmaild", room, *part, "-c", str(path)]
            found.append(Program(f"{room}.{number}" if most > 1 else room, command, sockets))
    return found


def supervise(
    path: Path,
    settings: Settings,
    bound: Mapping[str, Sequence[Listener]],
    notifier: Notifier,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Runs until SIGTERM or SIGINT; returns when all have drained."""
    asyncio.run(_supervise(programs(path, settings, bound), settings.drain, notifier, ready))


async def _supervise(
    children: Sequence[Program], drain: float, notifier: Notifier, ready: Callable[[], None]
) -> None:
    def all_ready() -> None:
        ready()
        notifier.ready()

    # a child drains for `drain` seconds and may then need some to close its store
    patience = Patience(drain=drain + 10)
    supervisor = Supervisor(children, all_ready, patience=patience, environment=_environment())

    def stop() -> None:
        notifier.stopping()
        supervisor.stop()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    loop.add_signal_handler(signal.SIGHUP, supervisor.reload)
    alive = asyncio.create_task(notifier.signs_of_life())
    await supervisor.run()
    alive.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await alive


def _environment() -> dict[str, str]:
    """Children find the rooms where we found them, however we were started."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
