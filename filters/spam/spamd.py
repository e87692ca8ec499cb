"""SpamAssassin's spamd over its protocol, SPAMC/1.5: the message goes there once, a score and names come back.

A client of ours instead of aiospamc, which reads whole messages into memory of its own and brings a logging library
along; the protocol is a request of two header lines. How long it may take is the caller's to say (`engine.within`).
"""

import asyncio
import math
import re

from filters.mail import Mail
from filters.spam.engine import EngineFailure, connect
from filters.spam.score import Score

ANSWER_MOST = 64 * 1024  # octets

_SPAM = re.compile(
    rb"^Spam:\s*(True|Yes|False|No)\s*;\s*(-?[\d.]+)\s*/\s*(-?[\d.]+)", re.IGNORECASE | re.MULTILINE
)
_ANSWER = re.compile(rb"SPAMD/[\d.]+ 0 ")


async def ask(address: str, mail: Mail, data: bytes) -> Score:
    """Raises EngineFailure, OSError. `data` is the message, or as much of it as the engine shall see."""
    return _score(await _exchange(address, b"SYMBOLS", b"", data))


async def learn(address: str, data: bytes, spam: bool) -> None:
    """Tell it that a user thinks otherwise. Raises EngineFailure, OSError."""
    kind = b"spam" if spam else b"ham"
    await _exchange(address, b"TELL", b"Message-class: %b\r\nSet: local\r\n" % kind, data)


async def _exchange(address: str, command: bytes, fields: bytes, data: bytes) -> bytes:
    reader, writer = await connect(address)
    try:
        writer.write(b"%b SPAMC/1.5\r\nContent-length: %d\r\n%b\r\n" % (command, len(data), fields))
        writer.write(data)
        await writer.drain()
        answer = await _all(reader)
    finally:
        writer.close()
    if not _ANSWER.match(answer):
        raise EngineFailure(f"answered {answer[:100]!r}")
    return answer


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
        if not math.isfinite(score + required):
            raise ValueError
    except ValueError:
        raise EngineFailure(f"answered {answer[:100]!r}") from None
    spam = match[1].lower() in (b"true", b"yes")
    tests = [each.strip() for each in body.decode("ascii", "replace").split(",")]
    return Score(spam, score, required, [each for each in tests if each])
