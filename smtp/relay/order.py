"""MAIL and RCPT for a letter, with the parameters that the host has offered; or why it can't have the letter.

A host that lacks what a message needs (UTF-8 addresses, TLS all the way) gets nothing, and its sender hears of it.
Eight bits it gets all the same, where the operator has not said otherwise. Wishes that may be lost on the way
(RFC 3461) are passed on where the host knows them.
"""

import re

import idna

from smtp.relay.body import Content
from smtp.relay.dialogue import Offers
from storage.queue.queued import Envelope, Queued
from storage.status import Status

EIGHTBIT = Status("5.6.3", "the next server takes 7-bit mail only, and this message has other octets")
UTF8 = Status("5.6.7", "the next server takes no internationalised addresses or header fields (SMTPUTF8)")
REQUIRE_TLS = Status("5.7.30", "REQUIRETLS: the next server does not promise TLS for the rest of the way")
BAD_ADDRESS = Status("5.1.3", "the address cannot be sent")
BAD_SENDER = Status("5.1.7", "the sender's address cannot be sent")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def wire(address: str) -> bytes | None:
    """A path as MAIL and RCPT take it, the dots of its local part as they are; None where it cannot be one.

    A domain in its own script becomes ASCII where the local part is ASCII, so that any server takes it.
    """
    if address.isascii():
        return None if _CONTROL.search(address) else address.encode("ascii")
    local, _, domain = address.rpartition("@")
    if _CONTROL.search(address):
        return None
    try:
        if local.isascii():
            return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}".encode("ascii")
        return address.encode("utf-8")
    except (idna.IDNAError, UnicodeError):
        return None


def mail(
    envelope: Envelope, content: Content, utf8_recipients: bool, offers: Offers, *, eightbit_anyway: bool
) -> bytes | Status:
    """MAIL with its parameters, or what the sender is told instead. `eightbit_anyway`: octets above 127 may go to a
    host that does not offer 8BITMIME."""
    path = wire(envelope.reverse_path)
    if path is None:
        return BAD_SENDER
    words = [b"MAIL FROM:<%b>" % path]
    if offers.size is not None:
        if 0 < offers.size < content.message.size:  # RFC 1870 §6.1: no need to ask
            return Status("5.3.4", f"the next server takes at most {offers.size} octets")
        words.append(b"SIZE=%d" % content.message.size)
    if content.eightbit:
        if offers.eightbit:
            words.append(b"BODY=8BITMIME")  # RFC 6152 §2
        elif not eightbit_anyway:
            return EIGHTBIT  # RFC 6152 §3
    if utf8_recipients or not path.isascii() or (envelope.smtputf8 and content.utf8_header):
        if not offers.utf8:
            return UTF8
        words.append(b"SMTPUTF8")  # RFC 6531 §3.4
    if envelope.require_tls:
        if not offers.require_tls:
            return REQUIRE_TLS
        words.append(b"REQUIRETLS")  # RFC 8689 §4.2
    if offers.dsn:  # RFC 3461 §5.2.1
        if envelope.ret:
            words.append(b"RET=" + envelope.ret.encode("ascii", "ignore"))
        if envelope.envid:
            words.append(b"ENVID=" + envelope.envid.encode("ascii", "ignore"))
    return b" ".join(words) + b"\r\n"


def rcpt(recipient: Queued, offers: Offers) -> bytes | Status:
    """RCPT with its parameters, or what the sender is told instead."""
    path = wire(recipient.address)
    if path is None or not path:
        return BAD_ADDRESS
    if not path.isascii() and not offers.utf8:
        return UTF8
    words = [b"RCPT TO:<%b>" % path]
    if offers.dsn:
        if recipient.notify:
            words.append(b"NOTIFY=" + recipient.notify.encode("ascii", "ignore"))
        if recipient.orcpt:
            words.append(b"ORCPT=" + recipient.orcpt.encode("ascii", "ignore"))
    return b" ".join(words) + b"\r\n"
