"""The servers of a door: its sockets, its certificates, and how many connections may be inside."""

import functools
from collections.abc import Awaitable, Sequence
from typing import Any, Literal, Protocol

from config.settings import Imap, Pop3, Settings, Smtp
from kwcmaild.listeners import Listener
from net.connection import Connection
from net.limits import Slots
from net.metrics import Metrics
from net.server import Guests, Server
from net.tls import Contexts


class Door(Protocol):
    """What is said to those for whom there is no room."""

    @property
    def busy(self) -> bytes: ...  # said to one too many
    @property
    def crowded(self) -> bytes: ...  # said to one too many from its address


class Serve(Protocol):
    """What answers a connection; a door has its own kind of `listen`, that of its section in the settings."""

    def __call__(self, conn: Connection, *, listen: Any) -> Awaitable[None]: ...


class Entrance:
    """The servers of a door. How many connections may be inside follows the settings in force."""

    def __init__(
        self,
        door: Door,
        serve: Serve,
        room: Literal["smtp", "imap", "pop3"],
        settings: Settings,
        contexts: Contexts,
        listeners: Sequence[Listener],
        metrics: Metrics,
    ) -> None:
        self._room = room
        self._slots = Slots(settings.run) if getattr(settings, room).workers > 1 else None
        self._guests = Guests(slots=self._slots, kind=room, told=functools.partial(metrics.connection, room))
        self.settings = settings
        self.servers = []
        for listen, sock in listeners:
            handle = functools.partial(serve, listen=listen)
            tls = functools.partial(contexts.context, listen.tls_minimum)
            self.servers.append(
                Server(
                    sock,
                    handle,
                    tls if listen.tls == "implicit" else None,
                    busy=door.busy,
                    crowded=door.crowded,
                    guests=self._guests,
                    handshake_timeout=lambda: contexts.handshake_timeout,
                    proxy_from=getattr(listen, "proxy_from", ()),
                )
            )

    def close(self) -> None:
        """After its servers have stopped."""
        if self._slots is not None:
            self._slots.close()

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        limits: Smtp | Imap | Pop3 = getattr(settings, self._room)
        self._guests.most = limits.max_connections
        self._guests.most_per_address = limits.max_connections_per_address
