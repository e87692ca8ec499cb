"""XCLIENT: a proxy or mail server that was named says on whose behalf it speaks (Postfix's XCLIENT_README).

Only addresses in the listener's `xclient_from` hear of it and may use it: whoever may say who the client is may be
anybody, and with LOGIN any account. After it the session begins anew, with a greeting. A name that is not known to
us is an error, because the proxy was told in EHLO which ones are.
"""

import ipaddress
import logging
from collections.abc import Mapping

from net.log import event
from smtp import replies
from smtp.parameters import unxtext
from smtp.replies import Malformed, Reply
from smtp.session import Session
from storage.people.address import login_address
from storage.store import Store

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT")
NOT_KNOWN = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
LONGEST = 255  # octets of a value

_log = logging.getLogger("smtp")


def parse(rest: bytes) -> Mapping[str, str]:
    """`NAME=value …`, each value in xtext; those that the proxy does not know are left out."""
    given: dict[str, str] = {}
    seen: set[str] = set()
    for word in rest.split():
        name, equals, value = word.partition(b"=")
        meant, key = unxtext(value), name.decode("ascii", "replace").upper()
        if not equals or not meant or len(meant) > LONGEST or key not in ATTRIBUTES or key in seen:
            raise Malformed(replies.SYNTAX)
        text = meant.decode("ascii", "replace")
        if not text.isprintable():
            raise Malformed(replies.SYNTAX)
        seen.add(key)
        if text.upper() not in NOT_KNOWN:
            given[key] = _checked(key, text)
    if not seen:
        raise Malformed(replies.SYNTAX)
    return given


def _checked(key: str, text: str) -> str:
    if key in ("ADDR", "DESTADDR"):
        bare = text[5:] if text[:5].upper() == "IPV6:" else text
        try:
            return str(ipaddress.ip_address(bare))
        except ValueError:
            raise Malformed(replies.SYNTAX) from None
    number = text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535
    if key in ("PORT", "DESTPORT") and not number:
        raise Malformed(replies.SYNTAX)
    if key == "PROTO" and text.upper() not in ("SMTP", "ESMTP"):
        raise Malformed(replies.SYNTAX)
    if key in ("HELO", "NAME") and " " in text:
        raise Malformed(replies.SYNTAX)
    return text


async def run(session: Session, given: Mapping[str, str]) -> Reply | bytes:
    if not session.may_xclient:
        return replies.XCLIENT_REFUSED
    if session.transaction is not None:
        return replies.XCLIENT_LATE
    login = None
    if "LOGIN" in given:
        wanted = given["LOGIN"], session.settings.default_domain
        login = await session.door.store.run(_account, session.door.store, *wanted)
        if login is None or not session.submission:
            return replies.XCLIENT_LOGIN
    conn = session.conn
    proxy = conn.peer
    if not conn.speak_for(given.get("ADDR", proxy), int(given.get("PORT", conn.peer_port))):
        session.over = True
        return session.door.crowded
    conn.local = given.get("DESTADDR", conn.local)
    conn.local_port = int(given.get("DESTPORT", conn.local_port))
    session.forget()
    if not session.within_limits():
        return b""
    session.helo = given.get("HELO", session.helo)
    session.login = login
    event(_log, "smtp.xclient", trace=conn.trace, proxy=proxy, peer=conn.peer, login=login)
    return replies.greeting(session.settings.hostname)


def _account(store: Store, login: str, default_domain: str | None) -> str | None:
    """The account that logs in under a name. Blocks on the disk; raises Broken."""
    wanted = login_address(login, default_domain)
    entry = store.directory.login(wanted) if wanted is not None else None
    return None if entry is None or entry.file.suspended else entry.address
