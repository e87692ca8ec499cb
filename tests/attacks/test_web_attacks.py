"""HTTP clients that dribble, say too much, or ask for files that are not theirs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from config.settings import Listen
from net.server import bind
from tests.attacks.talk import Talk
from tests.house import House
from web import server as web


@pytest.fixture
async def address(house: House) -> AsyncIterator[tuple[str, int]]:
    sock = bind("127.0.0.1", 0)
    listen = Listen(address="127.0.0.1:0", tls="none")
    server = web.WebServer(house.settings, house.contexts, [(listen, sock)], await house.office())
    await server.start()
    yield sock.getsockname()
    await server.stop(1)


async def _connect(address: tuple[str, int]) -> Talk:
    return Talk(*await asyncio.open_connection(*address))


async def _works(address: tuple[str, int]) -> None:
    talk = await _connect(address)
    talk.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await talk.rest()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4294967296\r\n\r\nx",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4294967296\r\n\r\nx",
    ],
)
async def test_a_request_that_never_ends_is_given_up(
    address: tuple[str, int], start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "HEAD_TIMEOUT", 0.3)
    talk = await _connect(address)

    async def dribble() -> None:
        talk.writer.write(start)
        while not talk.writer.is_closing():
            await asyncio.sleep(0.05)
            talk.writer.write(b"x" if start else b"")

    dribbling = asyncio.create_task(dribble())
    async with asyncio.timeout(60):
        await talk.rest()
    dribbling.cancel()
    monkeypatch.undo()
    await _works(address)


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /static/../app.py HTTP/1.1",
        b"GET /static/%2e%2e/app.py HTTP/1.1",
        b"GET /static/..%2f..%2fpyproject.toml HTTP/1.1",
        b"GET /static//etc/passwd HTTP/1.1",
        b"GET /static/%00 HTTP/1.1",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
        b"GET / HTTP/9.9",
        b"\0\0\0",
        b"GET /?lang=../../etc/passwd&lang=%00 HTTP/1.1\r\nAccept-Language: " + b"a;q=0.1," * 3000,
        b"GET /mail/config-v1.1.xml?emailaddress=a@%22%3E%3C!ENTITY%3E HTTP/1.1",
    ],
)
async def test_odd_requests(address: tuple[str, int], request_line: bytes) -> None:
    talk = await _connect(address)
    talk.writer.write(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await talk.rest()
    assert b"import " not in answer and b"root:" not in answer and b"<!ENTITY" not in answer
    assert b" 500 " not in answer.partition(b"\r\n")[0]
    await _works(address)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\n",  # RFC 9112 §3.2
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n",  # §6.3
        b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX : y\r\n",  # §5.1
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: y\r\n folded\r\n",  # §5.2
    ],
)
async def test_a_head_that_is_none_is_refused(address: tuple[str, int], head: bytes) -> None:
    talk = await _connect(address)
    talk.writer.write(head + b"\r\n")
    assert (await talk.rest()).startswith(b"HTTP/1.1 400 ")
    await _works(address)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 10_000_000,  # and no end
        b"GET /" + b"a" * 10_000_000,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        + b"".join(b"X%d: %s\r\n" % (n, b"a" * 90) for n in range(500))
        + b"\r\n",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
        + b"X: a\r\n" * 99_999,
    ],
    ids=["field", "address", "fields", "after the body"],
)
async def test_a_head_that_is_too_long_is_refused(address: tuple[str, int], head: bytes) -> None:
    talk = await _connect(address)
    assert b" 200 " not in await talk.pour(head)
    await _works(address)


async def test_what_follows_a_body_is_no_field_of_the_request(address: tuple[str, int]) -> None:
    """RFC 9110 §6.5: a Cookie there would be one that nobody in front of us has seen."""
    talk = await _connect(address)
    talk.writer.write(
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
        b"Cookie: session=y\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert (await talk.rest()).count(b"HTTP/1.1 200 ") == 2
