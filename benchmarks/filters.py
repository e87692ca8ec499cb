"""What each filter costs: messages a second and CPU with it on and off, and the pipeline's own cost.

    python -m benchmarks.filters [--messages N] [--only NAME ...]

The pipeline of one process runs here under uvloop, `AT_ONCE` messages at a time into as many mailboxes; each is
4 KB and another one, signed with RSA 2048 by a domain whose SPF and DMARC are in a name server on loopback, which
is asked once. "own" counts the pipeline with nothing behind it: what it decides is thrown away. "stored" has the
store behind it, on the disk of `--folder`. CPU is that of this process, all threads; the engines', Debian's with a
few rules of ours, is counted by itself. No SMTP is in it: `benchmarks` has that.
"""

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import uvloop

from benchmarks.mail import message
from filters.build import build
from filters.handover import Handed
from filters.mail import Mail
from filters.pipeline import Pipeline
from filters.sender_auth import sign
from filters.sender_auth.body import Wanted, hashes
from filters.spam.reading import read
from filters.spam.tokens import tokens
from net.resolver import Resolver
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.address import parse
from storage.queue.queue import Queue
from storage.state.bayes import SERVER, Bayes
from storage.status import DELIVERED
from tests.engines import engines
from tests.house import DOMAIN, House, Site
from tests.nameserver import NameServer
from tests.unit.filters.sender_auth.keys_of_tests import rsa_key, rsa_record

AT_ONCE = 20
AUTHOR = "elsewhere.test"
PEER = "192.0.2.1"
WARM = 40
OFF = "sender_auth: {enabled: false}, spam: {engine: none}"


@dataclass(frozen=True)
class Case:
    """Settings, and which engine has to run."""

    name: str
    filters: str
    engine: str = ""
    taught: bool = False


