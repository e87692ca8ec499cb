"""What every process consists of: parts that begin and end with it, and those that are told of new settings."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.settings import Settings
from net.tls import Contexts
from storage.store import Store


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


def settled(store: Store) -> tuple[Configured, ...]:
    """The parts of the store that keep settings."""
    return store, store.directory, store.logins
