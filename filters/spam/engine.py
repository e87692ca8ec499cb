"""What the engines outside have in common: where they listen, how long they may take, and that they may fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from config.values import split_host_port


class EngineFailure(Exception):
    """The engine has not said anything of use; the text is for the log."""


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """All of it in so many seconds. Raises EngineFailure."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise EngineFailure(f"no answer within {seconds:g} s") from None
    except OSError as error:
        raise EngineFailure(f"{type(error).__name__}: {error}") from error


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """`address` is the path of a Unix socket, or host and port. Raises OSError."""
    if address.startswith("/"):
        return await asyncio.open_unix_connection(address)
    return await asyncio.open_connection(*split_host_port(address))
