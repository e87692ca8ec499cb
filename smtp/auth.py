"""STARTTLS and AUTH: who is speaking, and unheard by whom.

AUTH exists on submission listeners alone, and for passwords only under TLS (or on this machine, where the
operator allows it). A wrong password, an unknown account and a locked one are answered alike; after some
failures the connection is closed, so that guessing costs a new one.
"""

import logging

from net import sasl
from net.connection import LineTooLong
from net.log import event
from smtp import replies
from smtp.grammar import AuthCommand
from smtp.replies import Reply
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
    session.name, session.extended, session.login = "", False, None
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
    mechanism = sasl.MECHANISMS.get(command.mechanism)
    if mechanism is None:
        return replies.MECHANISM_UNKNOWN
    answer = await _exchange(session, mechanism(), command.initial)
    if isinstance(answer, Reply):
        return answer
    return await _judge(session, answer)


async def _exchange(
    session: Session, mechanism: sasl.Plain | sasl.Login, initial: bytes | None
) -> sasl.Credentials | Reply:
    """Challenges and responses, each a line of base64; `*` ends the exchange."""
    response = None
    if initial is not None and (response := sasl.decode(initial)) is None:
        return replies.LOGIN_MALFORMED
    step = mechanism.start(response)
    while isinstance(step, sasl.Challenge):
        session.say(b"334 " + sasl.encode(step.data) + b"\r\n")
        await session.flush()
        try:
            line = await session.conn.readline(LONGEST_RESPONSE, session.settings.smtp.command_timeout)
        except LineTooLong:
            return replies.LOGIN_TOO_LONG
        if not line.endswith(b"\r\n"):
            return replies.LINE_END
        if line == b"*\r\n":
            return replies.LOGIN_CANCELLED
        decoded = sasl.decode(line[:-2])
        if decoded is None:
            return replies.LOGIN_MALFORMED
        step = mechanism.feed(decoded)
    return step if isinstance(step, sasl.Credentials) else replies.LOGIN_MALFORMED


async def _judge(session: Session, credentials: sasl.Credentials) -> Reply:
    try:
        if credentials.authzid and credentials.authzid != credentials.login:
            raise LoginRefused("acting for another")  # RFC 4616 §2: nobody may here
        session.login = await session.door.store.logins.check(
            credentials.login,
            credentials.password,
            peer=session.conn.peer,
            protocol="smtp",
            trace=session.conn.trace,
        )
    except LoginRefused:
        session.failed_logins += 1
        if session.failed_logins < session.settings.auth.max_tries:
            return replies.LOGIN_REFUSED
        event(_log, "smtp.too_many_logins", trace=session.conn.trace, peer=session.conn.peer)
        session.say(replies.LOGIN_REFUSED)
        session.over = True
        return replies.closing("4.7.0", session.settings.hostname, "too many failed logins")
    except LoginUnavailable:
        return replies.LOGIN_UNAVAILABLE
    return replies.LOGGED_IN
