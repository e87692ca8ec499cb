"""What DNS says, asked without blocking, remembered as long as it may be, and marked as proven or not.

A stub resolver: the name servers do the work of finding out, and of validating DNSSEC. Invariants:

- "There is no such name" and "there is no such record" are answers. A time-out, SERVFAIL, REFUSED or garbage is
  `DnsFailure`, which every caller treats as temporary: mail is never refused for it.
- `secure` is the AD bit (RFC 4035 §3.2.3) of a server that may be believed: one on this machine, or one that the
  operator has named. The path to any other is open to whoever stands on it.
- The same question in flight is asked once, whoever asks; who is cancelled leaves the others their answer.
- Memory and sockets are bounded: `most` answers are kept, the least used go first; `AT_ONCE` questions are open.
"""

import asyncio
import dataclasses
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import idna

from config.values import split_host_port
from net.dnswire import Server, ServerFailed, ask

ROUNDS = 2  # times that each server is asked
AT_ONCE = 200  # questions open at the same time, a socket each
CHAIN = 8  # CNAMEs that are followed where a server does not do it
LONGEST = 86_400  # seconds that an answer is kept, whatever its TTL
LONGEST_NOTHING = 3600  # the same for "there is none" (RFC 2308 §5)

_USABLE = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
_RESOLV_CONF = Path("/etc/resolv.conf")


class DnsFailure(Exception):
    """The answer could not be had now: temporary. The text says which question, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a name."""

    name: str  # the canonical name after CNAMEs, without a dot at its end
    records: tuple[dns.rdata.Rdata, ...]  # of the kind asked for; empty: there are none
    exists: bool  # False: NXDOMAIN
    secure: bool  # validated by DNSSEC, the whole chain of CNAMEs included
    ttl: int  # seconds for which this may still be used


class Resolver:
    """One for each process. `nameservers` as in `resolver.nameservers`; none: those of /etc/resolv.conf."""

    def __init__(
        self,
        nameservers: Sequence[str],
        *,
        timeout: float = 5.0,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = [_server(each) for each in nameservers] or _of_the_system(_RESOLV_CONF)
        self._named = bool(nameservers)
        self._timeout = timeout
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()
        self._asked: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    async def look_up(self, name: str, kind: str) -> Answer:
        """The records of a kind (`MX`, `A`, `TXT`, …) at a name. Raises DnsFailure.

        A name that DNS cannot have (a label of 64 octets, an empty one) does not exist.
        """
        key = (name.lower().rstrip("."), kind)
        kept = self._kept.get(key)
        if kept is not None:
            left = kept[0] - self._clock()
            if left > 0:
                self._kept.move_to_end(key)
                return dataclasses.replace(kept[1], ttl=int(left))
            del self._kept[key]
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._find(*key))
            task.add_done_callback(lambda done: self._found(key, done))
            self._asked[key] = task
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Ask no more; whoever waits is cancelled."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _found(self, key: tuple[str, str], task: asyncio.Task[Answer]) -> None:
        self._asked.pop(key, None)
        if task.cancelled() or task.exception() is not None:  # fetched, so that asyncio need not log it
            return
        answer = task.result()
        if answer.ttl > 0:
            self._kept[key] = (self._clock() + answer.ttl, answer)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)

    async def _find(self, name: str, kind: str) -> Answer:
        try:
            owner = dns.name.from_text(_ascii(name))
        except (dns.exception.DNSException, idna.IDNAError, UnicodeError):
            return Answer(name, (), False, False, 0)
        rdtype = dns.rdatatype.from_text(kind)
        secure, ttl = True, LONGEST
        for _ in range(CHAIN):
            message, believed = await self._ask(owner, rdtype)
            try:
                chain = message.resolve_chaining()  # type: ignore[attr-defined]
            except dns.exception.DNSException as error:
                raise DnsFailure(f"{kind} of {name}: the answer makes no sense") from error
            secure = secure and believed and bool(message.flags & dns.flags.AD)
            ttl = min(ttl, chain.minimum_ttl)
            if chain.answer is None and chain.canonical_name != owner and not _is_final(message):
                owner = chain.canonical_name
                continue
            records = tuple(chain.answer) if chain.answer is not None else ()
            return Answer(
                chain.canonical_name.to_text(omit_final_dot=True).lower(),
                records,
                message.rcode() == dns.rcode.NOERROR,
                secure,
                ttl if records else min(ttl, LONGEST_NOTHING),
            )
        raise DnsFailure(f"{kind} of {name}: more than {CHAIN} aliases one after the other")

    async def _ask(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> tuple[dns.message.Message, bool]:
        """The first usable answer of the servers, asked in turn, and whether that server may be believed."""
        tries = [server for _ in range(ROUNDS) for server in self._servers]
        refused: set[Server] = set()
        why = ""
        async with self._room:
            deadline = asyncio.get_running_loop().time() + self._timeout
            for number, server in enumerate(tries):
                if server in refused:
                    continue
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                try:
                    answer = await ask(server, name, kind, left / (len(tries) - number))
                except ServerFailed as failure:
                    why = f"{server[0]} {failure}"
                    continue
                if answer.rcode() in _USABLE:
                    return answer, self._named or _is_loopback(server[0])
                why = f"{server[0]} says {dns.rcode.to_text(answer.rcode())}"
                refused.add(server)  # it would say so again
        question = f"{dns.rdatatype.to_text(kind)} of {name.to_text(omit_final_dot=True)}"
        raise DnsFailure(f"{question}: {why or 'no answer in time'}")


def _is_final(message: dns.message.Message) -> bool:
    """Whether a chain of CNAMEs that ends in nothing really ends there (RFC 2308 §2)."""
    return message.rcode() == dns.rcode.NXDOMAIN or any(
        rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority
    )


def _ascii(name: str) -> str:
    """A name as DNS has it (RFC 5891 §5)."""
    return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")


def _server(text: str) -> Server:
    try:
        return str(ipaddress.ip_address(text)), 53
    except ValueError:
        return split_host_port(text)


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _of_the_system(path: Path) -> list[Server]:
    """The name servers of resolv.conf(5); without any, the one on this machine, as it says there."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    servers = []
    for words in map(str.split, lines):
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                ipaddress.ip_address(words[1].partition("%")[0])
            except ValueError:
                continue
            servers.append((words[1], 53))
    return servers[:3] or [("127.0.0.1", 53)]  # glibc, too, asks three at most
