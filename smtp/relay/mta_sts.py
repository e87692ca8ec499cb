"""MTA-STS (RFC 8461): domains that say by HTTPS which hosts take their mail, and that these must prove their names.

A policy that was fetched is kept until its max_age is over, in `<data>/state/mta_sts.sqlite` for all processes and
in memory for this one. It stays in force when the DNS record vanishes or the web server does not answer: that is
what keeps an attacker from making it go away (§10). A fetch that failed is not repeated for `PAUSE`.
"""

import asyncio
import logging
import sqlite3
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from net.log import event
from net.resolver import DnsFailure, Resolver
from smtp.relay.https import HttpsFailed, request
from storage.state.statedb import StateDb

SCRIPTS = (
    "CREATE TABLE policy (domain TEXT PRIMARY KEY, id TEXT NOT NULL, text TEXT NOT NULL, fetched INTEGER NOT NULL)"
    " WITHOUT ROWID",
)
PAUSE = 300  # seconds after a failed fetch (§3.3)
FRESH = 86_400  # seconds after which a policy is looked at again although its id is the same
MOST_AGE = 31_557_600  # §3.2
MOST_OCTETS = 64 * 1024  # §3.3
PATIENCE = 30.0  # seconds for a fetch
KEPT = 5_000  # domains that are remembered in memory

logger = logging.getLogger("smtp.relay")

Threads = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain asks of who sends to it."""

    mode: str  # enforce, testing, none
    mx: tuple[str, ...]
    max_age: int
    lines: tuple[str, ...] = ()  # as it was written, for reports

    def names(self, host: str) -> bool:
        """Whether a host is one of the domain's (§4.1): `*` stands for one label."""
        wild = "*." + host.partition(".")[2]
        return any(pattern in (host, wild) for pattern in self.mx)


@dataclass(frozen=True, slots=True)
class Known:
    """A policy as it was fetched; or, without one, that there was none to be had."""

    policy: Policy | None
    id: str
    fetched: int
    tried: float = 0.0  # when a fetch failed last
    problem: str = ""  # of that fetch, as RFC 8460 §4.3 names it

    def in_force(self, now: float) -> bool:
        return self.policy is not None and now < self.fetched + self.policy.max_age


class BadPolicy(ValueError):
    """The text is no policy."""


def parse(text: str) -> Policy:
    """§3.2. Raises BadPolicy."""
    found: dict[str, str] = {}
    mx: list[str] = []
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n")]
    for line in lines:
        key, colon, value = line.partition(":")
        if not colon:
            continue
        if key.strip() == "mx":
            mx.append(value.strip().lower().rstrip("."))
        else:
            found.setdefault(key.strip(), value.strip())
    if found.get("version") != "STSv1":
        raise BadPolicy("no version: STSv1")
    mode, age = found.get("mode", ""), found.get("max_age", "")
    if mode not in ("enforce", "testing", "none"):
        raise BadPolicy("no mode")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise BadPolicy("no max_age")
    if mode != "none" and not mx:
        raise BadPolicy("no mx")
    return Policy(mode, tuple(mx), min(int(age), MOST_AGE), tuple(line for line in lines if line)[:100])


def record_id(texts: list[str]) -> str | None:
    """The id in the TXT records at `_mta-sts` (§3.1); None: the domain has no policy, or says so badly."""
    records = [text for text in texts if text.startswith("v=STSv1;")]
    if len(records) != 1:
        return None
    for field in records[0].split(";")[1:]:
        key, _, value = field.strip().partition("=")
        if key == "id" and value.isascii() and value.isalnum() and len(value) <= 32:
            return value
    return None


