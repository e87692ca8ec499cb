"""clamd's protocol against a socket that speaks for it: answers of every kind, and what keeps it within bounds."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from config.filters import Virus as Rules
from filters.clamd import ANSWER_MOST, Clamd, ClamdFailure, OverLimit
from filters.virus import Virus

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
MESSAGE = [b"x" * 200_000, b"y" * 10]


def pieces() -> Iterator[bytes]:
    return iter(MESSAGE)


async def instream(reader: Reader) -> bytes:
    """What was handed in, up to the length of 0 that ends it (clamd(8))."""
    assert await reader.readexactly(10) == b"zINSTREAM\0"
    found = b""
    while size := struct.unpack(">I", await reader.readexactly(4))[0]:
        found += await reader.readexactly(size)
    return found


async def scan(
    folder: Path, answer: Callable[[Reader, Writer], Awaitable[None]], *, times: int = 1, seconds: float = 60
) -> list[str | None]:
    async def serve(reader: Reader, writer: Writer) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, folder / "clamd")
    clamd = Clamd(str(folder / "clamd"), asyncio.to_thread, most=1, seconds=seconds)
    try:
        return await asyncio.gather(*(clamd.scan(pieces, True) for _ in range(times)))
    finally:
        server.close()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"stream: OK\0", None),
        (b"stream: Eicar-Test-Signature FOUND\0", "Eicar-Test-Signature"),
        (b"INSTREAM size limit exceeded. ERROR\0", OverLimit),
        (b"stream: OKAY\0", ClamdFailure),
        (b"", ClamdFailure),
    ],
)
async def test_answers(tmp_path: Path, said: bytes, found: str | type[Exception] | None) -> None:
    async def answer(reader: Reader, writer: Writer) -> None:
        assert await instream(reader) == b"".join(MESSAGE)
        writer.write(said)

    if isinstance(found, type):
        with pytest.raises(found):
            await scan(tmp_path, answer)
    else:
        assert await scan(tmp_path, answer) == [found]


async def test_an_answer_before_the_end_counts(tmp_path: Path) -> None:
    """clamd hangs up on what is too large, in the middle of it."""

    async def answer(reader: Reader, writer: Writer) -> None:
        await reader.readexactly(10)
        writer.write(b"INSTREAM size limit exceeded. ERROR\0")
        await writer.drain()

    with pytest.raises(OverLimit):
        await scan(tmp_path, answer)


async def test_silence_ends(tmp_path: Path) -> None:
    async def answer(reader: Reader, writer: Writer) -> None:
        while await reader.read(65536):
            pass

    with pytest.raises(ClamdFailure, match="no answer within"):
        await scan(tmp_path, answer, seconds=0.2)


async def test_an_answer_without_end_is_none(tmp_path: Path) -> None:
    async def answer(reader: Reader, writer: Writer) -> None:
        await instream(reader)
        writer.write(b"x" * ANSWER_MOST)
        await writer.drain()
        await reader.read()

    with pytest.raises(ClamdFailure, match="answered"):
        await scan(tmp_path, answer)


async def test_no_more_at_once_than_were_asked_for(tmp_path: Path) -> None:
    inside: list[int] = [0]
    most: list[int] = []

    async def answer(reader: Reader, writer: Writer) -> None:
        inside[0] += 1
        most.append(inside[0])
        await instream(reader)
        await asyncio.sleep(0)
        inside[0] -= 1
        writer.write(b"stream: OK\0")

    assert await scan(tmp_path, answer, times=3) == [None] * 3
    assert most == [1, 1, 1]


def test_another_address_is_asked_once_it_is_configured() -> None:
    rules = Rules(engine="clamd", address="/run/one")
    virus = Virus(lambda: rules, asyncio.to_thread)
    assert virus._clamd(rules) is virus._clamd(rules)
    assert virus._clamd(rules.model_copy(update={"address": "/run/two"})).address == "/run/two"
