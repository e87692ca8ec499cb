"""STARTTLS, AUTHENTICATE, LOGIN: from a stranger to an account (RFC 9051 §6.2)."""

import logging

from imap.replies import ANSWERED, ERRORS, Bad, No, Reply, ok
from imap.scanner import Scanner
from imap.session import Session
from net import sasl
from net.log import event
from storage.errors import LoginRefused

MOST_RESPONSE = 8192  # octets of a SASL response in base64

_log = logging.getLogger("imap")


async def starttls(session: Session, _: None) -> Reply:
    """The tagged OK goes out in the clear; whatever came behind the command is thrown away."""
    if session.conn.tls is not None:
        raise Bad(b"TLS is active already")
    if not session.starttls_offered:
        raise No(b"STARTTLS is not offered here", b"CANNOT")
    context = session.door.contexts.context(session.listen.tls_minimum)
    session.send(ok(b"Begin TLS now").line(session.tag))
    await session.flush()
    await session.conn.start_tls(context, session.door.contexts.handshake_timeout)
    return ANSWERED


def mechanism(scanner: Scanner) -> tuple[bytes, bytes | None]:
    """The mechanism and the initial response, still in base64 (RFC 4959 §3; `=` is an empty one)."""
    scanner.space()
    mechanism = scanner.keyword()
    if scanner.at_end():
        return mechanism, None
    scanner.space()
    initial = scanner.rest()
    return mechanism, b"" if initial == b"=" else initial


async def authenticate(session: Session, asked: tuple[bytes, bytes | None]) -> Reply:
    name, initial = asked
    if initial is not None and b"SASL-IR" in session.off:
        raise Bad(b"That is not offered here")
    _passwords_only_in_private(session)
    exchange = sasl.offered(name, session.settings.auth.mechanisms, session.conn.end_point)
    if exchange is None:
        raise No(b"There is no such mechanism", b"CANNOT")
    conn = session.conn

    async def ask(challenge: bytes) -> bytes:
        line = await session.ask(sasl.encode(challenge), MOST_RESPONSE)
        if line == b"*":
            raise Bad(b"The client has cancelled the exchange")
        return _decoded(line)

    async def key(login: str) -> sasl.Key:
        return await session.store.logins.scram_key(login, peer=conn.peer, protocol="imap", trace=conn.trace)

    async def judge(given: sasl.Credentials | sasl.Proof) -> str:
        if given.authzid and given.authzid.lower() != given.login.lower():
            raise No(b"Nobody can act for another here", b"AUTHORIZATIONFAILED")
        return await _judge(session, given)

    first = None if initial is None else _decoded(initial)
    try:
        account = await sasl.converse(exchange, first, ask, key, judge)
    except LoginRefused:
        return ERRORS[LoginRefused]
    if isinstance(account, sasl.Failed):
        raise Bad(account.reason.encode("ascii", "replace"))
    return await _enter(session, account)


def parse_login(scanner: Scanner) -> tuple[bytes, bytes]:
    scanner.space()
    login = scanner.astring()
    scanner.space()
    return login, scanner.astring()


async def login(session: Session, credentials: tuple[bytes, bytes]) -> Reply:
    _passwords_only_in_private(session)
    try:
        name, password = (part.decode("utf-8") for part in credentials)
    except UnicodeDecodeError:
        session.failures += 1
        raise No(b"Login failed", b"AUTHENTICATIONFAILED") from None
    try:
        account = await _judge(session, sasl.Credentials(name, password))
    except LoginRefused:
        return ERRORS[LoginRefused]
    return await _enter(session, account)


async def unauthenticate(session: Session, _: None) -> Reply:
    """As if the client had just connected, with TLS and compression as they are (RFC 8437 §3)."""
    await session.step_out()
    return ok(b"Logged out, and still here")


def parse_compress(scanner: Scanner) -> bytes:
    scanner.space()
    return scanner.keyword()


async def compress(session: Session, mechanism: bytes) -> Reply:
    """The tagged OK still goes as it is; from then on both sides speak deflate (RFC 4978 §3)."""
    if mechanism != b"DEFLATE":
        raise Bad(b"There is no such way to compress")
    if session.conn.compressed:
        raise No(b"The connection is compressed already", b"COMPRESSIONACTIVE")
    if session.conn.buffered:
        raise Bad(b"Nothing may be sent behind COMPRESS before its answer")
    session.send(ok(b"Speak deflate now").line(session.tag))
    await session.flush()
    session.conn.compress()
    return ANSWERED


def _passwords_only_in_private(session: Session) -> None:
    if not session.passwords_taken:
        raise No(b"Passwords are taken only under TLS", b"PRIVACYREQUIRED")  # RFC 5530 §3


def _decoded(line: bytes) -> bytes:
    data = sasl.decode(line)
    if data is None:
        raise Bad(b"That is not base64, or too long")
    return data


async def _judge(session: Session, given: sasl.Credentials | sasl.Proof) -> str:
    """The account that it is. Raises LoginRefused."""
    conn, logins = session.conn, session.store.logins
    try:
        if isinstance(given, sasl.Proof):
            return await logins.proved(
                given.login, given.key, given.right, peer=conn.peer, protocol="imap", trace=conn.trace
            )
        return await logins.check(
            given.login, given.password, peer=conn.peer, protocol="imap", trace=conn.trace
        )
    except LoginRefused:
        session.failures += 1
        event(_log, "imap.login.refused", trace=conn.trace, peer=conn.peer, login=given.login)
        raise


async def _enter(session: Session, address: str) -> Reply:
    """Take one of the account's places, and open the house."""
    conn = session.conn
    slot = session.door.slots.take("imap", address, session.settings.imap.max_connections_per_account)
    if slot is None:
        event(_log, "imap.login.crowded", trace=conn.trace, peer=conn.peer, account=address)
        raise No(b"The account has too many connections", b"LIMIT")  # RFC 5530 §3
    try:
        await session.enter(address, slot)
    except BaseException:
        slot.free()
        raise
    cipher = conn.tls.version if conn.tls else None
    event(_log, "imap.login", trace=conn.trace, peer=conn.peer, account=address, tls=cipher)
    return ok(b"Logged in", session.capabilities())
