"""Connections of the web door are counted as those of every other door are."""

import asyncio
import functools

from config.settings import Listen
from net.metrics import Metrics, gather
from net.server import bind
from tests.house import House, Site
from web.server import WebServer

INSIDE, CAME = 'kwcmaild_connections{door="web"}', 'kwcmaild_connections_total{door="web",let_in="yes"}'


async def test_connections_are_counted(site: Site) -> None:
    house = await House(site).open()
    metrics = Metrics(site.settings.run, "web")
    sock = bind("127.0.0.1", 0)
    port = sock.getsockname()[1]
    listen = Listen(address="127.0.0.1:0", tls="none")
    told = functools.partial(metrics.connection, "web")
    server = WebServer(house.settings, house.contexts, [(listen, sock)], await house.office(), told)
    await server.start()
    for count in (1, 2):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        found = gather(site.settings.run, metrics)
        assert (found[INSIDE], found[CAME]) == (1, count)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await reader.read()  # to the end: the other side has closed
        async with asyncio.timeout(60):
            while gather(site.settings.run, metrics).get(INSIDE):
                await asyncio.sleep(0)
        writer.close()
    await server.stop(1)
    metrics.close()
    await house.close()
