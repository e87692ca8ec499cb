"""Rspamd over HTTP: `/checkv2` with the envelope, `/learnspam` and `/learnham` for what users say."""

import json
import math
from collections.abc import Sequence

import h11

from filters.mail import Mail
from filters.spam.engine import EngineFailure, connect
from filters.spam.score import Score

ANSWER_MOST = 256 * 1024  # octets
RECIPIENTS = 100  # of a message that it is told
VALUE_MOST = 500  # characters
SPAM = ("add header", "rewrite subject", "reject")  # what means spam; greylisting is not ours to repeat
KNOWN = 208  # answered to a lesson that it has had; older ones say 404 and `ALREADY`
ALREADY = b"already learned"
NO_LESSON = 204  # it has enough of that kind, or the mail says too little

Headers = list[tuple[bytes, bytes]]


async def ask(address: str, mail: Mail, data: bytes) -> Score:
    """Raises EngineFailure, OSError. `data` is the message, or as much of it as the engine shall see."""
    known = [("From", mail.reverse_path), ("Ip", mail.peer), ("Helo", mail.helo), ("Queue-Id", mail.trace)]
    known += [("Rcpt", str(each.address)) for each in mail.recipients[:RECIPIENTS]]
    headers = [(name.encode(), _safe(value)) for name, value in known if value]
    return _score(await _post(address, "/checkv2", headers, data))


async def learn(address: str, data: bytes, spam: bool) -> None:
    """Tell it that a user thinks otherwise. Raises EngineFailure, OSError. `address` is its controller's."""
    path = "/learnspam" if spam else "/learnham"
    await _post(address, path, [], data, accepted=(200, KNOWN, NO_LESSON))


def _safe(value: str) -> bytes:
    return "".join(char if char.isprintable() else "?" for char in value[:VALUE_MOST]).encode()


async def _post(
    address: str, path: str, headers: Headers, data: bytes, accepted: Sequence[int] = (200,)
) -> bytes:
    reader, writer = await connect(address)
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
    except h11.ProtocolError as error:
        raise EngineFailure(f"{type(error).__name__}: {error}") from error
    finally:
        writer.close()
    if status not in accepted and not (KNOWN in accepted and ALREADY in body):
        raise EngineFailure(f"answered {status} {body[:100]!r}")
    return body


def _score(body: bytes) -> Score:
    try:
        answer = json.loads(body)
        action, score = str(answer["action"]), float(answer["score"])
        thresholds = answer.get("thresholds", {})
        limits = [float(thresholds[name]) for name in SPAM if thresholds.get(name) is not None]
        required = min(limits, default=float(answer.get("required_score", 15)))
        if not math.isfinite(score + required):
            raise ValueError
        tests = sorted(answer.get("symbols", {}).keys())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise EngineFailure(f"answered {body[:100]!r}") from None
    return Score(action in SPAM, score, required, tests)
