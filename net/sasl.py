"""SASL as a server hears it: PLAIN (RFC 4616) and LOGIN here, SCRAM-SHA-256 in `net.scram`.

Bytes in; a challenge, credentials or a failure out. The mechanisms are without I/O and without base64: each
protocol frames the same messages in its own way (the initial response of POP3's and SMTP's AUTH, IMAP's SASL-IR),
and hands `converse` a function that does so. `decode` undoes base64 strictly. Passwords live in `Credentials`
alone, whose repr hides them.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from net.scram import Key, KeyWanted, Proof, Scram
from net.step import Challenge, Failed

__all__ = ["Challenge", "Credentials", "Failed", "Key", "KeyWanted", "Proof", "Scram"]

MOST = 1024  # octets of one response; RFC 4616 §2 asks servers to take 255 for each part


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is to be judged. `authzid` is whom the client wants to act for, empty for itself."""

    login: str
    password: str = field(repr=False)
    authzid: str = ""


Step = Challenge | Credentials | KeyWanted | Proof | Failed
T = TypeVar("T")


class Mechanism(Protocol):
    """A server's side of one exchange."""

    def start(self, initial: bytes | None) -> Step: ...
    def feed(self, response: bytes) -> Step: ...


class Plain:
    """PLAIN (RFC 4616): one message, `authzid NUL authcid NUL passwd`."""

    def start(self, initial: bytes | None) -> Step:
        """Begin, with the client's initial response if it sent one."""
        return Challenge(b"") if initial is None else self.feed(initial)

    def feed(self, response: bytes) -> Step:
        """The client's answer to the last challenge."""
        parts = response.split(b"\0")
        if len(parts) != 3:
            return Failed("PLAIN takes three parts divided by NUL")
        authzid, login, password = (_text(part) for part in parts)
        if authzid is None or not login or not password:
            return Failed("PLAIN takes a login name and a password in UTF-8")
        return Credentials(login, password, authzid)


class Login:
    """LOGIN: not in an RFC (draft-murchison-sasl-login); Outlook and its kin speak it."""

    def __init__(self) -> None:
        self._login: str | None = None

    def start(self, initial: bytes | None) -> Step:
        return Challenge(b"Username:") if initial is None else self.feed(initial)

    def feed(self, response: bytes) -> Step:
        text = _text(response)
        if not text or "\0" in text:
            return Failed("LOGIN takes a login name and a password in UTF-8")
        if self._login is None:
            self._login = text
            return Challenge(b"Password:")
        return Credentials(self._login, text)


MECHANISMS: Mapping[bytes, Callable[[bytes], Mechanism]] = {
    b"PLAIN": lambda _: Plain(),
    b"LOGIN": lambda _: Login(),
    b"SCRAM-SHA-256": lambda binding: Scram(binding=binding),
    b"SCRAM-SHA-256-PLUS": lambda binding: Scram(binding=binding, plus=True),
}


def told(names: tuple[str, ...], end_point: bytes) -> tuple[str, ...]:
    """Those of the mechanisms that this connection can have: `-PLUS` only where there is something to bind to."""
    return names if end_point else tuple(name for name in names if not name.endswith("-PLUS"))


def offered(name: bytes, names: tuple[str, ...], end_point: bytes = b"") -> Mechanism | None:
    """A new exchange of the mechanism of that name, if it is one of `names`; `end_point` is our certificate's."""
    possible = told(names, end_point)
    made = MECHANISMS.get(name)
    if made is None or name.decode() not in possible:
        return None
    return made(end_point if "SCRAM-SHA-256-PLUS" in possible else b"")


async def converse(
    exchange: Mechanism,
    initial: bytes | None,
    ask: Callable[[bytes], Awaitable[bytes]],  # sends a challenge, gives the response; both as they are
    key: Callable[[str], Awaitable[Key]],
    judge: Callable[[Credentials | Proof], Awaitable[T]],
) -> T | Failed:
    """A whole exchange: what `judge` said of what the client knows. Whatever a caller's function raises ends it."""
    step = exchange.start(initial)
    while True:
        if isinstance(step, Challenge):
            step = exchange.feed(await ask(step.data))
        elif isinstance(step, KeyWanted):
            assert isinstance(exchange, Scram)
            step = exchange.keyed(await key(step.login))
        elif isinstance(step, Credentials):
            return await judge(step)
        elif isinstance(step, Proof):
            answer = await judge(step)
            # RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2: what comes with success is a challenge, answered by nothing
            return Failed("nothing more was expected") if await ask(step.final) else answer
        else:
            return step


def decode(line: bytes) -> bytes | None:
    """Strict base64 (RFC 4648 §4; no line ends, no foreign characters), or None for what is not or is too long."""
    if len(line) > MOST * 4 // 3 + 4:
        return None
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        return None


def encode(data: bytes) -> bytes:
    return base64.b64encode(data)


def _text(part: bytes) -> str | None:
    if len(part) > MOST:
        return None
    try:
        return part.decode("utf-8")
    except UnicodeDecodeError:
        return None
