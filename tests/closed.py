"""How a peer's close is seen: as the end, or as a reset where something was still on its way to it."""

import asyncio


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the peer has closed."""
    heard = b""
    async with asyncio.timeout(60):
        try:
            while piece := await reader.read(65_536):
                heard += piece
        except ConnectionResetError:
            pass
    return heard


async def line(reader: asyncio.StreamReader) -> bytes:
    """The next line; empty where the peer has closed."""
    async with asyncio.timeout(60):
        try:
            return await reader.readline()
        except ConnectionResetError:
            return b""
