"""Where a domain's aggregate reports go: the `rua` of its record, and whether those who would get them want them
(RFC 9990 §4, RFC 7489 §6.2 and §7.1).

Anybody can write anybody's address into a record of his own. So an address of another organisation counts only if
that one's DNS says that it takes reports about the domain.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from filters.sender_auth import dmarc
from net.resolver import DnsFailure, Resolver
from storage.people.address import AddressError, parse

MOST_URIS = 5  # of one record that are looked at
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_URI = re.compile(r"mailto:([^?!]+)(?:\?[^!]*)?(?:!(\d{1,12})([kmgt]?))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Destination:
    """An address, and the largest report it takes in octets; None: any."""

    address: str
    most: int | None = None


def read(uris: tuple[str, ...]) -> list[Destination]:
    """The mail addresses among them, each once; other kinds of URI and what cannot be read are passed over."""
    found: dict[str, Destination] = {}
    for uri in uris[:MOST_URIS]:
        match = _URI.fullmatch(uri)
        if match is None:
            continue
        try:
            address = parse(unquote(match[1]))
        except AddressError:
            continue
        if str(address).isascii() and not address.domain.startswith("["):
            most = int(match[2]) * _UNITS[match[3].lower()] if match[2] else None
            found.setdefault(str(address), Destination(str(address), most))
    return list(found.values())


async def wanted(resolver: Resolver, domain: str, method: dmarc.Method) -> list[Destination]:
    """Who gets the reports about a domain, by what its DNS says now. Raises DnsFailure."""
    record = await dmarc.look_up(resolver, domain)
    if record is None:
        return []
    found: dict[str, Destination] = {}
    for each in read(record.rua):
        for agreed in await _agreed(resolver, domain, each, method):
            found.setdefault(agreed.address, agreed)
    return list(found.values())


async def _agreed(
    resolver: Resolver, domain: str, destination: Destination, method: dmarc.Method
) -> list[Destination]:
    """What an address stands for: itself within the organisation; elsewhere what its host agrees to."""
    host = destination.address.rpartition("@")[2]
    ours = await dmarc.organisation_of(resolver, domain, method)
    if (host == ours or host.endswith(f".{ours}")) and await dmarc.organisation_of(
        resolver, host, method
    ) == ours:
        return [destination]
    try:
        records = await dmarc.records_at(resolver, f"{domain}._report._dmarc.{host}", host)
    except DnsFailure:
        return []  # RFC 7489 §7.1: no report without an answer
    if not records:
        return []
    # it may name another address, at the same host
    instead = [each for record in records for each in read(record.rua)]
    return [each for each in instead if each.address.rpartition("@")[2] == host] or [destination]
