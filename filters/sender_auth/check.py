"""The check `sender_auth`: who a message from outside is from, and what its domain asks for if it is not.

SPF and the keys of DKIM and ARC are asked of DNS at the same time, bodies are hashed and keys used in a thread,
DMARC has the last word. A DNS that does not answer is never a reason to refuse: the mail is taken and marked.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import lru_cache

from config.filters import SenderAuth as Rules
from filters.mail import Mail, Recipient
from filters.sender_auth import dmarc, spf
from filters.sender_auth.author import author_domains
from filters.sender_auth.counted import evaluated
from filters.sender_auth.dmarc import DmarcResult
from filters.sender_auth.keys import Key, KeyRefused, read
from filters.sender_auth.signatures import Chain, Checked, Keys, Signed, find, verify
from filters.sender_auth.spf import SpfResult
from filters.verdict import PASS, Action, AuthResult, Verdict
from net.resolver import DnsFailure, Resolver
from storage.message import Message
from storage.mime.header import end_of_header
from storage.state.dmarc_results import DmarcResults
from storage.status import Status

REFUSED = Status("5.7.26", "the domain in From: asks to refuse mail that it does not stand behind (DMARC)")
SEVERAL_AUTHORS = Status("5.7.1", "From: must name one author, whose domain can be asked")

Run = Callable[..., Awaitable[object]]  # storage.store.Store.run


class SenderAuth:
    """One for each process. `rules` gives those in force, for the configuration may be read again."""

    name = "sender_auth"

    def __init__(
        self,
        rules: Callable[[], Rules],
        resolver: Resolver,
        run: Run,
        results: DmarcResults | None = None,  # counted there, for the reports that domains ask for
    ) -> None:
        self._rules = rules
        self._resolver = resolver
        self._run = run
        self._results = results

    @property
    def stages(self) -> tuple[str, ...]:
        return ("message",) if self._rules().enabled else ()

    async def connect(self, mail: Mail) -> Verdict:
        return PASS

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        return PASS

    async def message(self, mail: Mail) -> Verdict:
        rules = self._rules()
        if _skipped(mail.peer, rules.skip_from):
            return PASS
        signed = find(mail.head)
        sender, (checked, chain) = await asyncio.gather(
            spf.check(self._resolver, mail.peer, mail.reverse_path, mail.helo, rules.timeout),
            self._signatures(mail, signed, rules.timeout),
        )
        authors = author_domains(mail.head)
        result = await self._dmarc(authors, sender, checked, rules)
        verdict = _verdict(mail, sender, checked, chain, result, authors, rules)
        if self._results is not None and rules.reports_to(result.domain):
            counted = evaluated(mail, sender, checked, chain, result, verdict, rules)
            if counted is not None:
                self._results.note(counted)
        return verdict

    async def _signatures(self, mail: Mail, signed: Signed, seconds: float) -> tuple[list[Checked], Chain]:
        if not signed.signatures and not signed.seals:
            return [], verify(mail.head, lambda: (), signed, {})[1]
        keys = await self._keys(signed, seconds)
        return await self._run(verify, mail.head, lambda: body(mail.message), signed, keys)  # type: ignore[return-value]

    async def _keys(self, signed: Signed, seconds: float) -> Keys:
        names = sorted(signed.key_names)
        try:
            async with asyncio.timeout(seconds):
                return dict(zip(names, await asyncio.gather(*map(self._key, names)), strict=True))
        except TimeoutError:
            return {}

    async def _key(self, name: str) -> Key | KeyRefused | None:
        try:
            answer = await self._resolver.look_up(name, "TXT")
            return read([b"".join(record.strings) for record in answer.records])  # type: ignore[attr-defined]
        except DnsFailure:
            return None
        except KeyRefused as refused:
            return refused

    async def _dmarc(
        self, authors: list[str], sender: SpfResult, checked: list[Checked], rules: Rules
    ) -> DmarcResult:
        if len(authors) != 1:
            # RFC 9989 §5.3: with no author or with several DMARC can't be evaluated
            return DmarcResult("permerror" if authors else "none", comment="no single author domain")
        try:
            async with asyncio.timeout(rules.timeout):
                return await dmarc.evaluate(self._resolver, authors[0], sender, checked, rules.organization)
        except TimeoutError:
            return DmarcResult("temperror", authors[0], comment="DNS took too long")


@lru_cache(maxsize=1024)
def _skipped(peer: str, networks: tuple[str, ...]) -> bool:
    """What is no IP address is a Unix socket: a mail server of ours."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return True
    return any(address in ipaddress.ip_network(each) for each in networks)


