"""DATA and BDAT: the message itself, streamed to the spool, and the answer when it is all here.

Memory stays bounded whatever the size: a chunk is looked at, written and forgotten. A message that is refused
in the middle is read to its end first, so that no part of it is taken for a command. 250 is said when
`filters.pipeline` has returned: every recipient's copy is then in a mailbox or in the queue, on the disk.
"""

import asyncio
import logging
import time
from dataclasses import replace

from filters.mail import Mail
from net.log import event
from smtp import replies
from smtp.binary import Binary, lines
from smtp.data import Data, Fault, Lines
from smtp.grammar import Chunk
from smtp.received import Hop, received
from smtp.replies import Reply
from smtp.session import Session, Transaction
from storage.errors import StoreError
from storage.message import Message
from storage.mime.header import end_of_header
from storage.spool import Spool
from storage.status import Status

PIECE = 64 * 1024  # octets taken from the connection at once
MOST_HEADER = 256 * 1024  # octets of a header block that are looked at
OVERRUN = 2  # a message this many times over the limit is not read to its end

FAULTS = {Fault.BARE_LINE_END: replies.BARE_LINE_ENDS, Fault.LONG_LINE: replies.LONG_TEXT_LINE}

_log = logging.getLogger("smtp")


async def data(session: Session, _: None) -> Reply | bytes:
    """RFC 5321 §4.1.1.4."""
    transaction = session.transaction
    assert transaction is not None
    if transaction.spool is not None:
        return replies.MIXED_DATA
    if transaction.command.body == "BINARYMIME":
        return replies.BINARY_DATA
    if not transaction.recipients:
        return _no_recipients(session)
    transaction.spool = session.door.store.spool(session.settings.smtp.max_message)
    session.say(replies.GO_AHEAD)
    await session.flush()
    refusal = await _take_data(session, transaction.spool)
    return await _end(session, transaction, transaction.spool, refusal)


def _no_recipients(session: Session) -> Reply:
    return replies.NO_RECIPIENTS_LMTP if session.lmtp else replies.NO_RECIPIENTS


async def _take_data(session: Session, spool: Spool) -> Reply | None:
    """Everything up to the end of data into the spool; the reply if the message can't be taken."""
    reader = Data(session.settings.smtp.max_line)
    began = asyncio.get_running_loop().time()
    got = 0
    refusal: Reply | None = None
    while not reader.done:
        chunk = await session.piece(PIECE, began, got)
        got += len(chunk)
        text = reader.feed(chunk)
        refusal = refusal or await _keep(spool, text, reader.fault, session)
        if got > OVERRUN * spool.most and not reader.done:
            session.over = True
            return replies.TOO_BIG
    session.conn.unread(reader.rest)
    return refusal


async def bdat(session: Session, chunk: Chunk | None) -> Reply | bytes:
    """RFC 3030 §2. The octets follow the command whatever is thought of it, so they are taken first."""
    most = session.settings.smtp.max_message
    if chunk is None or chunk.size > OVERRUN * most:
        session.over = True  # where the chunk ends is unknown, or too far
        return replies.SYNTAX if chunk is None else replies.TOO_BIG
    transaction = session.transaction
    refusal: Reply | None = None
    if transaction is None:
        refusal = replies.MAIL_FIRST
    elif not transaction.recipients:
        refusal = _no_recipients(session)
    elif transaction.refusal is not None:
        refusal = replies.CHUNK_FAILED
    if transaction is None or refusal is not None:
        await _take_chunk(session, chunk.size, None, None)
        assert refusal is not None
        return refusal
    if transaction.spool is None or transaction.lines is None:
        transaction.spool = session.door.store.spool(most)
        binary = transaction.command.body == "BINARYMIME"
        transaction.lines = Binary() if binary else Lines(session.settings.smtp.max_line)
    refusal = await _take_chunk(session, chunk.size, transaction.spool, transaction.lines)
    if chunk.last:
        transaction.lines.end()
        if refusal is None and transaction.lines.fault is not None:
            refusal = FAULTS[transaction.lines.fault]
        if refusal is None and transaction.command.body == "BINARYMIME":
            refusal = await _as_lines(session, transaction, transaction.spool)
        return await _end(session, transaction, transaction.spool, refusal)
    transaction.refusal = refusal
    return refusal or replies.chunk(chunk.size)


async def _as_lines(session: Session, transaction: Transaction, spool: Spool) -> Reply | None:
    """A binary message is spooled once more, as lines; the reply if that can't be."""
    run = session.door.store.run
    binary = await spool.finish()
    transaction.spool = written = session.door.store.spool(OVERRUN * session.settings.smtp.max_message)
    watch = Lines(session.settings.smtp.max_line)
    try:
        pieces = lines(binary)
        while piece := await run(next, pieces, b""):
            watch.see(piece)
            if (refusal := await _keep(written, piece, watch.fault, session)) is not None:
                return refusal
    finally:
        await spool.discard()
    watch.end()
    return None if watch.fault is None else FAULTS[watch.fault]


async def _take_chunk(session: Session, size: int, spool: Spool | None, lines: Lines | None) -> Reply | None:
    """`size` octets; without a spool they are thrown away."""
    began = asyncio.get_running_loop().time()
    left = size
    refusal: Reply | None = None
    while left:
        piece = await session.piece(min(left, PIECE), began, size - left)
        left -= len(piece)
        if spool is not None and lines is not None and refusal is None:
            lines.see(piece)
            refusal = await _keep(spool, piece, lines.fault, session)
    return refusal


