"""SMTP and LMTP as a client speaks them, without a socket and without waiting.

Each part of a session is a generator: it yields an `Ask` (what to send, how long an answer may take) and is sent
the next reply. Who drives it writes and reads; the same dialogue runs over TLS, a pipe, or a list in a test.

Invariants: after an answer of 421, or one that is no answer to what was asked, the session is over (`SessionOver`)
and every recipient that was not answered is to be tried again. A recipient's answer is its own: replies are matched
to commands by their order alone (RFC 2920 §3.1). Only a 2xx after the end of the message means that it was taken.
"""

import base64
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from smtp.relay.reply import Reply
from storage.status import Status

T = TypeVar("T")


class Wait(Enum):
    """What a reply is waited for (RFC 5321 §4.5.3.2)."""

    GREETING = "greeting"
    COMMAND = "command"
    DATA = "data"
    END = "end"


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send (nothing: it is under way already), and which wait follows."""

    data: bytes
    wait: Wait


Dialogue = Generator[Ask, Reply, T]


class SessionOver(Exception):
    """The server will not go on with this session; the status says why, for whoever was not answered."""

    def __init__(self, status: Status, reply: Reply | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Offers:
    """What EHLO offered."""

    name: str = ""  # how the server calls itself
    pipelining: bool = False  # RFC 2920
    size: int | None = None  # RFC 1870; 0: no limit is known; None: not offered
    eightbit: bool = False  # RFC 6152
    utf8: bool = False  # RFC 6531
    starttls: bool = False  # RFC 3207
    dsn: bool = False  # RFC 3461
    require_tls: bool = False  # RFC 8689
    auth: frozenset[str] = frozenset()  # RFC 4954
    recipients: int | None = None  # LIMITS RCPTMAX, RFC 9422
    mails: int | None = None  # LIMITS MAILMAX


def greeting() -> Dialogue[str]:
    """Hear who it is; the name in the greeting."""
    reply = yield Ask(b"", Wait.GREETING)
    if reply.code != 220:
        # 554: no service here (RFC 5321 §3.1); another host, or this one later, may do better
        raise SessionOver(_again(reply, "4.3.2"), reply)
    return reply.lines[0].partition(" ")[0]


def hello(name: str, lmtp: bool = False) -> Dialogue[Offers]:
    """EHLO, or HELO for who does not know it (RFC 5321 §3.2); LHLO for LMTP (RFC 2033 §4.1)."""
    word = "LHLO" if lmtp else "EHLO"
    reply = yield Ask(f"{word} {name}\r\n".encode("ascii"), Wait.COMMAND)
    _go_on(reply)
    if reply.permanent and not lmtp:
        reply = yield Ask(f"HELO {name}\r\n".encode("ascii"), Wait.COMMAND)
        if reply.code == 250:
            return Offers(_first_word(reply))
    if reply.code != 250:
        raise SessionOver(_again(reply, "4.3.2"), reply)
    return offers(reply)


def offers(reply: Reply) -> Offers:
    """What the lines of an EHLO's reply say (RFC 5321 §4.1.1.1)."""
    words = {}
    for line in reply.lines[1:]:
        keyword, _, parameters = line.strip().partition(" ")
        words[keyword.upper()] = parameters.strip()
        if keyword.upper().startswith("AUTH="):  # of before RFC 4954, still spoken
            words.setdefault("AUTH", line.strip()[5:])
    limits = dict(part.partition("=")[::2] for part in words.get("LIMITS", "").upper().split())
    return Offers(
        name=_first_word(reply),
        pipelining="PIPELINING" in words,
        size=_number(words["SIZE"]) or 0 if "SIZE" in words else None,
        eightbit="8BITMIME" in words,
        utf8="SMTPUTF8" in words,
        starttls="STARTTLS" in words,
        dsn="DSN" in words,
        require_tls="REQUIRETLS" in words,
        auth=frozenset(words.get("AUTH", "").upper().split()),
        recipients=_number(limits.get("RCPTMAX", "")),
        mails=_number(limits.get("MAILMAX", "")),
    )


def starttls() -> Dialogue[bool]:
    """Whether the handshake may begin (RFC 3207 §4)."""
    reply = yield Ask(b"STARTTLS\r\n", Wait.COMMAND)
    _go_on(reply)
    return reply.code == 220


