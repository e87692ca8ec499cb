"""The author of a message: the domains in its From: (RFC 5322 §3.6.2).

What breaks the grammar is read in more than one way by mail programs, so it is here too: an address in angle
brackets counts whatever stands around it, and a message whose author is unclear has several.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from storage.mime.addresses import addresses
from storage.mime.header import named, unfold

REMEMBERED = 1_000  # From fields
REMEMBERED_MOST = 500  # octets of one

_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_ANGLE = re.compile(rb"<[^<>]*@([^<>@\s]+)\s*>")


def author_domains(head: bytes) -> list[str]:
    """Each domain once, in lower case; A-labels for U-labels. Several From fields count together."""
    (authors,) = named(head, b"from")
    found = [domain for author in authors for domain in _domains(author)]
    return list(dict.fromkeys(found))


def _domains(author: bytes) -> tuple[str, ...]:
    return _known(author) if len(author) <= REMEMBERED_MOST else _read(author)


def _read(author: bytes) -> tuple[str, ...]:
    hosts = _hosts(unfold(author))
    found = (_ascii(host.decode("utf-8", "replace").strip().rstrip(".").lower()) for host in hosts)
    return tuple(domain for domain in found if domain)


_known = lru_cache(maxsize=REMEMBERED)(_read)  # who writes, writes again


def _hosts(value: bytes) -> Iterator[bytes]:
    for address in addresses(value):
        if address.mailbox is not None and address.host is not None:
            yield address.host
    for match in _ANGLE.finditer(_QUOTED.sub(b"", value)):
        yield match[1]


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