async def _keep(spool: Spool, text: bytes, fault: Fault | None, session: Session) -> Reply | None:
    """Write to the spool; the reply when that ends here. What was written is let go of at once."""
    refusal: Reply | None = None
    if fault is not None:
        refusal = FAULTS[fault]
    elif text:
        try:
            await spool.write(text)
        except StoreError as error:
            event(_log, "smtp.spool_failed", logging.ERROR, trace=session.conn.trace, why=repr(error))
            return replies.of_error(error, session.conn.trace)
        if spool.too_big:
            refusal = replies.TOO_BIG
    if refusal is not None:
        await spool.discard()
    return refusal


async def _end(
    session: Session, transaction: Transaction, spool: Spool, refusal: Reply | None
) -> Reply | bytes:
    """The message is here, or is known not to be wanted. The transaction ends either way."""
    trace = session.next_trace()
    try:
        if refusal is not None:
            refusal = _refused(session, transaction, trace, refusal)
        elif session.lmtp:
            return await _hand_over_each(session, transaction, spool, trace)
        else:
            return await _hand_over(session, transaction, await spool.finish(), trace)
    finally:
        await session.reset()
    return _for_each(transaction, refusal) if session.lmtp else refusal


def _refused(session: Session, transaction: Transaction, trace: str, refusal: Reply) -> Reply:
    """Refused before the pipeline saw it."""
    reverse_path = transaction.mail.reverse_path
    event(
        _log,
        "smtp.message_refused",
        trace=trace,
        peer=session.conn.peer,
        login=session.login,
        sender=f"<{reverse_path}>",
        answer=f"{refusal.code} {refusal.status} {refusal.text}",
    )
    status = Status(refusal.status, refusal.text)
    session.door.refusals.note(
        trace, session.conn.peer, status, sender=reverse_path, account=session.login or ""
    )
    return refusal


async def _hand_over(session: Session, transaction: Transaction, message: Message, trace: str) -> Reply:
    """Ask the pipeline to take the message, and say what it has answered."""
    mail = await _complete(session, transaction, message, trace)
    if isinstance(mail, Reply):
        return _refused(session, transaction, trace, mail)
    pipeline = session.door.pipeline
    answer = await (pipeline.submit(mail) if session.submission else pipeline.receive(mail))
    _tell(mail, answer, message.size)
    return replies.accepted(trace) if answer.ok else replies.of_status(answer, at_data=True)


async def _hand_over_each(session: Session, transaction: Transaction, spool: Spool, trace: str) -> bytes:
    """The same over LMTP, where each recipient has its own answer, also when all fail (RFC 2033 §4.2)."""
    try:
        message = await spool.finish()
        mail = await _complete(session, transaction, message, trace)
        if isinstance(mail, Reply):
            return _for_each(transaction, _refused(session, transaction, trace, mail))
        answers = await session.door.pipeline.receive_each(mail)
    except Exception as error:
        event(_log, "smtp.failed", logging.ERROR, trace=trace, exc_info=True)
        return _for_each(transaction, replies.of_error(error, trace))
    for answer in answers:
        _tell(mail, answer, message.size)
    return b"".join(
        (replies.accepted(trace) if answer.ok else replies.of_status(answer, at_data=True)).wire()
        for answer in answers
    )


def _for_each(transaction: Transaction, reply: Reply) -> bytes:
    return reply.wire() * len(transaction.recipients)


async def _complete(session: Session, transaction: Transaction, message: Message, trace: str) -> Mail | Reply:
    """The mail with its Received field, as the pipeline is to have it."""
    head = await _head(session, message)
    if head is None:
        return replies.HEADER_TOO_BIG
    if hops(head) > session.settings.smtp.max_hops:
        return replies.LOOP
    recipients = transaction.recipients
    field = received(
        _hop(session, transaction),
        session.settings.hostname,
        trace,
        str(recipients[0].address) if len(recipients) == 1 and recipients[0].address.domain else None,
        time.time(),
    )
    return replace(
        transaction.mail,
        trace=trace,
        recipients=tuple(recipients),
        message=message.prepend(field),
        head=head,
    )


def _tell(mail: Mail, answer: Status, size: int) -> None:
    event(
        _log,
        "smtp.accepted" if answer.ok else "smtp.message_refused",
        trace=mail.trace,
        peer=mail.peer,
        helo=mail.helo,
        tls=mail.tls,
        login=mail.authenticated,
        sender=f"<{mail.reverse_path}>",
        recipients=len(mail.recipients),
        size=size,
        answer=answer,
    )


async def _head(session: Session, message: Message) -> bytes | None:
    """The header block; None where a submission's is too long to find its every Bcc."""
    if isinstance(message.source, bytes):
        start = message.source[:MOST_HEADER]
    else:
        start = await session.door.store.run(message.head, MOST_HEADER)
    end = end_of_header(start)
    if end < 0 and session.submission and message.size > len(start):
        return None
    return start if end < 0 else start[:end]


def hops(head: bytes) -> int:
    """How many Received fields there are (RFC 5321 §6.3)."""
    head = head.lower()
    return head.count(b"\nreceived:") + head.startswith(b"received:")


def _hop(session: Session, transaction: Transaction) -> Hop:
    hide = session.submission and session.settings.smtp.hide_client_address
    return Hop(
        helo="localhost" if hide else session.name,
        extended=session.extended,
        peer=None if hide or session.conn.peer == "local" else session.conn.peer,
        tls=session.conn.tls,
        authenticated=session.login is not None,
        smtputf8=transaction.command.smtputf8,
        lmtp=session.lmtp,
    )
