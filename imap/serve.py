"""One client of the IMAP door, from the greeting to the end: the loop from command to tagged reply.

A command is looked up in the table, checked against the state, parsed by a pure function and run. After the run
the view says what others have changed, then comes the tagged reply: a client that has seen OK has seen all that was
known then.

Errors are caught here, each kind in one place: the client's faults (BAD), answers (NO), ends of the connection (BYE
where it can still be heard), and everything else, which is logged with the trace that the client is told.
"""

import asyncio
import logging
import time

from config.settings import Listen
from imap import capability, reader, replies
from imap.command import FREE, Asked
from imap.door import ImapDoor
from imap.framing import LINE, alone, tag_of
from imap.mailbox_name import BadName
from imap.replies import ANSWERED, Bad, No, Reply
from imap.scanner import BadSyntax, Scanner
from imap.sequence import OutOfRange
from imap.session import FLUSH, GONE, Session
from imap.state import OUTSIDE, State
from imap.table import TABLE
from net.connection import Connection, Draining, LineTooLong, Nudged, PeerGone, TimedOut
from net.log import event
from storage.errors import StoreError

MOST_BAD = 20  # bad commands in a row after which the connection is closed
TURN = 0.002  # seconds of one client's commands, sent in one breath, after which the others have their turn

_log = logging.getLogger("imap")


async def serve(door: ImapDoor, conn: Connection, listen: Listen) -> None:
    """From the greeting to the end of the connection."""
    session = Session(door, conn, listen)
    host = session.settings.hostname.encode("ascii")
    session.send(b"* OK [%b] %b IMAP ready\r\n" % (session.capabilities(), host))
    try:
        await session.flush()
        breath = 0.0  # until when it may go on; 0: it has just waited for its client
        while session.state is not State.LOGOUT:
            await _next(session)
            if not session.conn.buffered:
                breath = 0.0
            elif not breath:
                breath = time.monotonic() + TURN
            elif time.monotonic() > breath:
                await asyncio.sleep(0)
                breath = time.monotonic() + TURN
    except PeerGone:
        pass
    except Draining:
        leaving = session.leaving or Reply(b"BYE", b"The server is going down", b"UNAVAILABLE")
        session.bye(leaving.code, leaving.text)
    except TimedOut:
        session.bye(b"UNAVAILABLE", b"Nothing was heard for too long")
    except reader.Overlong:
        session.bye(b"TOOBIG", b"The literal is too big")
    finally:
        event(_log, "imap.left", trace=session.conn.trace, account=session.address or None)
        await session.step_out()


async def _next(session: Session) -> None:
    """Read one command, run it, answer it."""
    session.tag = b"*"
    try:
        incoming = await _incoming(session)
        reply = await _perform(session, incoming)
    except LineTooLong:
        reply = Reply(b"BAD", b"The line is too long", b"TOOBIG")
    except reader.Refused as error:
        session.tag = tag_of(error.text_so_far)
        reply = Reply(b"BAD", _sentence(error.text), b"TOOBIG" if error.too_big else b"")
    if reply is not ANSWERED:
        session.send(reply.line(session.tag))
    session.bad = session.bad + 1 if reply.kind == b"BAD" else 0
    if session.view is not None and session.view.mailbox.gone:
        session.bye(b"", GONE)
    elif session.bad >= MOST_BAD:
        session.bye(b"CLIENTBUG", b"Too many bad commands")
    elif session.failures >= session.settings.auth.max_tries and session.account is None:
        session.bye(b"", b"Too many failed logins")
    if session.conn.buffered and session.conn.unsent < FLUSH:
        session.write_out()  # in one piece with the answers to what came with this command
    else:
        await session.flush()


