"""What a client may say: the table of commands, which is the index of this room, and the short ones."""

import time

from net import sasl
from smtp import grammar, replies, xclient
from smtp.auth import auth, starttls
from smtp.content import bdat, data
from smtp.envelope import mail, rcpt
from smtp.replies import Reply
from smtp.session import Command, Session, When
from smtp.xclient import ATTRIBUTES


async def helo(session: Session, name: str) -> Reply | bytes:
    """RFC 5321 §4.1.1.1. No extension is used after it."""
    await session.reset()
    session.name, session.extended = session.helo or name, False
    return replies.hello(session.settings.hostname)


async def ehlo(session: Session, name: str) -> Reply | bytes:
    """RFC 5321 §4.1.1.1: what is offered here and now. It ends a transaction, as RSET does (§4.1.4)."""
    await session.reset()
    session.name, session.extended = session.helo or name, True
    smtp = session.settings.smtp
    keywords = [
        "PIPELINING",  # RFC 2920
        f"SIZE {smtp.max_message}",  # RFC 1870
        "8BITMIME",  # RFC 6152
        "SMTPUTF8",  # RFC 6531
        "CHUNKING",  # RFC 3030 §2
        "BINARYMIME",  # RFC 3030 §3
        "DSN",  # RFC 3461
        "ENHANCEDSTATUSCODES",  # RFC 2034
    ]
    if session.conn.tls is not None:
        keywords.append("REQUIRETLS")  # RFC 8689 §2
    if session.submission and smtp.max_hold:
        latest = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + smtp.max_hold))
        keywords.append(f"FUTURERELEASE {smtp.max_hold} {latest}")  # RFC 4865 §3
    keywords.append(f"LIMITS RCPTMAX={smtp.max_recipients}")  # RFC 9422
    if session.may_xclient:
        keywords.append(f"XCLIENT {' '.join(ATTRIBUTES)}")
    if session.may_start_tls:
        keywords.append("STARTTLS")  # RFC 3207
    if session.may_log_in and session.login is None:
        keywords.append(
            f"AUTH {' '.join(sasl.told(session.settings.auth.mechanisms, session.conn.end_point))}"
        )  # RFC 4954 §3
    return replies.capabilities(session.settings.hostname, keywords)


async def lhlo(session: Session, name: str) -> Reply | bytes:
    """RFC 2033 §4.1: EHLO under another name, so that nobody takes the one protocol for the other."""
    return await ehlo(session, name)


async def rset(session: Session, _: None) -> Reply:
    await session.reset()
    return replies.OK


async def noop(session: Session, _: bytes) -> Reply:
    return replies.OK


async def help_(session: Session, _: bytes) -> Reply:
    return replies.HELP


async def vrfy(session: Session, _: bytes) -> Reply:
    """RFC 5321 §7.3: who exists is not told."""
    return replies.CANNOT_VERIFY


async def expn(session: Session, _: bytes) -> Reply:
    return replies.NOT_HERE


async def quit_(session: Session, _: None) -> Reply:
    session.over = True
    return replies.BYE


COMMANDS = (
    Command("HELO", grammar.name, helo, When.ANY),  # RFC 5321 §4.1.1.1
    Command("EHLO", grammar.name, ehlo, When.ANY),  # RFC 5321 §4.1.1.1
    Command("LHLO", grammar.name, lhlo, When.ANY),  # RFC 2033 §4.1
    Command("MAIL", grammar.mail, mail, When.GREETED),  # RFC 5321 §4.1.1.2
    Command("RCPT", grammar.rcpt, rcpt, When.TRANSACTION),  # RFC 5321 §4.1.1.3
    Command("DATA", grammar.nothing, data, When.TRANSACTION),  # RFC 5321 §4.1.1.4
    Command("BDAT", grammar.bdat, bdat, When.ANY),  # RFC 3030 §2
    Command("RSET", grammar.nothing, rset, When.ANY),  # RFC 5321 §4.1.1.5
    Command("VRFY", grammar.anything, vrfy, When.ANY),  # RFC 5321 §4.1.1.6
    Command("EXPN", grammar.anything, expn, When.ANY),  # RFC 5321 §4.1.1.7
    Command("HELP", grammar.anything, help_, When.ANY),  # RFC 5321 §4.1.1.8
    Command("NOOP", grammar.anything, noop, When.ANY),  # RFC 5321 §4.1.1.9
    Command("QUIT", grammar.nothing, quit_, When.ANY),  # RFC 5321 §4.1.1.10
    Command("STARTTLS", grammar.nothing, starttls, When.GREETED),  # RFC 3207 §4
    Command("AUTH", grammar.auth, auth, When.GREETED),  # RFC 4954 §4
    Command("XCLIENT", xclient.parse, xclient.run, When.ANY),  # RFC 5321 §2.2.2
)
SMTP = {command.name: command for command in COMMANDS if command.name != "LHLO"}
LMTP = {command.name: command for command in COMMANDS if command.name not in ("HELO", "EHLO", "XCLIENT")}
