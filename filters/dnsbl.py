"""The check `dnsbl`: what lists of bad (and good) senders in DNS say of the peer's address (RFC 5782).

All lists are asked together; each that knows the address adds its weight. From one sum on the mail is refused, from
another it is marked as spam. Refused at RCPT, so that postmaster and abuse can always be written to: whoever is
listed by mistake has to be able to say so. A list that does not answer in time has no opinion, and the log says so.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable

from config.filters import Dnsbl as Rules
from config.filters import DnsblZone
from filters.mail import Mail, Recipient, reaches_somebody
from filters.verdict import PASS, Action, Verdict
from net.networks import Networks
from net.resolver import DnsFailure, Resolver
from storage.status import Status

# What lists answer who may not ask them, or not so often; it says nothing of the address (Spamhaus and others).
NO_ANSWER = Networks(("127.255.255.0/24",))
POINTS, MOST_POINTS = (
    1.0,
    4,
)  # what a weight of one counts in the spam engine of our own, and how much at most

_log = logging.getLogger("filters")


class Dnsbl:
    """One for each process. `rules` gives those in force."""

    name = "dnsbl"

    def __init__(self, rules: Callable[[], Rules], resolver: Resolver) -> None:
        self._rules = rules
        self._resolver = resolver

    @property
    def stages(self) -> tuple[str, ...]:
        """Off where no list is named."""
        return ("recipient", "message") if self._rules().zones else ()

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        rules = self._rules()
        if reaches_somebody(rcpt):
            return PASS
        listed = await self._listed(mail, rules)
        score = sum(zone.weight for zone in listed)
        if rules.reject_at is None or not listed or score < rules.reject_at:
            return PASS
        worst = max(listed, key=lambda zone: zone.weight)
        told = Status("5.7.1", f"your address {mail.peer} is listed by {worst.zone}")
        return Verdict(Action.REJECT, told, _reason(listed, score))

    async def message(self, mail: Mail) -> Verdict:
        rules = self._rules()
        listed = await self._listed(mail, rules)
        if not listed:
            return PASS
        score = sum(zone.weight for zone in listed)
        spam = rules.quarantine_at is not None and score >= rules.quarantine_at
        points = (("DNSBL", POINTS * max(min(score, MOST_POINTS), -MOST_POINTS)),)
        action = Action.QUARANTINE if spam else Action.PASS
        return Verdict(action, reason=_reason(listed, score), points=points)

    async def _listed(self, mail: Mail, rules: Rules) -> list[DnsblZone]:
        """The lists that know the address; the resolver remembers what they said."""
        if not rules.zones or mail.peer in Networks.of(rules.skip_from):
            return []
        try:
            question = reversed_name(mail.peer)
        except ValueError:
            return []  # a Unix socket's peer
        found = await asyncio.gather(
            *(self._knows(zone, question, mail.trace, rules.timeout) for zone in rules.zones)
        )
        return [zone for zone, knows in zip(rules.zones, found, strict=True) if knows]

    async def _knows(self, zone: DnsblZone, question: str, trace: str, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._resolver.look_up(f"{question}.{zone.zone}", "A")
        except (TimeoutError, DnsFailure) as error:
            reason = str(error) or f"no answer in {seconds} s"
            fields = {"trace": trace, "zone": zone.zone, "reason": reason}
            _log.warning("dnsbl.no_answer", extra={"fields": fields})
            return False
        meant = Networks.of(zone.answers)
        addresses = [str(record.address) for record in answer.records]  # type: ignore[attr-defined]
        if any(address in NO_ANSWER for address in addresses):
            fields = {"trace": trace, "zone": zone.zone, "reason": "it does not answer this resolver"}
            _log.warning("dnsbl.no_answer", extra={"fields": fields})
        return any(address in meant and address not in NO_ANSWER for address in addresses)


def reversed_name(peer: str) -> str:
    """The address as RFC 5782 §2.1 and §2.4 turn it round. Raises ValueError."""
    address = ipaddress.ip_address(peer.partition("%")[0])
    return address.reverse_pointer.rsplit(".", 2)[0]


def _reason(listed: list[DnsblZone], score: int) -> str:
    return f"listed by {', '.join(zone.zone for zone in listed)}: {score}"
