"""DMARC: does the domain in From: stand behind this message, and what does it ask for if not?

RFC 9989 with its tree walk in DNS; `public_suffix` finds the organisational domain by the public suffix list, as
RFC 7489 §3.2 did. Records are read by RFC 9989 §4.7, whose policies are those of RFC 7489; `pct` is passed over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from dns.rdtypes.ANY.TXT import TXT
from publicsuffixlist import PublicSuffixList

from filters.sender_auth.signatures import Checked
from filters.sender_auth.spf import SpfResult
from net.resolver import DnsFailure, Resolver

MOST_LABELS = 8  # RFC 9989 §4.10: names of more are cut to 7 labels after the first question
Method = Literal["tree_walk", "public_suffix"]
_POLICIES = ("none", "quarantine", "reject")


@dataclass(frozen=True, slots=True)
class Record:
    """A DMARC policy record and where it was found."""

    domain: str
    policy: str  # p=: none, quarantine or reject
    subdomain_policy: str
    missing_policy: str  # np=: for subdomains that do not exist
    strict_dkim: bool
    strict_spf: bool
    psd: str  # y, n or u
    testing: bool  # t=y: the policy is one step milder
    rua: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """`result`: none, pass, fail, permerror, temperror; `policy` is what the domain asks for on a fail."""

    result: str
    domain: str = ""  # the author domain
    policy: str = "none"
    record: Record | None = None
    dkim_aligned: bool = False
    spf_aligned: bool = False
    comment: str = ""


def parse(domain: str, text: str) -> Record | None:
    """A record, or None if it is none. Unknown tags and unusable values are passed over (RFC 9989 §4.7)."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, found, value = part.partition("=")
        if found:
            tags.setdefault(name.strip().lower(), value.strip())
    if text.partition(";")[0].replace(" ", "").replace("\t", "") != "v=DMARC1":
        return None
    policy = tags.get("p", "").lower()
    if policy not in _POLICIES:
        if "p" in tags and not tags.get("rua"):
            return None
        policy = "none"  # RFC 9989 §4.7: a record with rua= counts as p=none
    below = tags.get("sp", "").lower()
    below = below if below in _POLICIES else policy
    missing = tags.get("np", "").lower()
    reports = tuple(each.strip() for each in tags.get("rua", "").split(",") if each.strip())
    return Record(
        domain,
        policy,
        below,
        missing if missing in _POLICIES else below,
        tags.get("adkim", "").lower() == "s",
        tags.get("aspf", "").lower() == "s",
        tags.get("psd", "u").lower(),
        tags.get("t", "").lower() == "y",
        reports,
    )


async def evaluate(
    resolver: Resolver, author: str, spf: SpfResult, signatures: Iterable[Checked], method: Method
) -> DmarcResult:
    """The result for the author domain. Never raises for what DNS says."""
    try:
        walked = await _walk(resolver, author)
        organisation = await organisation_of(resolver, author, method)
        record = _policy_record(walked, author, organisation)
        if record is None:
            return DmarcResult("none", author)
        spf_aligned = spf.result == "pass" and await _aligned(
            resolver, spf.domain.lower(), author, record.strict_spf, organisation, method
        )
        dkim_aligned, dkim_unknown = False, False
        for each in signatures:
            near = await _aligned(
                resolver, each.signature.domain, author, record.strict_dkim, organisation, method
            )
            dkim_aligned = dkim_aligned or (near and each.result == "pass" and not each.testing)
            dkim_unknown = dkim_unknown or (near and each.result == "temperror")
        if spf_aligned or dkim_aligned:
            return DmarcResult("pass", author, "none", record, dkim_aligned, spf_aligned)
        if dkim_unknown or spf.result == "temperror":  # RFC 9989 §5.4: it might have passed
            return DmarcResult("temperror", author, "none", record, comment="DNS did not answer")
        policy = await _asked_policy(resolver, record, author)
        return DmarcResult("fail", author, policy, record)
    except DnsFailure:
        return DmarcResult("temperror", author, comment="DNS did not answer")


async def _asked_policy(resolver: Resolver, record: Record, author: str) -> str:
    policy = record.policy
    if record.domain != author:
        exists = (await resolver.look_up(author, "A")).exists
        policy = record.subdomain_policy if exists else record.missing_policy
    if record.testing and policy != "none":  # RFC 9989 §4.7: one step below
        return "quarantine" if policy == "reject" else "none"
    return policy


def _policy_record(walked: Sequence[Record], author: str, organisation: str) -> Record | None:
    """Of the author domain, else of the organisational domain, else of the public suffix above it."""
    by_domain = {each.domain: each for each in walked}
    above = next((each for each in walked if each.psd == "y"), None)
    return by_domain.get(author) or by_domain.get(organisation) or above


async def _aligned(
    resolver: Resolver, domain: str, author: str, strict: bool, organisation: str, method: Method
) -> bool:
    """RFC 9989 §5.3.1: the same, or (relaxed) of the same organisation."""
    if domain == author:
        return True
    if strict or not domain:
        return False
    common = f".{organisation}"
    if domain != organisation and not domain.endswith(common):
        return False  # whatever its own organisation is, it lies elsewhere
    return await organisation_of(resolver, domain, method) == organisation


async def organisation_of(resolver: Resolver, domain: str, method: Method) -> str:
    """The organisational domain that a domain belongs to. Raises DnsFailure."""
    if method == "public_suffix":
        return _suffixes().privatesuffix(domain) or domain
    walked = await _walk(resolver, domain)
    for each in walked:  # from the name upwards (RFC 9989 §4.10.2)
        if each.psd == "n":
            return each.domain
        if each.psd == "y" and each.domain != domain:
            labels = domain.split(".")
            return ".".join(labels[-(each.domain.count(".") + 2) :])
    return walked[-1].domain if walked else domain


async def _walk(resolver: Resolver, domain: str) -> list[Record]:
    """The records at a name and above it, the nearest first (RFC 9989 §4.10)."""
    found = []
    for name in steps(domain):
        record = await look_up(resolver, name)
        if record is not None:
            found.append(record)
            if record.psd == "n" or (record.psd == "y" and name != domain):
                break
    return found


def steps(domain: str) -> list[str]:
    """The names asked for a domain: itself and what is above, at most eight (RFC 9989 §4.10)."""
    labels = domain.split(".")
    above = labels[1:] if len(labels) <= MOST_LABELS else labels[-(MOST_LABELS - 1) :]
    return [domain] + [".".join(above[at:]) for at in range(len(above))]


async def look_up(resolver: Resolver, domain: str) -> Record | None:
    """The DMARC record published at a name itself; several are none (RFC 9989 §4.7). Raises DnsFailure."""
    records = await records_at(resolver, f"_dmarc.{domain}", domain)
    return records[0] if len(records) == 1 else None


async def records_at(resolver: Resolver, name: str, domain: str) -> list[Record]:
    """The DMARC records at a name of DNS, said to be of `domain`. Raises DnsFailure."""
    answer = await resolver.look_up(name, "TXT")
    texts = [
        b"".join(record.strings).decode("utf-8", "replace")
        for record in cast("tuple[TXT, ...]", answer.records)
    ]
    return [record for record in (parse(domain, text) for text in texts) if record is not None]


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
