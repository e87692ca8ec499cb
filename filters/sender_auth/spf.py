"""SPF (RFC 7208): may this address send mail with this sender?

pyspf knows the rules and is synchronous, with one hook for DNS in its module. It is run against answers that
are there already; the first that is missing is raised, looked up without blocking, and the evaluation starts
again. It is short, its look-ups are limited (RFC 7208 §4.6.4), and so are time and repetitions here.
"""

import asyncio
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import spf

from net.resolver import DnsFailure, Resolver

MOST_QUESTIONS = 120  # 10 terms, each with up to 10 names (RFC 7208 §4.6.4), and the records themselves

_DOMAIN = re.compile(r"(?=.{4,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")

Fact = tuple[tuple[str, str], Any]  # ((name, kind), value), as pyspf has it
Facts = dict[tuple[str, str], list[Fact] | None]  # None: the question could not be answered


class _Missing(Exception):
    def __init__(self, name: str, kind: str) -> None:
        self.question = (name, kind)


@dataclass(frozen=True, slots=True)
class SpfResult:
    """`result` is one of RFC 7208 §2.6; `domain` is whose record was asked, by MAIL FROM or by HELO."""

    result: str
    domain: str
    helo: bool = False  # the identity was HELO: the reverse-path is empty (RFC 7208 §2.4)
    reason: str = ""


_facts: ContextVar[Facts] = ContextVar("facts")


def _known(name: str, kind: str, _strict: Any = True, _timeout: Any = 0) -> Iterator[Fact]:
    """What pyspf asks instead of DNS."""
    facts = _facts.get()
    if (name, kind) not in facts:
        raise _Missing(name, kind)
    found = facts[name, kind]
    if found is None:
        raise spf.TempError("DNS did not answer")
    return iter(found)


spf.DNSLookup = _known


async def check(
    resolver: Resolver, peer: str, reverse_path: str, helo: str, seconds: float = 20.0
) -> SpfResult:
    """The result for a message from `peer`. `seconds` is the time for all of it. Never raises for what DNS says."""
    sender = reverse_path or f"postmaster@{helo}"
    domain = sender.rpartition("@")[2]
    facts: Facts = {}
    try:
        async with asyncio.timeout(seconds):
            if _DOMAIN.fullmatch(domain):  # the first question is known: it saves the first attempt
                facts[domain, "TXT"] = await _ask(resolver, domain, "TXT")
            result, reason = await _evaluate(resolver, peer, sender, helo, facts)
    except TimeoutError:
        result, reason = "temperror", "DNS took too long"
    return SpfResult(result, domain, not reverse_path, reason)


async def _evaluate(resolver: Resolver, peer: str, sender: str, helo: str, facts: Facts) -> tuple[str, str]:
    for _ in range(MOST_QUESTIONS):
        token = _facts.set(facts)
        try:
            result, _code, reason = spf.query(peer, sender, helo, strict=True).check()
            return str(result), str(reason)
        except _Missing as missing:
            question = missing.question
        finally:
            _facts.reset(token)
        facts[question] = await _ask(resolver, *question)
    return "permerror", "too many DNS look-ups"


async def _ask(resolver: Resolver, name: str, kind: str) -> list[Fact] | None:
    if kind not in ("A", "AAAA", "MX", "PTR", "TXT"):
        return []  # type SPF is no more (RFC 7208 §3.1)
    try:
        answer = await resolver.look_up(name, kind)
    except DnsFailure:
        return None
    return [((name, kind), _value(kind, record)) for record in answer.records]


def _value(kind: str, record: Any) -> Any:
    if kind in ("A", "AAAA"):
        return record.address
    if kind == "MX":
        return record.preference, record.exchange.to_text(omit_final_dot=True)
    if kind == "PTR":
        return record.target.to_text(omit_final_dot=True)
    return record.strings
