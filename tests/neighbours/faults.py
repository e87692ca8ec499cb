"""What a destination can do wrong: each is a script for a connection.

All of them leave the mail undelivered, except where the name says that the peer took it. A mail server's answer is
the same each time: the mail is temporarily not delivered, and comes whole with the next attempt.
"""

import itertools
import socket
import struct

from tests.neighbours.peers import Script, Server, Wire

HUGE = 10 * 1024 * 1024


def _greeted(wire: Wire, *offers: str) -> None:
    """Up to the answer to EHLO."""
    wire.say("220 faulty.test ESMTP")
    wire.line()
    said = ["faulty.test", *offers]
    wire.say(*(f"250{' ' if each is said[-1] else '-'}{each}" for each in said))


def _until(wire: Wire, verb: bytes) -> None:
    """Everything is well until this command has come; DATA is answered 354 on the way."""
    while not (line := wire.line().upper()).startswith(verb):
        wire.say("354 go ahead" if line.startswith(b"DATA") else "250 ok")


def _silence(wire: Wire) -> None:
    """Until the client goes, however long it waits."""
    wire.sock.settimeout(None)
    while True:
        wire.exactly(1)


def closes_at_once(wire: Wire, server: Server) -> None:
    pass


def never_greets(wire: Wire, server: Server) -> None:
    _silence(wire)


def greets_554(wire: Wire, server: Server) -> None:
    wire.say("554 5.7.1 nobody of yours here")
    _silence(wire)


def greets_421(wire: Wire, server: Server) -> None:
    wire.say("421 4.3.2 full")


def greets_with_garbage(wire: Wire, server: Server) -> None:
    wire.say(bytes(range(256)) * 40 + b"\r\n")
    _silence(wire)


def greets_without_end(wire: Wire, server: Server) -> None:
    for _ in range(HUGE // 65536):
        wire.say(b"2" * 65536)


def speaks_another_protocol(wire: Wire, server: Server) -> None:
    wire.say("HTTP/1.1 400 Bad Request", "Content-Length: 0", "")


def hangs_at_ehlo(wire: Wire, server: Server) -> None:
    wire.say("220 faulty.test")
    _silence(wire)


def endless_ehlo(wire: Wire, server: Server) -> None:
    wire.say("220 faulty.test")
    wire.line()
    for number in itertools.count():
        wire.say(f"250-X-{number} " + "x" * 500)


def huge_reply(wire: Wire, server: Server) -> None:
    _greeted(wire)
    wire.line()
    wire.say(b"250 " + b"y" * HUGE + b"\r\n")
    _silence(wire)


def hangs_at_mail(wire: Wire, server: Server) -> None:
    _greeted(wire)
    _silence(wire)


def hangs_at_rcpt(wire: Wire, server: Server) -> None:
    _greeted(wire)
    _until(wire, b"RCPT")
    _silence(wire)


def hangs_at_data(wire: Wire, server: Server) -> None:
    _greeted(wire, "PIPELINING")
    wire.line()
    wire.say("250 ok", "250 ok")
    _silence(wire)


def closes_at_rcpt(wire: Wire, server: Server) -> None:
    _greeted(wire)
    _until(wire, b"RCPT")


def closes_in_data(wire: Wire, server: Server) -> None:
    _greeted(wire)
    _until(wire, b"DATA")
    wire.say("354 go ahead")
    wire.line()


def resets_in_data(wire: Wire, server: Server) -> None:
    closes_in_data(wire, server)
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def wrong_replies(wire: Wire, server: Server) -> None:
    """Numbers that no command has as an answer."""
    _greeted(wire)
    while True:
        wire.line()
        wire.say("199 what")


def replies_too_many(wire: Wire, server: Server) -> None:
    """Answers run ahead: 250 for commands that were never sent."""
    _greeted(wire, "PIPELINING")
    wire.say(*["250 ok"] * 5)
    _silence(wire)


def mixed_codes(wire: Wire, server: Server) -> None:
    _greeted(wire)
    wire.line()
    wire.say("250-one", "550 two")
    _silence(wire)


def offers_starttls_and_hangs(wire: Wire, server: Server) -> None:
    _greeted(wire, "STARTTLS")
    wire.line()
    wire.say("220 go ahead")
    _silence(wire)


def closes_after_dot(wire: Wire, server: Server) -> None:
    """It may have taken the message, who knows: sent again (RFC 1047)."""
    _greeted(wire)
    _until(wire, b"DATA")
    wire.say("354 go ahead")
    server.hear(wire.data())


def refuses_after_dot(wire: Wire, server: Server) -> None:
    _greeted(wire)
    _until(wire, b"DATA")
    wire.say("354 go ahead")
    wire.data()
    wire.say("451 4.3.0 later")
    _silence(wire)


FAULTS: dict[str, Script] = {
    each.__name__: each
    for each in (
        closes_at_once,
        never_greets,
        greets_554,
        greets_421,
        greets_with_garbage,
        greets_without_end,
        speaks_another_protocol,
        hangs_at_ehlo,
        endless_ehlo,
        huge_reply,
        hangs_at_mail,
        hangs_at_rcpt,
        hangs_at_data,
        closes_at_rcpt,
        closes_in_data,
        resets_in_data,
        wrong_replies,
        replies_too_many,
        mixed_codes,
        offers_starttls_and_hangs,
        closes_after_dot,
        refuses_after_dot,
    )
}

HANGING: tuple[Script, ...] = (
    never_greets,
    hangs_at_ehlo,
    hangs_at_mail,
    hangs_at_rcpt,
    hangs_at_data,
    offers_starttls_and_hangs,
)


def broken_tls(wire: Wire, server: Server) -> None:
    """Offers STARTTLS and answers the handshake with rubbish; in the clear it takes mail."""
    wire.say("220 faulty.test ESMTP")
    while True:
        line = wire.line()
        verb = line[:4].upper()
        if verb == b"EHLO":
            wire.say("250-faulty.test", "250 STARTTLS")
        elif verb == b"STAR":
            wire.say("220 2.0.0 go ahead")
            wire.exactly(1)
            wire.say(b"this is no handshake\r\n" * 10)
            return
        elif verb == b"DATA":
            wire.say("354 go ahead")
            server.hear(wire.data())
            wire.say("250 2.0.0 taken")
        elif verb == b"QUIT":
            wire.say("221 bye")
            return
        else:
            wire.say("250 ok")
