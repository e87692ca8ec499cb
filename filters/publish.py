"""What a domain publishes in DNS so that its mail arrives, is believed, and finds its server: the records, and
whether they are there.

MX (RFC 5321 §5.1), SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989), TLS reports (RFC 8460 §3), MTA-STS
(RFC 8461), and where mail programs find the server (RFC 6186, RFC 8314 §5.1, Outlook's autodiscover).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import dns.rdata

from config.domain import DomainFile
from config.settings import Settings
from filters import mta_sts
from net.resolver import DnsFailure, Resolver

State = Literal["ok", "missing", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Record:
    """A record to publish, why, and whether the domain can do without it."""

    name: str  # without a dot at the end
    kind: str
    value: str
    purpose: str
    needed: bool = True

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file; a TXT in strings of at most 255 octets (RFC 1035 §3.3.14)."""
        value = self.value
        if self.kind == "TXT":
            value = " ".join(f'"{self.value[at : at + 255]}"' for at in range(0, len(self.value), 255))
        return f"{self.name}. 3600 IN {self.kind} {value}"


@dataclass(frozen=True, slots=True)
class Found:
    """What DNS has for a record, and what to do about it."""

    record: Record
    state: State
    there: tuple[str, ...] = ()  # the values found, where they differ
    advice: str = ""


def records(
    settings: Settings, domain: str, keys: Sequence[tuple[str, str]], contract: DomainFile | None = None
) -> list[Record]:
    """Everything to publish for a domain; `keys` are pairs of a DKIM key's name and its record, `contract` is what
    its own file says."""
    host = settings.hostname
    made = [
        Record(domain, "MX", f"10 {host}.", "where mail for the domain goes"),
        Record(domain, "TXT", "v=spf1 mx -all", "SPF: which servers send the domain's mail"),
        *(Record(name, "TXT", record, "DKIM: the key that signs the domain's mail") for name, record in keys),
        Record(
            f"_dmarc.{domain}",
            "TXT",
            f"v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}",
            "DMARC: what others shall do with mail that only pretends to be the domain's",
        ),
        Record(
            f"_smtp._tls.{domain}",
            "TXT",
            f"v=TLSRPTv1; rua=mailto:postmaster@{domain}",
            "where others report failures of TLS",
            needed=False,
        ),
    ]
    made += _mta_sts(settings, domain, contract or DomainFile())
    for service, port in (("imaps", 993), ("pop3s", 995), ("submissions", 465), ("autodiscover", 443)):
        made.append(
            Record(
                f"_{service}._tcp.{domain}",
                "SRV",
                f"0 1 {port} {host}.",
                "mail programs find the server",
                False,
            )
        )
    made.append(Record(f"autoconfig.{domain}", "CNAME", f"{host}.", "Thunderbird finds the server", False))
    return made


def _mta_sts(settings: Settings, domain: str, contract: DomainFile) -> list[Record]:
    """The record, and the name of the web server that has the policy; that one has to be there first."""
    policy = mta_sts.policy(settings, contract)
    if not policy:
        return []
    web = f"{mta_sts.PREFIX}{domain}"
    return [
        Record(web, "CNAME", f"{settings.hostname}.", "where the MTA-STS policy is served", needed=False),
        Record(
            f"_mta-sts.{domain}",
            "TXT",
            mta_sts.record(policy),
            "MTA-STS: that others shall send to the domain over TLS",
            needed=False,
        ),
    ]


async def look(resolver: Resolver, wanted: Sequence[Record]) -> list[Found]:
    """What is really there, record by record, asked all at once. Never raises for what DNS says."""
    return list(await asyncio.gather(*(_look(resolver, record) for record in wanted)))


async def _look(resolver: Resolver, record: Record) -> Found:
    try:
        answer = await resolver.look_up(record.name, record.kind)
    except DnsFailure as failure:
        return Found(record, "unknown", advice=f"DNS did not answer: {failure}")
    there = tuple(sorted(_text(each) for each in answer.records))
    judge = _JUDGES.get(_subject(record), _same)
    return judge(record, there)


