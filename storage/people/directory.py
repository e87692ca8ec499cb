"""Who is at an address here: the account, list or forward that the YAML files name.

The order is: account, list, forward, alias (clashes are errors of `kwcmaild check`, and mail still goes one
way), then the same without the subaddress (`taro+shop`), then postmaster, then the domain's catch-all.

Invariants: nothing reads all files to answer for one; the file of the account that answers was stat'ed for this
answer, whatever led to it, so an alias taken out of the file is no alias any more. "Nobody" is said only when
it is sure: while a file that could say otherwise is broken without a last good content, or a domain's files
were not all looked at lately, the answer is `Broken` (temporary), for a message that bounces is lost.

A background pass (`run`) keeps the cache, in one process at a time. Each 5 s it looks whether folders have
changed, as they do under nearly every editor, and each 10 s at every file, which may have been written in place.
Where all is as when it was found in order, nothing is compared. Everything else here blocks on the disk: for
threads.
"""

import asyncio
import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from config.account import AccountFile
from config.domain import DomainFile
from config.forwards import ForwardsFile
from config.list import ListFile
from config.settings import Settings
from storage.errors import Broken
from storage.people.address import Address, AddressError, fold, names_a_file, parse, parse_domain
from storage.people.directory_cache import DirectoryCache, Name, Stamp
from storage.people.directory_files import Files, Known
from storage.people.directory_scan import files_mark, folders_mark, scan
from storage.state.statedb import open_state

logger = logging.getLogger("storage.people.directory")

PASS_EVERY = 5.0  # seconds between two passes
PASS_OLD = 15.0  # after this long without a pass a question that needs one makes it itself
READ_AT_ONCE = 200  # files that such a question may read; a larger domain is told to ask again
_BATCH = 50  # rows of one transaction of the pass
_BREATH = 0.002  # seconds that the pass leaves to the other threads after a batch
_THOROUGH_EVERY = 2  # passes, of which one looks at every file of a domain: well within PASS_OLD
_SPREAD = 1.0  # seconds over which a pass spreads its looks, so that nobody waits for all of them at once
_PAUSE = 0.02  # seconds at most between two of them

ALWAYS_SOMEBODY = frozenset({"postmaster", "abuse"})  # RFC 5321 §4.5.1, RFC 2142 §4

