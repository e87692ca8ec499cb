"""The octets behind a URL of CATENATE, put into a spool piece by piece (RFC 4469 §3).

Only mailboxes that the client could read itself are reached, and only on this server. What does not lead to octets
is refused with the URL, so that the client knows which of them it was.
"""

from imap import format, sections, urls
from imap.mailbox_name import canonical
from imap.replies import No
from imap.session import Session
from imap.urls import BadUrl, MessageUrl
from storage.errors import MailboxMissing
from storage.message import Message
from storage.mime import parts as mime
from storage.spool import Spool

PIECE = 256 * 1024  # octets of a message that are in memory at a time


async def pour(session: Session, raw: bytes, spool: Spool, room: int) -> int:
    """Write what the URL names, at most `room` octets; how many it were."""
    try:
        url = urls.parse(raw)
        message = await _message(session, url)
        data, start, stop = await session.store.run(_place, message, url)
    except (BadUrl, MailboxMissing, FileNotFoundError):
        raise _refused(raw) from None
    except No:
        raise _refused(raw) from None
    if (len(data) if data is not None else stop - start) > room:
        raise No(b"The message is too big", b"TOOBIG")
    if data is not None:
        await spool.write(data)
        return len(data)
    for at in range(start, stop, PIECE):
        await spool.write(await session.store.run(_range, message, at, min(at + PIECE, stop)))
    return stop - start


async def _message(session: Session, url: MessageUrl) -> Message:
    if url.host is not None and url.host.lower() != session.settings.hostname:
        raise BadUrl
    if url.user is not None and url.user.lower() not in (session.address, session.address.partition("@")[0]):
        raise BadUrl
    place = await session.place_of(canonical(url.mailbox), "r")
    mailbox = await place.account.open(place.name)
    try:
        message = mailbox.message(url.uid)
        if message is None or url.uidvalidity not in (None, mailbox.uidvalidity):
            raise BadUrl
        return message
    finally:
        mailbox.release()


def _place(message: Message, url: MessageUrl) -> tuple[bytes | None, int, int]:
    """A range of the message, or octets where it is none. For a thread."""
    with message.octets() as data:
        tree = mime.parse(data) if url.section.part else None
        span = sections.span(data, tree, url.section)
        if span is None:
            chosen = sections.extract(data, tree, url.section)
            if chosen is None:
                raise BadUrl
            stop = None if url.length is None else url.offset + url.length
            return chosen[url.offset : stop], 0, 0
        start = min(span[0] + url.offset, span[1])
        return None, start, span[1] if url.length is None else min(start + url.length, span[1])


def _range(message: Message, start: int, stop: int) -> bytes:
    with message.octets() as data:
        return data[start:stop]


def _refused(raw: bytes) -> No:
    named = raw if raw.isascii() and raw.decode("ascii").isprintable() else b""
    return No(b"The URL leads to no octets here", b"BADURL %b" % format.string(named))
