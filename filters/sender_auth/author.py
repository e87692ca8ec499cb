"""The author of a message: the domains in its From: (RFC 5322 §3.6.2).

What breaks the grammar is read in more than one way by mail programs, so it is here too: an address in angle
brackets counts whatever stands around it, and a message whose author is unclear has several.
"""

import re
from collections.abc import Iterator

from storage.addresses import addresses
from storage.header import named, unfold

_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_ANGLE = re.compile(rb"<[^<>]*@([^<>@\s]+)\s*>")


def author_domains(head: bytes) -> list[str]:
    """Each domain once, in lower case; A-labels for U-labels. Several From fields count together."""
    found: list[str] = []
    (authors,) = named(head, b"from")
    for author in authors:
        for host in _hosts(unfold(author)):
            domain = _ascii(host.decode("utf-8", "replace").strip().rstrip(".").lower())
            if domain and domain not in found:
                found.append(domain)
    return found


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
