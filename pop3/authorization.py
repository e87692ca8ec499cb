"""The AUTHORIZATION state: what we can do, TLS, and whose maildrop it is (RFC 1939 §4, RFC 5034, RFC 2595)."""

from net import sasl
from pop3 import grammar, replies
from pop3.replies import Refused
from pop3.session import Session
from storage.errors import LoginRefused


async def capa(session: Session, _: None) -> None:
    """What can be used now, so that a client asks again after STLS and after logging in (RFC 2449 §5)."""
    can = [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", b"UTF8"]
    if session.maildrop is None:
        if session.tls_offered:
            can.append(b"STLS")
        if session.passwords_taken:
            can += [b"USER", b"SASL " + " ".join(_mechanisms(session)).encode()]
    can.append(b"IMPLEMENTATION kwcmaild")
    session.send(b"+OK capabilities follow\r\n" + b"".join(word + b"\r\n" for word in can) + b".\r\n")


def _mechanisms(session: Session) -> tuple[str, ...]:
    """The ways to log in on this connection."""
    return sasl.told(session.settings.auth.mechanisms, session.conn.end_point)


async def stls(session: Session, _: None) -> None:
    """Afterwards the client is a stranger again, and nothing it said before counts (RFC 2595 §4)."""
    if session.conn.tls is not None:
        raise Refused(b"TLS is active already")
    context = session.tls_context()
    if context is None:
        raise Refused(b"TLS is not offered here")
    if session.utf8:
        raise Refused(b"STLS comes before UTF8")  # RFC 6856 §2
    session.login = None
    session.send(b"+OK begin TLS negotiation\r\n")
    await session.conn.start_tls(context, session.settings.tls.handshake_timeout)


async def utf8(session: Session, _: None) -> None:
    """Messages go out as they are in either mode: their bytes are their senders'."""
    session.utf8 = True
    session.send(b"+OK UTF8 enabled\r\n")


async def user(session: Session, login: bytes) -> None:
    """Any name is welcome: whether it exists is told to nobody (RFC 1939 §7 lets us)."""
    _passwords_only_in_private(session)
    session.login = login
    session.send(b"+OK send the password\r\n")


async def password(session: Session, password: bytes) -> None:
    _passwords_only_in_private(session)
    login, session.login = session.login, None
    if login is None:
        raise Refused(b"USER comes before PASS")
    try:
        given = sasl.Credentials(login.decode("utf-8"), password.decode("utf-8"))
    except UnicodeDecodeError:
        raise LoginRefused("not UTF-8") from None
    await session.enter(await session.judge(given))


async def auth(session: Session, asked: tuple[bytes, bytes | None]) -> None:
    """The exchange of a SASL mechanism; `*` ends it (RFC 5034 §4)."""
    _passwords_only_in_private(session)
    name, initial = asked
    if not name:  # Outlook Express and others ask so what there is
        names = b"".join(mechanism.encode() + b"\r\n" for mechanism in _mechanisms(session))
        session.send(b"+OK mechanisms follow\r\n" + names + b".\r\n")
        return
    exchange = sasl.offered(name, session.settings.auth.mechanisms, session.conn.end_point)
    if exchange is None:
        raise Refused(b"no such mechanism")

    async def ask(challenge: bytes) -> bytes:
        line = await session.ask(b"+ " + sasl.encode(challenge) + b"\r\n", grammar.LINE)
        if line == b"*":
            raise Refused(b"the exchange is cancelled")
        return _decoded(line)

    async def key(login: str) -> sasl.Key:
        conn = session.conn
        return await session.store.logins.scram_key(login, peer=conn.peer, protocol="pop3", trace=conn.trace)

    async def judge(given: sasl.Credentials | sasl.Proof) -> str:
        if given.authzid and given.authzid.lower() != given.login.lower():
            raise Refused(b"[AUTH] nobody acts for another here")
        return await session.judge(given)

    first = None if initial is None else _decoded(initial)
    account = await sasl.converse(exchange, first, ask, key, judge)
    if isinstance(account, sasl.Failed):
        raise Refused(account.reason.encode("ascii"))
    await session.enter(account)


def _passwords_only_in_private(session: Session) -> None:
    if not session.passwords_taken:
        raise Refused(replies.TLS_NEEDED)


def _decoded(line: bytes) -> bytes:
    data = sasl.decode(line)
    if data is None:
        raise Refused(b"that is not base64, or too long")
    return data
