"""Rspamd over HTTP: `/checkv2` with the envelope, `/learnspam` and `/learnham` for what users say."""

import asyncio
import json
import math

import h11

from config.values import split_host_port
from filters.mail import Mail
from filters.spam.score import EngineFailure, Score

ANSWER_MOST = 256 * 1024  # octets
SPAM = (
    "add header",
    "rewrite subject",
    "reject",
)  # actions that mean spam; greylisting is not ours to repeat

Headers = list[tuple[bytes, bytes]]


async def ask(address: str, mail: Mail, data: bytes, seconds: float) -> Score:
    """Raises EngineFailure. `data` is the message, or as much of it as the engine shall see."""
    known = [("From", mail.reverse_path), ("Ip", mail.peer), ("Helo", mail.helo), ("Queue-Id", mail.trace)]
    known += [("Rcpt", str(each.address)) for each in mail.recipients[:100]]
    if mail.authenticated is not None:
        known.append(("User", mail.authenticated))
    headers = [(name.encode(), _safe(value)) for name, value in known if value]
    return _score(await _post(address, "/checkv2", headers, data, seconds))


async def learn(address: str, data: bytes, spam: bool, seconds: float) -> None:
    """Tell it that a user thinks otherwise. Raises EngineFailure; what it knows already is no failure."""
    await _post(address, "/learnspam" if spam else "/learnham", [], data, seconds, also=(208,))


def _safe(value: str) -> bytes:
    return "".join(char if char.isprintable() else "?" for char in value).encode()


async def _post(
    address: str, path: str, headers: Headers, data: bytes, seconds: float, also: tuple[int, ...] = ()
) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(address, path, headers, data, also)
    except TimeoutError:
        raise EngineFailure(f"no answer within {seconds:g} s") from None
    except (OSError, h11.ProtocolError) as error:
        raise EngineFailure(f"{type(error).__name__}: {error}") from error


async def _exchange(address: str, path: str, headers: Headers, data: bytes, also: tuple[int, ...]) -> bytes:
    if address.startswith("/"):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        reader, writer = await asyncio.open_connection(*split_host_port(address))
    try:
        http = h11.Connection(h11.CLIENT)
        fixed = [(b"Host", b"rspamd"), (b"Content-Length", b"%d" % len(data)), (b"Connection", b"close")]
        request = h11.Request(method="POST", target=path, headers=[*fixed, *headers])
        for part in (request, h11.Data(data), h11.EndOfMessage()):
            writer.write(http.send(part) or b"")
        await writer.drain()
        status, body = 0, b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > ANSWER_MOST:
                    raise EngineFailure("an endless answer")
            elif not isinstance(event, h11.InformationalResponse):
                break
    finally:
        writer.close()
    if status != 200 and status not in also:
        raise EngineFailure(f"answered {status} {body[:100]!r}")
    return body


def _score(body: bytes) -> Score:
    try:
        answer = json.loads(body)
        action = str(answer["action"])
        score, required = float(answer["score"]), float(answer.get("required_score", 15))
        if not math.isfinite(score + required):
            raise ValueError
        symbols = answer.get("symbols", {})
        tests = sorted(symbols) if isinstance(symbols, dict) else []
    except (ValueError, KeyError, TypeError):
        raise EngineFailure(f"answered {body[:100]!r}") from None
    return Score(action in SPAM, score, required, tests)
