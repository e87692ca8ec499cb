"""Which hosts take mail for a domain, in which order, at which addresses (RFC 5321 §5.1).

- What DNS does not answer now is temporary, always. What it says for sure (no such domain, a null MX) is final.
- A domain with MX records is served by those alone; one without is its own host.
- Where this server is itself among the hosts, it and all that are no better than it are dropped: what they would do
  is hand the mail back to us.
"""

import asyncio
import ipaddress
import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from net.resolver import Answer, DnsFailure, Resolver
from smtp.relay.letter import Unreachable
from storage.status import Status

KINDS = {"ipv4": "A", "ipv6": "AAAA"}


@dataclass(frozen=True, slots=True)
class Exchangers:
    """The hosts of a domain, the best first."""

    hosts: tuple[str, ...]
    secure: bool  # DNSSEC vouches for the list


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a host is. `canonical` is its name after CNAMEs; `secure`: DNSSEC vouches for all of it."""

    addresses: tuple[str, ...]
    canonical: str
    secure: bool


def literal(domain: str) -> str | None:
    """The address that an address literal means (RFC 5321 §4.1.3); None for a domain name."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    text = domain[1:-1]
    try:
        if text[:5].lower() == "ipv6:":
            return str(ipaddress.IPv6Address(text[5:]))
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise Unreachable(Status("5.1.2", f"{domain} is not an address literal")) from None


async def exchangers(
    resolver: Resolver, domain: str, ours: Collection[str], shuffle: Callable[[], float] = random.random
) -> Exchangers:
    """The hosts to try for a domain name. `ours` are the names of this server. Raises Unreachable."""
    try:
        answer = await resolver.look_up(domain, "MX")
    except DnsFailure as failure:
        raise Unreachable(Status("4.4.3", f"the name service does not answer: {failure}")) from failure
    if not answer.exists:
        raise Unreachable(Status("5.1.2", f"the domain {domain} does not exist"))
    records: Sequence[Any] = answer.records
    if not records:
        if answer.name in ours:
            raise _loop(domain)
        return Exchangers((answer.name,), answer.secure)
    found = [(record.preference, _text(record.exchange)) for record in records]
    named = [(preference, name) for preference, name in found if name]
    if not named:  # the one record is "." (RFC 7505 §3)
        raise Unreachable(Status("5.1.10", f"{domain} takes no mail (null MX)"))
    limit = min((preference for preference, name in named if name in ours), default=None)
    if limit is not None:
        named = [each for each in named if each[0] < limit]
        if not named:
            raise _loop(domain)
    named.sort(key=lambda each: (each[0], shuffle()))  # the load is spread among equals
    return Exchangers(tuple(dict.fromkeys(name for _, name in named)), answer.secure)


async def addresses(resolver: Resolver, host: str, families: Sequence[str]) -> Addresses:
    """Where a host is, in the order of `families`. Raises DnsFailure when nothing could be found out."""
    asked = [resolver.look_up(host, KINDS[family]) for family in families]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    found: list[Answer] = []
    failure: DnsFailure | None = None
    for answer in answers:
        if isinstance(answer, DnsFailure):
            failure = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found.append(answer)
    texts = [record.to_text() for answer in found for record in answer.records]
    if not texts and failure is not None:
        raise failure
    return Addresses(
        tuple(texts),
        next((answer.name for answer in found if answer.records), host),
        all(answer.secure for answer in found if answer.records) and bool(texts),
    )


def _loop(domain: str) -> Unreachable:
    return Unreachable(
        Status(
            "5.4.6", f"mail for {domain} would come back: this server is its best MX, yet does not serve it"
        )
    )


def _text(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).lower().rstrip(".")
