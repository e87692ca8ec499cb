"""SASL PLAIN (RFC 4616) and LOGIN as a server hears them: bytes in; a challenge, credentials or a failure out.

The exchange is without I/O and without base64: each protocol frames the same messages in its own way (the
initial response of POP3's and SMTP's AUTH, IMAP's SASL-IR). `decode` undoes base64 strictly. Passwords live in
`Credentials` alone, whose repr hides them.
"""

import base64
import binascii
from dataclasses import dataclass, field

MOST = 1024  # octets of one response; RFC 4616 §2 asks servers to take 255 for each part


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the client is to answer next."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is to be judged. `authzid` is whom the client wants to act for, empty for itself."""

    login: str
    password: str = field(repr=False)
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The client broke the rules of the mechanism; `reason` may be told."""

    reason: str


Step = Challenge | Credentials | Failed


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


MECHANISMS: dict[bytes, type[Plain] | type[Login]] = {b"PLAIN": Plain, b"LOGIN": Login}


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
