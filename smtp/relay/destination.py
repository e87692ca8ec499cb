"""Where mail for an address goes, as whom, and what the hosts there must prove.

`key` says in a word what mail shares connections and a pace; it asks nobody. `find` makes the list of hosts of it,
`approach` tells for one host its addresses and its protection; both ask DNS, and a policy's web server.

- The operator's routes come first, the first that fits; then the smarthost for all; then the domain's own MX.
- DANE comes before MTA-STS (RFC 8461 §2). A host that a policy in force does not name is passed over.
- What is not known now is temporary. Where nobody answered lately is tried last, and not left out.
"""

import hashlib
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import idna

from config.outbound import Route, Smarthost
from config.settings import Settings
from config.values import split_host_port
from net.resolver import DnsFailure, Resolver
from smtp.relay import dane, mta_sts, mx
from smtp.relay.letter import Unreachable
from smtp.relay.protection import Level, Policy, Protection, forget_contexts
from storage.status import Status

MOST_HOSTS = 10  # of a domain that are tried in one go
MOST_ADDRESSES = 10  # of a host
SHUNNED = 300.0  # seconds for which an address is tried last
MOST_SHUNNED = 10_000
MOST_KEYS = 10_000  # pairs of domains whose key is remembered

_SMARTHOST = {
    "opportunistic": Level.MAY,
    "starttls": Level.PROVEN,
    "implicit": Level.PROVEN,
    "none": Level.NONE,
}


@dataclass(frozen=True, slots=True)
class Destination:
    """The hosts that take some mail, the best first."""

    key: str
    domain: str  # whose policies count; empty for a smarthost
    hosts: tuple[str, ...]
    port: int
    helo: str
    sources: tuple[str, ...] = ()
    smarthost: Smarthost | None = None
    secure: bool = False  # DNSSEC vouches for the hosts
    sts: mta_sts.Known | None = None

    @property
    def trustworthy(self) -> bool:
        """Whether the names of the hosts are beyond doubt, as REQUIRETLS asks (RFC 8689 §4.2.1)."""
        return (
            self.smarthost is not None
            or self.secure
            or (self.sts is not None and self.sts.policy is not None)
        )

    def source(self, address: str) -> str | None:
        """Our own address for a connection to one of theirs."""
        return next((each for each in self.sources if (":" in each) == (":" in address)), None)


@dataclass(frozen=True, slots=True)
class Approach:
    """How to come to one host."""

    addresses: tuple[str, ...]
    protection: Protection
    silent: bool = False  # nobody answered lately at any of the addresses