def body(message: Message) -> Iterator[bytes]:
    """The body as it came, in pieces, without what was put in front since."""
    source = replace(message, prefix=b"", edits=())
    held, inside = b"", False
    for chunk in source.chunks():
        if inside:
            yield chunk
            continue
        held += chunk
        end = end_of_header(held)
        if end >= 0:
            inside = True
            yield held[end:]


def _verdict(
    mail: Mail,
    sender: SpfResult,
    checked: list[Checked],
    chain: Chain,
    result: DmarcResult,
    authors: list[str],
    rules: Rules,
) -> Verdict:
    results = tuple(_results(mail, sender, checked, chain, result))
    fields = (_received_spf(mail, sender),) if rules.received_spf else ()
    verdict = Verdict(results=results, fields=fields)
    if result.result == "permerror" and len(authors) > 1 and rules.dmarc_reject:
        return replace(verdict, action=Action.REJECT, status=SEVERAL_AUTHORS, reason="several author domains")
    if result.result != "fail" or result.policy == "none":
        return verdict
    if chain.result == "pass" and chain.sealer in rules.trusted_sealers:
        return replace(verdict, reason=f"DMARC fail overridden by the seal of {chain.sealer}")
    reason = f"DMARC fail of {result.domain}, which asks for {result.policy}"
    if result.policy == "reject" and rules.dmarc_reject:
        return replace(verdict, action=Action.REJECT, status=REFUSED, reason=reason)
    if rules.dmarc_quarantine:
        return replace(verdict, action=Action.QUARANTINE, reason=reason)
    return replace(verdict, reason=reason)


def _results(
    mail: Mail, sender: SpfResult, checked: list[Checked], chain: Chain, result: DmarcResult
) -> Iterator[AuthResult]:
    """In the order of RFC 8601's examples; DKIM's properties tell its signatures apart (RFC 6008)."""
    if sender.helo:
        yield AuthResult("spf", sender.result, (("smtp.helo", sender.domain),), sender.reason)
    else:
        yield AuthResult("spf", sender.result, (("smtp.mailfrom", mail.reverse_path),), sender.reason)
    if not checked:
        yield AuthResult("dkim", "none")
    for each in checked:
        tags = each.signature.tags
        properties = (
            ("header.d", each.signature.domain),
            ("header.s", tags.get(b"s", b"").decode("utf-8", "replace")),
            ("header.b", b"".join(tags.get(b"b", b"").split())[:8].decode("ascii", "replace")),
        )
        yield AuthResult("dkim", each.result, properties, each.comment)
    if chain.result != "none":
        yield AuthResult("arc", chain.result, (("header.d", chain.sealer),), chain.comment)
    policy = result.record.policy if result.record else ""
    comment = result.comment or (f"p={policy}" if policy else "")
    yield AuthResult("dmarc", result.result, (("header.from", result.domain),), comment)


def _received_spf(mail: Mail, sender: SpfResult) -> bytes:
    """RFC 7208 §9.1, with the fewest pairs."""
    word = {"softfail": "SoftFail", "temperror": "TempError", "permerror": "PermError"}
    identity = "helo" if sender.helo else "mailfrom"
    name = word.get(sender.result, sender.result.capitalize())
    who = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\' else "?" for char in sender.domain
    )
    return (
        f'Received-SPF: {name} client-ip={mail.peer}; identity={identity};\r\n\tdomain="{who}"\r\n'.encode()
    )