class Policies:
    """The policies of all domains, for one process."""

    def __init__(
        self,
        resolver: Resolver,
        state: Path,
        threads: Threads,
        context: Callable[[], ssl.SSLContext],
        port: Callable[[], int] = lambda: 443,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._resolver = resolver
        self._db = StateDb(state / "mta_sts.sqlite", SCRIPTS)
        self._threads = threads
        self._context = context
        self._port = port
        self._clock = clock
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[Known]] = {}

    async def find(self, domain: str) -> Known:
        """What is known of a domain, its policy in force or None."""
        known = await self._remembered(domain)
        now = self._clock()
        valid = known.in_force(now)
        try:
            answer = await self._resolver.look_up(f"_mta-sts.{domain}", "TXT")
        except DnsFailure:
            published = None
        else:
            published = record_id([_text(record) for record in answer.records])
        if published is not None and now >= known.tried + PAUSE:
            if not valid or known.id != published:
                known = await asyncio.shield(self._fetch(domain, published))
            elif now > known.fetched + FRESH:
                self._fetch(domain, published)  # meanwhile the one at hand counts
        if known.in_force(now):
            return known
        return Known(None, "", 0, known.tried, known.problem if published is not None else "")

    async def close(self) -> None:
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._db.close()

    async def _remembered(self, domain: str) -> Known:
        known = self._known.get(domain)
        if known is None:
            try:
                known = await self._threads(self._stored, domain)
            except sqlite3.Error:  # it is fetched anew
                event(logger, "mta_sts.state_unread", logging.ERROR, exc_info=True, domain=domain)
                known = _NOTHING
            known = self._known.setdefault(domain, known)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return known

    def _fetch(self, domain: str, published: str) -> "asyncio.Task[Known]":
        """The fetch that is under way, or a new one."""
        task = self._fetching.get(domain)
        if task is None:
            task = asyncio.create_task(self._fetched(domain, published))
            self._fetching[domain] = task
            task.add_done_callback(lambda _: self._fetching.pop(domain, None))
        return task

    async def _fetched(self, domain: str, published: str) -> Known:
        """A new policy, or what was known before with the failure noted."""
        before = self._known.get(domain, _NOTHING)
        now = self._clock()
        try:
            answer = await request(
                self._resolver,
                self._context(),
                f"mta-sts.{domain}",
                "/.well-known/mta-sts.txt",
                port=self._port(),
                most=MOST_OCTETS,
                timeout=PATIENCE,
            )
            if answer.status != 200:
                raise HttpsFailed(f"HTTP status {answer.status}")
            if answer.content_type.partition(";")[0].strip().lower() != "text/plain":
                raise BadPolicy("it is not text/plain")
            text = answer.body.decode("utf-8", "replace")
            known = Known(parse(text), published, int(now))
        except (HttpsFailed, BadPolicy) as error:
            problem = "sts-policy-invalid" if isinstance(error, BadPolicy) else "sts-policy-fetch-error"
            if isinstance(error, HttpsFailed) and error.certificate:
                problem = "sts-webpki-invalid"
            event(logger, "mta_sts.not_fetched", logging.WARNING, domain=domain, why=str(error))
            known = Known(before.policy, before.id, before.fetched, now, problem)
        else:
            try:
                await self._threads(self._store, domain, known, text)
            except sqlite3.Error:  # this process knows it
                event(logger, "mta_sts.not_stored", logging.ERROR, exc_info=True, domain=domain)
        self._known[domain] = known
        return known

    def _stored(self, domain: str) -> Known:
        rows = self._db.query("SELECT id, text, fetched FROM policy WHERE domain = ?", (domain,))
        for published, text, fetched in rows:
            try:
                return Known(parse(text), published, fetched)
            except BadPolicy:
                break
        return _NOTHING

    def _store(self, domain: str, known: Known, text: str) -> None:
        with self._db.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO policy VALUES (?, ?, ?, ?)", (domain, known.id, text, known.fetched)
            )
            db.execute("DELETE FROM policy WHERE fetched < ?", (int(self._clock()) - MOST_AGE,))


_NOTHING = Known(None, "", 0)


def _text(record: Any) -> str:
    return b"".join(record.strings).decode("latin-1")