class Destinations:
    """Routes of the configuration, MX and policies, for one process."""

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver,
        policies: mta_sts.Policies | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._policies = policies
        self._clock = clock
        self._shunned: dict[str, float] = {}
        self.settings = settings

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = settings
        self._ours = frozenset({settings.hostname, *settings.tls.names})
        self._routes = {_mark(route): route for route in settings.queue.routes}
        self._keys: dict[tuple[str, str], str] = {}  # by the domains of sender and recipient
        forget_contexts()

    def key(self, reverse_path: str, recipient_domain: str) -> str:
        """What mail from and to here shares: a domain, or a smarthost; and the route, where one fits. From any
        thread."""
        known = self._keys  # replaced with the settings: what was found by old ones goes with them
        domains = (reverse_path.rpartition("@")[2], recipient_domain)
        found = known.get(domains)
        if found is None:
            if len(known) >= MOST_KEYS:
                known.clear()
            found = known[domains] = self._key(_ascii(domains[0]), _ascii(domains[1]))
        return found

    def _key(self, sender: str, domain: str) -> str:
        for mark, route in self._routes.items():
            if _fits(route.senders, sender) and _fits(route.destinations, domain):
                where = domain if route.smarthost is None else f"smarthost {route.smarthost.address}"
                return f"{where} by route {mark}"
        smarthost = self._settings.queue.smarthost
        return domain if smarthost is None else f"smarthost {smarthost.address}"

    async def find(self, key: str) -> Destination:
        """The hosts behind a key. Raises Unreachable."""
        where, _, mark = key.partition(" by route ")
        route = self._routes.get(mark)
        helo = route.helo if route is not None and route.helo else self._settings.hostname
        sources = route.source if route is not None else ()
        if mark and route is None:
            raise Unreachable(Status("4.3.5", "the route of this mail has been changed"))
        if where.startswith("smarthost "):
            smarthost = self._settings.queue.smarthost if route is None else route.smarthost
            if smarthost is None or where != f"smarthost {smarthost.address}":
                raise Unreachable(Status("4.3.5", "the smarthost of this mail has been changed"))
            host, port = _host_port(smarthost.address)
            return Destination(key, "", (host,), port, helo, sources, smarthost)
        return await self._of_domain(key, where, helo, sources)

    async def _of_domain(self, key: str, domain: str, helo: str, sources: tuple[str, ...]) -> Destination:
        port = self._settings.queue.port
        address = mx.literal(domain)
        if address is not None:
            return Destination(key, domain, (address,), port, helo, sources)
        found = await mx.exchangers(self._resolver, domain, self._ours)
        sts = None
        if self._policies is not None and self._settings.queue.tls.mta_sts:
            sts = await self._policies.find(domain)
        return Destination(
            key, domain, found.hosts[:MOST_HOSTS], port, helo, sources, secure=found.secure, sts=sts
        )

    async def approach(self, destination: Destination, host: str) -> Approach:
        """Addresses and protection of one of the hosts. Raises Unreachable: on to the next one."""
        if "/" in host or _is_address(host):
            found = mx.Addresses((host,), host, False)
        else:
            try:
                found = await mx.addresses(self._resolver, host, self._settings.queue.families)
            except DnsFailure as failure:
                raise Unreachable(_unknown(failure)) from failure
            if not found.addresses:
                # a smarthost's name is the operator's to mend, not the sender's
                code = "5.4.4" if destination.smarthost is None else "4.4.4"
                raise Unreachable(Status(code, f"the host {host} has no address"))
        protection = await self._protection(destination, host, found)
        now = self._clock()
        shunned = {each for each in found.addresses if self._shunned.get(each, 0.0) > now}
        preferred = sorted(found.addresses, key=lambda each: each in shunned)
        return Approach(tuple(preferred[:MOST_ADDRESSES]), protection, len(shunned) == len(found.addresses))

    async def _protection(self, destination: Destination, host: str, found: mx.Addresses) -> Protection:
        tls = self._settings.queue.tls
        smarthost = destination.smarthost
        if smarthost is not None:
            return Protection(_SMARTHOST[smarthost.tls], host, implicit=smarthost.tls == "implicit")
        if tls.dane and destination.secure and found.secure:
            try:
                records = await dane.find(self._resolver, host, found.canonical, destination.port)
            except DnsFailure as failure:
                raise Unreachable(_unknown(failure)) from failure
            if records is not None:
                names = tuple(dict.fromkeys((records.base, host, found.canonical, destination.domain)))
                policy = Policy("tlsa", tuple(str(record) for record in records.records), (host,))
                level = Level.DANE if records.usable else Level.MUST
                return Protection(level, records.base, names, records.usable, policy=policy)
        sts = destination.sts.policy if destination.sts is not None else None
        if sts is None or sts.mode == "none":
            return Protection(Level.MAY, host)
        policy = Policy("sts", sts.lines, sts.mx)
        lenient = sts.mode == "testing"
        return Protection(Level.PROVEN, host, lenient=lenient, named=sts.names(host), policy=policy)

    def shun(self, address: str) -> None:
        """Nobody answered there: others first, for a while."""
        if len(self._shunned) >= MOST_SHUNNED:
            self._shunned.clear()
        self._shunned[address] = self._clock() + SHUNNED


def _unknown(failure: DnsFailure) -> Status:
    return Status("4.4.3", f"the name service does not answer: {failure}")


def _fits(patterns: Sequence[str], domain: str) -> bool:
    if not patterns:
        return True
    return any(
        domain == pattern or (pattern.startswith("*.") and domain.endswith(pattern[1:]))
        for pattern in patterns
    )


def _mark(route: Route) -> str:
    """What tells a route from others, also after the configuration was read again."""
    return hashlib.sha256(route.model_dump_json().encode()).hexdigest()[:8]


def _ascii(domain: str) -> str:
    """A domain as DNS has it; as it is where it cannot be had there."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return domain.lower()


def _host_port(address: str) -> tuple[str, int]:
    return (address, 0) if "/" in address else split_host_port(address)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
