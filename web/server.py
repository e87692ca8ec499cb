"""The application behind our own sockets and certificates: uvicorn, run inside the process's event loop.

Each listener is one uvicorn server, since each may begin with TLS or not. A handshake takes the certificate
in force at that moment, so SIGHUP replaces it without touching connections that stand.
"""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.settings import Listen, Settings, Tls
from net.tls import Contexts, build
from web.app import application
from web.office import Office

MOST_CONNECTIONS = 1000  # of one listener; more are answered 503
LONGEST_HEADER = 32 * 1024  # octets of a request's head
KEEP_ALIVE = 15  # seconds that a silent connection is kept
HEAD_TIMEOUT = (
    20.0  # seconds for a request's head: uvicorn itself would wait for ever for one that dribbles in
)

Told = Callable[[Literal["in", "out"]], None]  # hears of each connection that comes and goes


class WebServer:
    """The web room of a process. What the pages show of the settings comes from the office."""

    def __init__(
        self,
        settings: Settings,
        contexts: Contexts,
        listeners: Sequence[tuple[Listen, socket.socket]],
        office: Office,
        told: Told = lambda _: None,
    ) -> None:
        app = application(office)
        self._servers = [
            (_Guest(_config(app, settings.tls, contexts, listen, told)), sock) for listen, sock in listeners
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        for server, sock in self._servers:
            self._tasks.append(asyncio.create_task(server.serve([sock])))
        for (server, _), task in zip(self._servers, self._tasks, strict=True):
            up = asyncio.create_task(server.up.wait())
            await asyncio.wait({task, up}, return_when=asyncio.FIRST_COMPLETED)
            up.cancel()
            if task.done():
                task.result()  # raises why it could not begin

    async def stop(self, wait: float) -> None:
        """Requests under way are answered, for at most `wait` seconds."""
        for server, _ in self._servers:
            server.config.timeout_graceful_shutdown = max(1, int(wait))
            server.should_exit = True
        await asyncio.gather(*self._tasks)


class _Impatient(HttpToolsProtocol):
    """A connection that has to bring the head of each request in time, and a short one: the parser itself would
    take any. In C: a request costs half a millisecond less than with a parser in Python."""

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _long = 0  # octets of this head
    _taken = 0  # octets since the last head was whole

    def __init__(self, *arguments: Any, told: Told, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._told = told

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._told("in")
        self._wait()

    def data_received(self, data: bytes) -> None:
        self._taken += len(data)
        super().data_received(data)
        if self._in_head and self._taken > LONGEST_HEADER and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._timer is None:
            self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._long = True, 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        if self._in_head:  # what comes after a body in pieces (RFC 9110 §6.5) is nothing that we know
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("RFC 9112 §3.2: one Host field")
        self._in_head, self._taken = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._taken = True, 0

    def connection_lost(self, exc: Exception | None) -> None:
        self._told("out")
        self._stop_waiting()
        super().connection_lost(exc)

    def _count(self, octets: int) -> None:
        """Raises ValueError, which the parser passes on as a request that cannot be read."""
        self._long += octets
        if self._long > LONGEST_HEADER:
            raise ValueError("the head is too long")

    def _wait(self) -> None:
        self._timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Guest(uvicorn.Server):
    """uvicorn as a guest in our event loop: signals are the hall's, and it says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(app: object, tls: Tls, contexts: Contexts, listen: Listen, told: Told) -> uvicorn.Config:
    context = fresh(tls, contexts, listen) if listen.tls == "implicit" else None
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        lifespan="off",
        ws="none",
        http=functools.partial(_Impatient, told=told),  # type: ignore[arg-type]
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        ssl_context_factory=(lambda _config, _default: context) if context is not None else None,
    )


def fresh(tls: Tls, contexts: Contexts, listen: Listen) -> ssl.SSLContext:
    """A context that hands every handshake to the one in force now: uvicorn keeps the context it began with."""
    front = build(tls, listen.tls_minimum or tls.minimum)

    def forward(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        current = contexts.context(listen.tls_minimum)
        connection.context = current
        if current.sni_callback is not None:
            current.sni_callback(connection, name, current)  # type: ignore[arg-type]  # None is no name

    front.sni_callback = forward
    return front
