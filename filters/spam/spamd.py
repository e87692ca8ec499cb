"""SpamAssassin's spamd over its protocol, SPAMC/1.5: the message goes there once, a score and names come back.

A client of ours instead of aiospamc, which reads whole messages into memory of its own and brings a logging library
along; the protocol is a request of two header lines.
"""

import asyncio
import re

from config.values import split_host_port
from filters.mail import Mail
from filters.spam.score import EngineFailure, Score

ANSWER_MOST = 64 * 1024  # octets

_SPAM = re.compile(
    rb"^Spam:\s*(True|Yes|False|No)\s*;\s*(-?[\d.]+)\s*/\s*(-?[\d.]+)", re.IGNORECASE | re.MULTILINE
)


async def ask(address: str, mail: Mail, data: bytes, seconds: float) -> Score:
    """Raises EngineFailure. `data` is the message, or as much of it as the engine shall see."""
    return _score(await exchange(address, b"SYMBOLS", b"", data, seconds))


async def learn(address: str, data: bytes, spam: bool, seconds: float) -> None:
    """Tell it that a user thinks otherwise. Raises EngineFailure."""
    kind = b"spam" if spam else b"ham"
    await exchange(address, b"TELL", b"Message-class: %b\r\nSet: local\r\n" % kind, data, seconds)


async def exchange(address: str, command: bytes, fields: bytes, data: bytes, seconds: float) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await _connect(address)
            try:
                writer.write(
                    b"%b SPAMC/1.5\r\nContent-length: %d\r\n%b\r\n%b" % (command, len(data), fields, data)
                )
                await writer.drain()
                answer = await _all(reader)
            finally:
                writer.close()
    except TimeoutError:
        raise EngineFailure(f"no answer within {seconds:g} s") from None
    except OSError as error:
        raise EngineFailure(f"{type(error).__name__}: {error}") from error
    words = answer.split(None, 3)
    if len(words) < 3 or not words[0].startswith(b"SPAMD/") or words[1] != b"0":
        raise EngineFailure(f"answered {answer[:100]!r}")
    return answer


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("/"):
        return await asyncio.open_unix_connection(address)
    return await asyncio.open_connection(*split_host_port(address))


async def _all(reader: asyncio.StreamReader) -> bytes:
    pieces = b""
    while len(pieces) < ANSWER_MOST and (piece := await reader.read(ANSWER_MOST)):
        pieces += piece
    return pieces


def _score(answer: bytes) -> Score:
    head, _, body = answer.partition(b"\r\n\r\n")
    match = _SPAM.search(head)
    try:
        if match is None:
            raise ValueError
        score, required = float(match[2]), float(match[3])
    except ValueError:
        raise EngineFailure(f"answered {answer[:100]!r}") from None
    tests = body.split(b"\r\n")[0].decode("ascii", "replace").split(",")
    return Score(
        match[1].lower() in (b"true", b"yes"),
        score,
        required,
        [each.strip() for each in tests if each.strip()],
    )