def authenticate(offered: Offers, username: str, password: str) -> Dialogue[None]:
    """AUTH PLAIN (RFC 4616) or LOGIN. A refusal is temporary: the operator has to mend it, not the sender."""
    name, secret = username.encode(), password.encode()
    if "PLAIN" in offered.auth:
        reply = yield Ask(b"AUTH PLAIN " + _base64(b"\0" + name + b"\0" + secret) + b"\r\n", Wait.COMMAND)
    elif "LOGIN" in offered.auth:
        reply = yield Ask(b"AUTH LOGIN\r\n", Wait.COMMAND)
        for answer in (name, secret):
            if reply.code == 334:
                reply = yield Ask(_base64(answer) + b"\r\n", Wait.COMMAND)
    else:
        raise SessionOver(Status("4.7.4", "the smarthost offers no way to log in that we know"))
    if reply.code != 235:
        raise SessionOver(_again(reply, "4.7.8"), reply)


@dataclass(slots=True)
class Transaction:
    """One message for some recipients: who was refused, who was accepted, and what the end brought."""

    mail: bytes  # MAIL with its parameters
    recipients: Sequence[tuple[int, bytes]]  # number and RCPT with its parameters
    pipelining: bool
    lmtp: bool = False
    reset: bool = False  # the one before was broken off
    answers: dict[int, Reply] = field(default_factory=dict)  # final ones
    accepted: list[int] = field(default_factory=list)
    opened: bool = False  # MAIL was accepted: what recipients were answered is about them
    invited: bool = False  # 354 was said: a message, be it empty, must follow
    unfinished: bool = False  # RSET is due before the next one

    def begin(self) -> Dialogue[None]:
        """MAIL, RCPT, DATA: as one write where the server takes that (RFC 2920 §3.1), else step by step."""
        commands = [self.mail, *(rcpt for _, rcpt in self.recipients), b"DATA\r\n"]
        if self.reset:
            commands.insert(0, b"RSET\r\n")
        ahead = b"".join(commands) if self.pipelining else None

        def ask(command: bytes, wait: Wait = Wait.COMMAND) -> Ask:
            nonlocal ahead
            if ahead is None:
                return Ask(command, wait)
            data, ahead = ahead, b""
            return Ask(data, wait)

        if self.reset:
            _go_on((yield ask(b"RSET\r\n")))
        reply = yield ask(self.mail)
        _go_on(reply)
        refused = None if reply.ok else reply
        if refused is not None and not self.pipelining:
            self._all(refused)
            return
        self.opened = self.unfinished = refused is None
        for number, rcpt in self.recipients:
            reply = yield ask(rcpt)
            _go_on(reply)
            if refused is None and reply.ok:
                self.accepted.append(number)
            else:
                self.answers[number] = refused or reply
        if not self.pipelining and not self.accepted:
            return
        reply = yield ask(b"DATA\r\n", Wait.DATA)
        _go_on(reply)
        self.invited = reply.code == 354
        if reply.ok and self.accepted:  # nothing was sent that it could have taken
            raise SessionOver(Status("4.5.0", f"unexpected reply: {reply}"), reply)
        if not self.invited:
            self._all(reply)

    def empty(self) -> Dialogue[None]:
        """Nobody was accepted, yet the server waits for a message (RFC 2920 §3.1): give it none."""
        yield Ask(b".\r\n", Wait.END)
        self.unfinished = False

    def end(self) -> Dialogue[None]:
        """What became of the message, whose last line has been sent; LMTP tells each recipient (RFC 2033 §4.2)."""
        self.unfinished = False
        if self.lmtp:
            for number in self.accepted:
                self.answers[number] = yield Ask(b"", Wait.END)
        else:
            self._all((yield Ask(b"", Wait.END)))

    def _all(self, reply: Reply) -> None:
        """The same answer for all that have none."""
        for number, _ in self.recipients:
            self.answers.setdefault(number, reply)


def _go_on(reply: Reply) -> None:
    if reply.code == 421:  # RFC 5321 §3.8: it closes the channel, whatever was asked
        raise SessionOver(reply.status(), reply)


def _again(reply: Reply, code: str) -> Status:
    """A refusal of the session, which is no refusal of any mail."""
    status = reply.status()
    return status if status.temporary else Status(code, str(reply))


def _first_word(reply: Reply) -> str:
    return reply.lines[0].strip().partition(" ")[0]


def _number(text: str) -> int | None:
    digits = text.split()[0] if text.split() else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data)
