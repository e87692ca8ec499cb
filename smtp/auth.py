"""STARTTLS and AUTH: who is speaking, and unheard by whom.

AUTH exists on submission listeners alone, and for passwords only under TLS (or on this machine, where the
operator allows it). A wrong password, an unknown account and a locked one are answered alike; after some
failures the connection is closed, so that guessing costs a new one.
"""

import functools
import logging

from net import sasl
from net.connection import LineTooLong
from net.log import event
from smtp import replies
from smtp.grammar import AuthCommand
from smtp.replies import Malformed, Reply
from smtp.session import Session
from storage.errors import LoginRefused, LoginUnavailable

LONGEST_RESPONSE = 12288  # octets of a line within AUTH: RFC 4954 §4

_log = logging.getLogger("smtp")


async def starttls(session: Session, _: None) -> Reply | bytes:
    """RFC 3207 §4. What was known of the client is forgotten, what it sent ahead is thrown away (§4.2)."""
    if session.conn.tls is not None:
        return replies.TLS_ALREADY
    if not session.may_start_tls or session.door.contexts is None:
        return replies.NOT_HERE
    context = session.door.contexts.context(session.listen.tls_minimum)
    session.say(replies.READY_FOR_TLS)
    await session.flush()
    await session.conn.start_tls(context, session.settings.tls.handshake_timeout)
    await session.reset()
    session.forget()
    return b""


async def auth(session: Session, command: AuthCommand) -> Reply:
    """RFC 4954 §4."""
    if not session.submission:
        return replies.NOT_HERE
    if session.login is not None:
        return replies.LOGGED_IN_ALREADY
    if session.transaction is not None:
        return replies.LOGIN_IN_TRANSACTION
    if not session.may_log_in:
        return replies.ENCRYPT_FIRST
    mechanism = sasl.offered(command.mechanism, session.settings.auth.mechanisms, session.conn.end_point)
    if mechanism is None:
        return replies.MECHANISM_UNKNOWN
    try:
        initial = None if command.initial is None else _decoded(command.initial)
        account = await sasl.converse(
            mechanism,
            initial,
            functools.partial(_ask, session),
            functools.partial(_key, session),
            functools.partial(_judge, session),
        )
    except LoginRefused:
        session.failed_logins += 1
        if session.failed_logins < session.settings.auth.max_tries:
            return replies.LOGIN_REFUSED
        event(_log, "smtp.too_many_logins", trace=session.conn.trace, peer=session.conn.peer)
        session.say(replies.LOGIN_REFUSED)
        session.over = True
        return replies.closing(session.settings.hostname, replies.TOO_MANY_LOGINS)
    except LoginUnavailable:
        return replies.LOGIN_UNAVAILABLE
    if isinstance(account, sasl.Failed):
        return replies.LOGIN_MALFORMED
    session.login = account
    return replies.LOGGED_IN


async def _ask(session: Session, challenge: bytes) -> bytes:
    """A challenge and its response, each a line of base64; `*` ends the exchange."""
    session.say(b"334 " + sasl.encode(challenge) + b"\r\n")
    await session.flush()
    try:
        line = await session.conn.readline(LONGEST_RESPONSE, session.settings.smtp.command_timeout)
    except LineTooLong:
        raise Malformed(replies.LOGIN_TOO_LONG) from None
    if not line.endswith(b"\r\n"):
        raise Malformed(replies.LINE_END)
    if line == b"*\r\n":
        raise Malformed(replies.LOGIN_CANCELLED)
    return _decoded(line[:-2])


def _decoded(line: bytes) -> bytes:
    data = sasl.decode(line)
    if data is None:
        raise Malformed(replies.LOGIN_MALFORMED)
    return data


async def _key(session: Session, login: str) -> sasl.Key:
    conn = session.conn
    return await session.door.store.logins.scram_key(login, peer=conn.peer, protocol="smtp", trace=conn.trace)


async def _judge(session: Session, given: sasl.Credentials | sasl.Proof) -> str:
    """The account that it is. Raises LoginRefused."""
    if given.authzid and given.authzid != given.login:
        raise LoginRefused("acting for another")  # RFC 4616 §2: nobody may here
    conn, logins = session.conn, session.door.store.logins
    if isinstance(given, sasl.Proof):
        return await logins.proved(
            given.login, given.key, given.right, peer=conn.peer, protocol="smtp", trace=conn.trace
        )
    return await logins.check(given.login, given.password, peer=conn.peer, protocol="smtp", trace=conn.trace)
