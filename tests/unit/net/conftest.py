"""Both event loops, and a server on a port of its own."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from net.connection import Connection
from net.server import Guests, Server, bind

Run = Callable[[Awaitable[Any]], Any]
Handle = Callable[[Connection], Awaitable[None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine to its end, on each event loop, with a watchman against hanging."""
    factory = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[request.param]

    def runner(main: Awaitable[Any]) -> Any:
        async def watched() -> Any:
            async with asyncio.timeout(60):
                return await main

        with asyncio.Runner(loop_factory=factory) as it:
            return it.run(watched())

    return runner


@asynccontextmanager
async def serving(
    handle: Handle,
    tls: Callable[[], ssl.SSLContext] | None = None,
    *,
    busy: bytes = b"",
    guests: Guests | None = None,
    **more: Any,
) -> AsyncIterator[Server]:
    server = Server(bind("127.0.0.1", 0), handle, tls, busy=busy, guests=guests, **more)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(wait=0)
