"""SIGHUP: the configuration is read again and takes effect without dropping a connection.

A file that is broken, or a certificate that cannot be read, changes nothing: the last good one stays in
force, and every problem is a line in the log. What a running process cannot change (where it listens, where
its data is, how long it drains) stays as it was until a restart, and the log names it.
"""

import asyncio
import logging
from pathlib import Path

from config.load import load_settings
from config.problem import ConfigError
from config.settings import Settings
from net import log
from net.log import event

# What the supervisor and the sockets were made from, by section.
FIXED = {
    "smtp": ("listen", "workers"),
    "imap": ("listen", "workers"),
    "pop3": ("listen", "workers"),
    "web": ("listen",),
}

_log = logging.getLogger("kwcmaild")


async def reread(path: Path, current: Settings) -> Settings:
    """The settings to go on with."""
    try:
        fresh = await asyncio.to_thread(load_settings, path)
    except ConfigError as error:
        for problem in error.problems:
            event(_log, "config.problem", logging.ERROR, problem=problem)
        event(_log, "config.kept", logging.ERROR, file=path, why="it is broken: the last good one stays")
        return current
    settings = keep_fixed(current, fresh)
    log.configure(settings.log.level, settings.log.format)
    event(_log, "config.reloaded", file=path)
    return settings


def keep_fixed(current: Settings, fresh: Settings) -> Settings:
    """`fresh`, but for what only a restart can change."""
    held: dict[str, object] = {}
    for key in ("data", "run", "domains", "drain"):
        if getattr(fresh, key) != getattr(current, key):
            held[key] = getattr(current, key)
            _say(key)
    for room, keys in FIXED.items():
        now, then = getattr(fresh, room), getattr(current, room)
        changed = [key for key in keys if getattr(now, key) != getattr(then, key)]
        for key in changed:
            _say(f"{room}.{key}")
        if changed:
            held[room] = now.model_copy(update={key: getattr(then, key) for key in changed})
    return fresh.model_copy(update=held)


def _say(key: str) -> None:
    event(_log, "config.needs_restart", logging.WARNING, key=key)