CASES = (
    Case("all off", OFF),
    Case("SPF, DKIM, DMARC", "sender_auth: {}, spam: {engine: none}"),
    Case("builtin, never taught", "sender_auth: {enabled: false}, spam: {engine: builtin}"),
    Case("builtin, taught", "sender_auth: {enabled: false}, spam: {engine: builtin}", taught=True),
    Case("spamd", "sender_auth: {enabled: false}, spam: {ENGINE}", "spamd"),
    Case("rspamd", "sender_auth: {enabled: false}, spam: {ENGINE}", "rspamd"),
    Case("clamd", OFF + ", virus: {engine: clamd, address: ENGINE}", "clamd"),
    Case("as shipped (SPF, DKIM, DMARC, builtin taught)", "spam: {engine: builtin}", taught=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=600)
    parser.add_argument(
        "--folder", type=Path, help="where the mailboxes are; a temporary folder if not given"
    )
    parser.add_argument("--only", nargs="*", default=[], help="cases whose names begin so")
    options = parser.parse_args()
    print(
        "| filters | own CPU | stored: rate | stored: CPU | engine's CPU |\n| --- | --: | --: | --: | --: |"
    )
    for case in CASES:
        if not options.only or any(case.name.startswith(each) for each in options.only):
            with tempfile.TemporaryDirectory(dir=options.folder, prefix="kwcmaild-filters-") as folder:
                print(_row(case, Path(folder), options.messages), flush=True)


def _row(case: Case, folder: Path, messages: int) -> str:
    with ExitStack() as stack:
        filters, before = case.filters, _children()
        if case.engine:
            place = folder / "engine"
            place.mkdir()
            folder.chmod(0o755)  # spamd lets go of root
            try:
                engine = stack.enter_context(getattr(engines, case.engine)(place))
            except pytest.skip.Exception as missing:
                return f"| {case.name} | {missing} | | | |"
            filters = filters.replace("ENGINE", getattr(engine, "settings", str(engine)))
        (folder / "site").mkdir()
        site = Site.make(folder / "site", filters=f"{{{filters}}}")
        daemons = _children() - before
        own, rate, cpu, engine_cpu = uvloop.run(_measured(case, site, messages, daemons))
    engine_text = f"{engine_cpu:.2f} ms" if case.engine else ""
    return f"| {case.name} | {own:.2f} ms | {rate:.0f}/s | {cpu:.2f} ms | {engine_text} |"


async def _measured(
    case: Case, site: Site, messages: int, daemons: set[int]
) -> tuple[float, float, float, float]:
    names = await _names()
    for number in range(AT_ONCE):
        (site.folder / f"domains/{DOMAIN}/accounts/user{number}.yaml").write_text("quota: 10G\n")
    house = await House(site).open()
    if case.taught:
        await asyncio.to_thread(_teach, Bayes(house.settings.data / "state", house.store.clock))
    resolver = Resolver([names.address])
    queue = Queue.of(house.store)
    pipeline = build(house.settings, house.store, queue, resolver)
    mails = [await _mail(pipeline, number) for number in range(WARM + messages)]
    take = pipeline._handover.take

    async def nothing(mail: Mail, *_: object, **__: object) -> Handed:
        return Handed([DELIVERED] * len(mail.recipients), [])

    pipeline._handover.take = nothing  # type: ignore[method-assign]
    await _all(pipeline, mails[:WARM])
    _, own = await _timed(lambda: _all(pipeline, mails[WARM:]))
    pipeline._handover.take = take  # type: ignore[method-assign]
    await _all(pipeline, mails[:WARM])
    engine_before = _cpu_of(daemons)
    wall, stored = await _timed(lambda: _all(pipeline, mails[WARM:]))
    engine = _cpu_of(daemons) - engine_before
    pipeline.close()
    queue.close()
    await resolver.close()
    await house.close()
    await names.stop()
    return own / messages * 1000, messages / wall, stored / messages * 1000, engine / messages * 1000


async def _names() -> NameServer:
    names = await NameServer().start()
    record = rsa_record().decode()
    names.put(AUTHOR, "TXT", f'"v=spf1 ip4:{PEER} -all"', ttl=86_400)
    names.put(f"_dmarc.{AUTHOR}", "TXT", '"v=DMARC1; p=reject"', ttl=86_400)
    names.put(f"r1._domainkey.{AUTHOR}", "TXT", f'"{record[:200]}" "{record[200:]}"', ttl=86_400)
    return names


async def _mail(pipeline: Pipeline, number: int) -> Mail:
    """A message of its own, signed, that has passed RCPT."""
    text = message(number)
    start, end = text.index(b"DKIM-Signature"), text.index(b"From: ")
    text = text[:start] + text[end:]
    cut = end_of_header(text)
    signer = sign.Signer(AUTHOR, "r1", rsa_key(2048))
    digest = hashes([text[cut:]], [Wanted(True)])[Wanted(True)][0]
    head = sign.dkim_signature(signer, sign.canonical(text[:cut]), digest, time.time()) + text[:cut]
    mail = Mail(f"taro{number}@{AUTHOR}", PEER, f"b.{number}", f"out.{AUTHOR}", head=head)
    found = await pipeline.recipient(mail, parse(f"user{number % AT_ONCE}@{DOMAIN}"), None)
    return replace(mail, message=Message.of(head + text[cut:]), recipients=(found,))  # type: ignore[arg-type]


async def _all(pipeline: Pipeline, mails: list[Mail]) -> None:
    waiting: Iterator[Mail] = iter(mails)

    async def some() -> None:
        for mail in waiting:
            answer = await pipeline.receive(mail)
            assert answer.ok, answer

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def _timed(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Seconds on the wall, and of CPU in this process."""
    began, before = time.perf_counter(), _own_cpu()
    await work()
    return time.perf_counter() - began, _own_cpu() - before


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _teach(bayes: Bayes) -> None:
    """A thousand mails of two kinds, some words of which are those of the measured ones."""
    chance = random.Random(5)
    vocabulary = [f"word{number}" for number in range(4000)]
    for number in range(1000):
        text = message(number, 1500) if number % 2 else b"Subject: offer\r\n\r\n"
        more = " ".join(chance.choices(vocabulary[(number % 2) * 1000 :], k=200)).encode()
        words = tokens(read(text + more + b"\r\n"))
        bayes.learn(SERVER, f"m{number}", words, spam=not number % 2)


def _children() -> set[int]:
    """All processes below this one."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(
                    Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1]
                )
            except OSError:
                continue
    found: set[int] = set()
    new = {os.getpid()}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _cpu_of(processes: set[int]) -> float:
    total = 0.0
    for each in processes | {child for child in _children() if processes}:
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    main()