def _subject(record: Record) -> str:
    if record.kind != "TXT":
        return record.kind
    return record.value.partition(";")[0].partition(" ")[0]


def _text(rdata: dns.rdata.Rdata) -> str:
    strings = getattr(rdata, "strings", None)
    return rdata.to_text() if strings is None else b"".join(strings).decode("utf-8", "replace")


def _same(record: Record, there: tuple[str, ...]) -> Found:
    if record.value.lower() in [each.lower() for each in there]:
        return Found(record, "ok")
    if not there:
        return Found(record, "missing", advice=f"publish: {record.zone_line}")
    return Found(record, "wrong", there, f"change it to: {record.zone_line}")


def _mx(record: Record, there: tuple[str, ...]) -> Found:
    hosts = [each.split()[-1].lower() for each in there]
    if record.value.split()[-1].lower() not in hosts:
        return _same(record, there)
    if len(hosts) > 1:
        return Found(record, "ok", there, "other hosts take the domain's mail too: are they meant to?")
    return Found(record, "ok")


def _one_of_its_kind(
    version: str, needs: Callable[[str, Record], str]
) -> Callable[[Record, tuple[str, ...]], Found]:
    """For records of which a name may have one, and whose text may differ from ours as long as it serves."""

    def judge(record: Record, there: tuple[str, ...]) -> Found:
        mine = tuple(each for each in there if each.replace(" ", "").lower().startswith(version.lower()))
        if not mine:
            return Found(record, "missing", advice=f"publish: {record.zone_line}")
        if len(mine) > 1:
            return Found(record, "wrong", mine, "there may be only one such record: delete the others")
        fault = needs(mine[0], record)
        return Found(record, "wrong" if fault else "ok", mine if fault else (), fault)

    return judge


def _spf_fault(text: str, record: Record) -> str:
    terms = text.lower().split()
    if not any(
        term.lstrip("+").partition(":")[0].partition("/")[0] in ("mx", "a", "ip4", "ip6", "include")
        for term in terms
    ):
        return "no server is allowed to send: add mx"
    if any(term in ("+all", "all") for term in terms):
        return "it lets everybody send in the domain's name: end it with -all"
    if not any(term.endswith("all") or term.startswith("redirect=") for term in terms):
        return "it does not say what holds for other servers: end it with -all"
    return ""


def _dmarc_fault(text: str, record: Record) -> str:
    tags = dict(part.strip().lower().split("=", 1) for part in text.split(";") if "=" in part)
    if tags.get("p", "").strip() not in ("none", "quarantine", "reject"):
        return "p= must be none, quarantine or reject"
    return ""


def _dkim_fault(text: str, record: Record) -> str:
    if _key_of(text) == _key_of(record.value):
        return ""
    return f"another key than the one that signs: change it to {record.zone_line}"


def _key_of(text: str) -> str:
    return "".join(text.partition("p=")[2].partition(";")[0].split())


def _mta_sts_fault(text: str, record: Record) -> str:
    if "".join(text.split()).rstrip(";") == "".join(record.value.split()).rstrip(";"):
        return ""
    return f"the policy has changed, and its id has to: change it to {record.zone_line}"


def _no_fault(text: str, record: Record) -> str:
    return ""


_JUDGES = {
    "MX": _mx,
    "v=spf1": _one_of_its_kind("v=spf1", _spf_fault),
    "v=DKIM1": _one_of_its_kind("v=DKIM1", _dkim_fault),
    "v=DMARC1": _one_of_its_kind("v=DMARC1", _dmarc_fault),
    "v=TLSRPTv1": _one_of_its_kind("v=TLSRPTv1", _no_fault),
    "v=STSv1": _one_of_its_kind("v=STSv1", _mta_sts_fault),
}
