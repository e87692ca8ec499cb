"""The Received field that we put in front of what comes in (RFC 5321 §4.4): by whom, how, when, for whom.

Invariants: nothing of the peer's gets in but as a harmless token, so a name in EHLO can't end the field or
open a comment; `for` names somebody only where the message has one recipient, for a copy is shared by all
and must not tell of the others (RFC 5321 §7.2).
"""

import re
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

from net.layer import TlsInfo

_UNSAFE = re.compile(r"[^A-Za-z0-9._:\[\]+/-]")


@dataclass(frozen=True, slots=True)
class Hop:
    """How a message came over this connection."""

    helo: str
    extended: bool  # EHLO, not HELO
    peer: str | None  # the client's IP address; None where it is to be hidden
    tls: TlsInfo | None
    authenticated: bool
    smtputf8: bool
    lmtp: bool = False


def protocol(hop: Hop) -> str:
    """The `with` keyword: RFC 3848, and RFC 6531 §4.3 for SMTPUTF8."""
    if hop.lmtp:
        return "UTF8LMTP" if hop.smtputf8 else "LMTP"
    if not hop.extended and hop.tls is None and not hop.authenticated:
        return "SMTP"
    base = "UTF8SMTP" if hop.smtputf8 else "ESMTP"
    return base + ("S" if hop.tls else "") + ("A" if hop.authenticated else "")


def received(hop: Hop, hostname: str, trace: str, recipient: str | None, now: float) -> bytes:
    """The whole field with its CRLF. `recipient` is the only one, or None where there are more."""
    helo = _UNSAFE.sub("?", hop.helo)
    source = f"{helo} ([{_literal(hop.peer)}])" if hop.peer else helo
    tls = ""
    if hop.tls is not None:
        tls = f"\r\n\t({hop.tls.version} {hop.tls.cipher} {hop.tls.bits} bits)"
    to = f"\r\n\tfor <{recipient}>" if recipient else ""
    return (
        f"Received: from {source}\r\n\tby {hostname} (kwcmaild) with {protocol(hop)} id {trace}{tls}{to};"
        f"\r\n\t{_date(int(now))}\r\n"
    ).encode()


@lru_cache(maxsize=2)
def _date(now: int) -> str:
    """A date-time of RFC 5322 §3.3 in local time, made once a second."""
    return formatdate(now, localtime=True)


def _literal(address: str) -> str:
    """An address literal of RFC 5321 §4.1.3 without its brackets."""
    return f"IPv6:{address}" if ":" in address else address
