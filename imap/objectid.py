"""Identifiers of mailboxes and messages on the wire (RFC 8474): letters, digits, `_` and `-`, 255 at most.

A message's is its base name in the Maildir, which COPY and MOVE keep; the dots in it become `_`. Names that
other programs gave may hold anything: those are hashed.

A thread's is made of the message that began it, as its members name it: the oldest of References, else what a
message answers to, else itself. So it is a function of what a message says, which never changes: an answer that
comes before what it answers, a copy, a lost index, all give the same one (RFC 8474 §5.2). An answer without
References, to an answer, begins a thread of its own.
"""

import hashlib
import re

_OBJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")


def object_id(name: str) -> bytes:
    """The identifier for one of the store's names; the same name has always the same."""
    plain = name.replace(".", "_")
    if _OBJECT_ID.fullmatch(plain):
        return plain.encode("ascii")
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=20)
    return b"x-" + digest.hexdigest().encode("ascii")


def thread_id(links: str, base: str) -> bytes:
    """THREADID of the message with these identifiers (`storage.mime.head.Head.links`) and that base name."""
    own, *above = links.split(" ", 2)
    first = above[0] if above else own if own != "-" else base
    return b"T" + hashlib.blake2b(
        first.encode("utf-8", "surrogateescape"), digest_size=12
    ).hexdigest().encode("ascii")
