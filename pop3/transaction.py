"""The TRANSACTION state, and the UPDATE state in QUIT (RFC 1939 §5 to §7)."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from net.log import event
from pop3 import replies, stuffing
from pop3.replies import Refused
from pop3.session import Session
from storage.errors import StoreError

LINES = 5000  # of a listing that are made at a time

_log = logging.getLogger("pop3")


async def stat(session: Session, _: None) -> None:
    session.send(b"+OK %d %d\r\n" % (session.drop.count, session.drop.octets))


async def scan(session: Session, number: int | None) -> None:
    drop = session.drop
    if number is None:
        session.send(b"+OK %d messages (%d octets)\r\n" % (drop.count, drop.octets))
        await _listing(session, drop.scan_listing, drop.numbers())
    else:
        session.send(b"+OK %b\r\n" % drop.scan_listing(number))


async def uidl(session: Session, number: int | None) -> None:
    drop = session.drop
    if number is None:
        session.send(b"+OK unique-ids follow\r\n")
        await _listing(session, drop.unique_id_listing, drop.numbers())
    else:
        session.send(b"+OK %b\r\n" % drop.unique_id_listing(number))


async def _listing(session: Session, line: Callable[[int], bytes], numbers: Iterable[int]) -> None:
    left = iter(numbers)
    while some := [line(number) for number in islice(left, LINES)]:
        session.send(b"\r\n".join(some) + b"\r\n")
        await session.conn.drain()
    session.send(b".\r\n")


async def retr(session: Session, number: int) -> None:
    size = session.drop.size(number)
    message = await session.message(number)
    await _send(session, b"+OK %d octets\r\n" % size, stuffing.pieces(message.chunks()))
    session.retrieved += 1


async def top(session: Session, asked: tuple[int, int]) -> None:
    number, lines = asked
    message = await session.message(number)
    await _send(session, b"+OK the top follows\r\n", stuffing.pieces(message.chunks(), lines))


async def _send(session: Session, first_line: bytes, pieces: Iterator[bytes]) -> None:
    """Send a message, one hop to a store thread for each piece; memory holds two of them at most.

    The first piece is there before +OK is said. Where a later one cannot be read the connection is cut: half a
    message must not look like a whole one.
    """
    try:
        piece = await session.store.run(next, pieces, b"")
    except FileNotFoundError as error:
        raise Refused(replies.VANISHED) from error
    except OSError as error:
        event(_log, "pop3.unreadable", logging.ERROR, trace=session.conn.trace, why=error)
        raise Refused(replies.TEMPORARY) from error
    session.send(first_line)
    while piece:
        session.send(piece)
        session.octets += len(piece)
        await session.conn.drain()
        try:
            piece = await session.store.run(next, pieces, b"")
        except (OSError, StoreError):
            session.conn.abort()
            raise


async def dele(session: Session, number: int) -> None:
    session.drop.deleted.add(session.drop.check(number))
    session.send(b"+OK message %d deleted\r\n" % number)


async def rset(session: Session, _: None) -> None:
    session.drop.deleted.clear()
    session.send(b"+OK %d messages (%d octets)\r\n" % (session.drop.count, session.drop.octets))


async def noop(session: Session, _: None) -> None:
    session.send(b"+OK\r\n")


async def leave(session: Session, _: None) -> None:
    """Only here are messages removed; those that vanished meanwhile are no error (RFC 1939 §6)."""
    session.ended = True
    if session.maildrop is None or not session.maildrop.deleted:
        session.send(b"+OK goodbye\r\n")
        return
    try:
        await session.remove()
    except (StoreError, OSError) as error:
        event(_log, "pop3.not_removed", logging.ERROR, trace=session.conn.trace, why=error)
        raise Refused(replies.NOT_REMOVED) from error
    session.send(b"+OK goodbye, %d messages removed\r\n" % len(session.maildrop.deleted))
