"""Identifiers of mailboxes and messages on the wire (RFC 8474): letters, digits, `_` and `-`, 255 at most.

A message's is its base name in the Maildir, which COPY and MOVE keep; the dots in it become `_`. Names that
other programs gave may hold anything: those are hashed.
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