async def _incoming(session: Session) -> reader.Incoming:
    """The next command; what the client wants to be told is told while it is waited for."""
    most, line = session.most_octets, None
    if session.account is not None:  # a stranger's time is looked at before each command
        line = session.conn.line_at_hand(min(LINE, most))
        if line is not None and (text := alone(line, most)) is not None:
            return reader.Incoming(text)
    while True:
        try:
            return await reader.command(
                session.conn,
                most,
                session.patience(),
                TABLE.streams,
                session.most_discarded,
                capability.literals(session.off),
                line,
            )
        except Nudged:
            await session.tell_unasked()


async def _perform(session: Session, incoming: reader.Incoming) -> Reply:
    """Run a command; every outcome is a reply. An unread message of APPEND is thrown away on failure."""
    taken = False
    try:
        command, arguments = _read(session, incoming)
        if session.view is not None and session.is_guest:
            await session.look_again()
            if session.leaving is not None:
                raise No(b"The right to the selected mailbox was taken away", b"NOPERM")
        taken = incoming.message is not None
        reply = await command.run(session, arguments)
        if session.view is not None and session.view.moved and session.state is not State.LOGOUT:
            session.tell_updates(command.seqs is FREE, command.name.startswith("UID "))
        return reply or replies.completed(command.name)
    except BadSyntax as error:
        reply = Reply(b"BAD", _sentence(error.text))
    except (Bad, No) as error:
        reply = error.reply
    except OutOfRange:
        reply = Reply(b"BAD", b"There is no message of that number")
    except BadName:
        reply = replies.BAD_NAME
    except StoreError as error:
        reply = replies.for_error(error)
        level = logging.ERROR if reply is replies.INTERNAL else logging.DEBUG
        event(_log, "imap.refused", level, trace=session.conn.trace, why=f"{type(error).__name__}: {error}")
    except (PeerGone, TimedOut, Draining, reader.Overlong, LineTooLong):
        raise
    except Exception:
        event(_log, "imap.failed", logging.ERROR, exc_info=True, trace=session.conn.trace)
        reply = replies.internal(session.conn.trace)
        if taken:  # how much of the message was read is not known: what follows is not a command
            session.send(reply.line(session.tag))
            session.bye(b"UNAVAILABLE", b"The message could not be taken")
            return ANSWERED
    if incoming.message is not None and not taken:
        await reader.discard(session.conn, incoming.message, session.most_discarded)
    if session.state is not State.LOGOUT:
        session.tell_updates(False)
    return reply


def _read(session: Session, incoming: reader.Incoming) -> Asked:
    """What is asked, if it may be asked here and now. Raises BadSyntax and Bad."""
    text = incoming.text
    session.tag = tag_of(text)
    off = session.off
    said = text[len(session.tag) + 1 :]
    asked = TABLE.known(said) if session.tag != b"*" and incoming.message is None else None
    if asked is None:
        scanner = Scanner(text)
        command = TABLE.find(scanner)
    else:
        command = asked.command
    if command.needs in off:
        raise BadSyntax("no such command")
    if session.tag == b"*":
        raise Bad(b"The tag is too long")
    if session.state not in command.states:
        raise Bad(_wrong_state(session.state, command.states))
    if session.manner.uidonly and TABLE.by_numbers(command):
        raise Bad(b"Messages are named by UID here", b"UIDREQUIRED")  # RFC 9586 §3.1
    if asked is None:
        arguments = command.parse(scanner)
        if incoming.message is None:
            scanner.end()
            asked = TABLE.keep(said, command, arguments)
        else:
            asked = Asked(command, (arguments, incoming.message))
    if off and TABLE.refused(asked.arguments, off):
        raise BadSyntax("that is not offered here")
    if session.manner.uidonly and TABLE.names_numbers(asked.arguments):
        raise Bad(b"Messages are named by UID here", b"UIDREQUIRED")
    return asked


def _wrong_state(state: State, states: frozenset[State]) -> bytes:
    if state is State.NOT_AUTHENTICATED:
        return b"Log in first"
    return b"Already logged in" if states == OUTSIDE else b"Select a mailbox first"


def _sentence(text: str) -> bytes:
    return text[:1].upper().encode("ascii") + text[1:].encode("ascii")