State = Literal["current", "last good"]
Via = Literal["account", "alias", "postmaster", "catch-all"]


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account: its canonical address, its file, and how the question led to it."""

    address: str
    file: AccountFile
    state: State
    stamp: Stamp
    via: Via = "account"
    detail: str = ""  # the subaddress, in the case in which it came

    @property
    def own_addresses(self) -> frozenset[str]:
        """What it may send from: its address, its aliases, and what its file allows besides (all folded)."""
        domain = self.address.rpartition("@")[2]
        named = (parsed for address in self.file.send_as if (parsed := _parsed(address)))
        return frozenset(
            {self.address, *(f"{alias}@{domain}" for alias in self.file.aliases), *map(str, named)}
        )

    def may_send_as(self, address: str) -> bool:
        """Is it one of its own addresses, with or without a subaddress?"""
        wanted = _parsed(address)
        if wanted is None:
            return False
        parts = wanted.without_detail()
        own = self.own_addresses
        return str(wanted) in own or (parts is not None and str(parts[0]) in own)


@dataclass(frozen=True, slots=True)
class ListEntry:
    address: str
    file: ListFile
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ForwardEntry:
    """An address that only forwards."""

    address: str
    targets: tuple[str, ...]
    state: State
    detail: str = ""


Found = AccountEntry | ListEntry | ForwardEntry | None


class _Order(NamedTuple):
    """How a domain looked when cache and files were found to say the same."""

    folders: int  # marks: what was different has another
    files: int
    rows: int  # of the cache


class Directory:
    """The directory of one process. `settings` is replaced when the configuration is read again."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self._state = settings.data / "state"
        self.cache = DirectoryCache(self._state)
        self.files = Files(settings.domains, self.cache, clock)
        self._stop = threading.Event()
        self._guard: int | None = None  # held by the one process that makes the passes
        self._passes = 0
        self._in_order: dict[str, _Order] = {}  # domains, as the last pass left them

    def close(self) -> None:
        self._stop.set()
        if self._guard is not None:
            os.close(self._guard)
            self._guard = None
        self.cache.close()

    def lookup(self, address: str) -> Found:
        """Who gets mail for an address; None if nobody here. Raises Broken."""
        try:
            wanted = parse(address)
        except AddressError:
            # RFC 5321 §4.5.1: <postmaster> needs no domain; abuse comes so from an address literal (RFC 2142 §4)
            return self._first(self.settings.operators) if fold(address) in ALWAYS_SOMEBODY else None
        if not self.is_local(wanted.domain):
            return None
        found = self._anywhere(wanted)
        if found is None and self._make_sure(wanted.domain):
            found = self._anywhere(wanted)
        return self._of_the_domain(wanted) if found is None else found

    def account(self, address: str) -> AccountEntry | None:
        """The account of exactly this canonical address. Raises Broken."""
        wanted = _parsed(address)
        return self._account(wanted) if wanted and self.is_local(wanted.domain) else None

    def known_account(self, wanted: Address) -> AccountEntry | None:
        """The account of exactly this address, if its file is in memory and unchanged: two `stat`s, so that the
        event loop may ask. None says nothing: ask `lookup`."""
        wanted = wanted.folded
        if self.files.known(Name("domain", wanted.domain)) is None:
            return None
        known = self.files.known(Name("account", wanted.domain, wanted.local))
        if known is None or not isinstance(known.content, AccountFile):
            return None
        return AccountEntry(str(wanted), known.content, "current", known.stamp)

    def known_domain(self, domain: str) -> DomainFile | None:
        """The contract of a domain of ours, likewise."""
        known = self.files.known(Name("domain", domain))
        return known.content if known is not None and isinstance(known.content, DomainFile) else None

    def is_elsewhere(self, domain: str) -> bool:
        """Whether a domain is surely none of ours: two or three `stat`s, so that the event loop may ask. False says
        nothing: ask `is_local`."""
        return self.files.absent(Name("domain", domain)) and os.path.isdir(self.settings.domains)

    def login(self, wanted: Address) -> AccountEntry | None:
        """The account that logs in under an address: its own or an alias. Raises Broken."""
        if not self.is_local(wanted.domain):
            return None
        found = self._account(wanted) or self._alias(wanted)
        if found is None and self._make_sure(wanted.domain):
            found = self._account(wanted) or self._alias(wanted)
        return found

    def domain(self, domain: str) -> DomainFile | None:
        """The contract of a domain of ours. Raises Broken."""
        known = self.files.read(Name("domain", domain))
        return known.content if known and isinstance(known.content, DomainFile) else None

    def is_local(self, domain: str) -> bool:
        """Is it a domain of ours? It is when its `domain.yaml` exists, readable or not. Raises Broken."""
        try:
            name = Name("domain", parse_domain(domain))
        except AddressError:
            return False
        if not self.files.absent(name) and self.files.look(name) is not None:
            return True
        # a file system that is not mounted must not bounce all mail
        if not os.path.isdir(self.settings.domains):
            raise Broken(f"{self.settings.domains} is missing")
        return False

    def domains(self) -> frozenset[str]:
        """All domains of ours: reads one folder, and looks for one file in each below it."""
        try:
            with os.scandir(self.settings.domains) as entries:
                names = [entry.name for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            raise Broken(f"{self.settings.domains}: {error.strerror}") from error
        return frozenset(
            name for name in names if name == fold(name) and self.files.look(Name("domain", name)) is not None
        )

    def write(self, name: Name, text: str, expected: str | None) -> None:
        """Replace a file whose digest still is `expected` (None: there must be none): what is written counts at
        once, in every process. Raises ConfigError, edit.Changed and OSError."""
        self.files.write(name, text, expected)

    # ---- how an address is resolved

    def _anywhere(self, wanted: Address) -> Found:
        """As it is written, else without its subaddress."""
        found = self._named(wanted)
        if found is None and (parts := wanted.without_detail()) is not None:
            found = self._named(parts[0], parts[1])
        return found

    def _named(self, wanted: Address, detail: str = "") -> Found:
        """What carries this local part's name itself: account, list, forward or alias."""
        folded = wanted.folded
        if (account := self._account(folded, detail=detail)) is not None:
            return account
        if names_a_file(folded.local):
            known = self.files.read(Name("list", folded.domain, folded.local))
            if known is not None and isinstance(known.content, ListFile):
                return ListEntry(str(folded), known.content, _state(known), detail)
        known = self.files.read(Name("forwards", folded.domain))
        if known is not None and isinstance(known.content, ForwardsFile):
            targets = known.content.root.get(folded.local)
            if targets is not None:
                return ForwardEntry(str(folded), targets, _state(known), detail)
        return self._alias(folded, detail)

    def _account(self, wanted: Address, via: Via = "account", detail: str = "") -> AccountEntry | None:
        if not names_a_file(wanted.local):
            return None
        known = self.files.read(Name("account", wanted.domain, wanted.local))
        if known is None or not isinstance(known.content, AccountFile):
            return None
        return AccountEntry(str(wanted), known.content, _state(known), known.stamp, via, detail)

    def _alias(self, wanted: Address, detail: str = "") -> AccountEntry | None:
        try:
            owners = self.cache.owners(wanted.domain, wanted.local)
        except sqlite3.Error as error:
            raise Broken(f"the cache of the directory cannot be read: {error}") from error
        for owner in owners:
            entry = self._account(Address(owner, wanted.domain), "alias", detail)
            if entry is not None and wanted.local in entry.file.aliases:
                return entry
        return None

    def _of_the_domain(self, wanted: Address) -> AccountEntry | None:
        """Who gets what is for nobody: postmaster's and abuse's goes to an administrator, the rest to catch-all."""
        contract = self.domain(wanted.domain)
        if contract is None:
            return None
        if fold(wanted.local).partition("+")[0] in ALWAYS_SOMEBODY:
            administrators = (*contract.administrator_addresses, *self.settings.operators)
            if (entry := self._first(administrators)) is not None:
                return entry
        catch_all = _parsed(contract.catch_all) if contract.catch_all else None
        return (
            self._account(catch_all, "catch-all") if catch_all and self.is_local(catch_all.domain) else None
        )

    def _first(self, addresses: tuple[str, ...]) -> AccountEntry | None:
        """The first account that takes mail; if none does, the first there is."""
        found: list[AccountEntry] = []
        for address in addresses:
            wanted = _parsed(address)
            if wanted is None or not self.is_local(wanted.domain):
                continue
            if (entry := self._account(wanted, "postmaster")) is not None:
                if entry.file.receive and not entry.file.suspended:
                    return entry
                found.append(entry)
        return found[0] if found else None

    def _make_sure(self, domain: str) -> bool:
        """Were all files looked at lately? Else look now; True if something may be found that was not before."""
        try:
            passed = self.cache.passed(domain)
            now = self.clock()
            if passed is not None and now - PASS_OLD <= passed <= now:
                return False
            if self.refresh(domain, READ_AT_ONCE):
                return True
        except (sqlite3.Error, OSError) as error:
            raise Broken(f"{domain}: its files cannot be looked at: {error}") from error
        raise Broken(f"{domain}: its files are being read")

    # ---- the background pass

    async def run(self) -> None:
        """Keep the cache until cancelled. One process at a time does the work, the others wait for its end."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                try:
                    await self._to_its_end(asyncio.ensure_future(asyncio.to_thread(self.make_pass)))
                except (OSError, sqlite3.Error, Broken) as error:
                    logger.warning("directory.pass", extra={"fields": {"error": str(error)}})
                await asyncio.sleep(max(PASS_EVERY / 5, PASS_EVERY - (loop.time() - began)))
        finally:
            self._stop.set()

    async def _to_its_end(self, under_way: "asyncio.Future[bool]") -> None:
        """Who is cancelled meanwhile waits too: the thread uses what is closed then. It ends soon."""
        try:
            await asyncio.shield(under_way)
        except asyncio.CancelledError:
            self._stop.set()
            await asyncio.wait([under_way])
            raise

    def make_pass(self) -> bool:
        """Look at every file, if this process holds the right to the passes or can take it."""
        if self._guard is None:
            guard = open_state(self._state / "directory.lock")
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(guard)
                return False
            self._guard = guard
        self._passes += 1
        self.refresh_all(self._passes)
        return True

    def refresh_all(self, turn: int | None = None) -> None:
        """Look at every file of every domain; with `turn`, of those whose turn it is or whose folders changed."""
        domains = self.domains()
        pause = 0.0 if turn is None else min(_PAUSE, _SPREAD / max(1, len(domains)))
        for domain in self.cache.domains() - domains:
            if self.files.look(Name("domain", domain)) is None:
                self.cache.forget_domain(domain)
        for gone in self._in_order.keys() - domains:
            del self._in_order[gone]
        for number, domain in enumerate(sorted(domains)):
            if self._stop.is_set():
                return
            try:
                if self._look_over(domain, thorough=turn is None or (number + turn) % _THOROUGH_EVERY == 0):
                    self._stop.wait(pause)
            except OSError as error:  # one domain's folder; the others go on
                fields = {"domain": domain, "error": str(error)}
                logger.warning("directory.pass", extra={"fields": fields})

    def _look_over(self, domain: str, *, thorough: bool) -> bool:
        """Bring the cache up to the files of a domain, where any is not as it was when they were found in order;
        whether every file was looked at."""
        began, known = self.clock(), self._in_order.get(domain)
        folders = folders_mark(self.settings.domains, domain)
        if known is not None and not thorough and known.folders == folders:
            return False
        files = files_mark(self.settings.domains, domain)
        if known is not None and (files, self.cache.files(domain)) == (known.files, known.rows):
            self._in_order[domain] = known._replace(folders=folders)
            self.cache.set_passed(domain, began)
            return True
        self._in_order.pop(domain, None)
        if self._refresh(domain, None) == 0:  # what came between mark and look was found to differ
            self._in_order[domain] = _Order(folders, files, self.cache.files(domain))
        return True

    def look_lately(self, domain: str) -> None:
        """Look at every file of a domain, unless that was done in the last seconds."""
        passed, now = self.cache.passed(domain), self.clock()
        if passed is None or not now - PASS_OLD <= passed <= now:
            self.refresh(domain)

    def refresh(self, domain: str, most: int | None = None) -> bool:
        """Bring the cache up to the files of one domain; False if more than `most` would have to be read."""
        return self._refresh(domain, most) is not None

    def _refresh(self, domain: str, most: int | None) -> int | None:
        """`refresh`; how many files were not as the cache had them, None where not all were looked at."""
        began = self.clock()
        kept = self.cache.stamps(domain)
        batch: list[tuple[Name, Known]] = []
        read = 0
        for kind, local, stamp in scan(self.settings.domains, domain):
            if kept.pop((kind, local), None) == stamp or (local and not _counts(local)):
                continue
            name = Name(kind, domain, local)
            if self._stop.is_set() or (most is not None and read >= most):
                self.files.save(batch)
                return None
            read += 1
            if (known := self.files.peek(name)) is not None:
                batch.append((name, known))
            if len(batch) >= _BATCH:
                self.files.save(batch)
                batch.clear()
                if most is None:
                    self._stop.wait(_BREATH)
        self.files.save(batch)
        for kind, local in kept:  # gone, or taken away and about to come back: a look settles it
            self.files.look(Name(kind, domain, local))
        self.cache.set_passed(domain, began)
        return read + len(kept)


def _counts(local: str) -> bool:
    """Can a file of this name be anybody's? (`.taro.yaml` is an editor's, `Taro.yaml` nobody's.)"""
    return names_a_file(local) and local == fold(local)


def _parsed(address: str) -> Address | None:
    try:
        return parse(address).folded
    except AddressError:
        return None


def _state(known: Known) -> State:
    return "current" if known.problem is None else "last good"
