"""Is this the owner of the account? One answer for all doors: the account's canonical address, or a refusal.

Wrong password, unknown account, account without a password, suspended, locked: the peer hears and times the
same. Only what is temporary (a broken file, too many checks waiting) is told apart, so that a mail program
does not ask its owner for a new password.

A right password is remembered in memory as an HMAC under a key that only this process has, over address,
password, stored hash and the file's stamp: so it is forgotten with any change of the file. At most two hashes
are computed at once, in threads of their own: a flood of guesses costs two cores at most and starves nobody
of store threads. What is written down about failures stands in `storage.people.lockout`.
"""

import asyncio
import hmac
import logging
import secrets
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, TypeVar

from config.account import PlainPassword
from config.settings import Settings
from storage.errors import Broken, LoginRefused, LoginUnavailable
from storage.people import brought, passwords
from storage.people.address import fold, login_address
from storage.people.directory import AccountEntry, Directory
from storage.people.directory_cache import Name
from storage.people.lockout import Lock, Lockout

logger = logging.getLogger("storage.people.logins")

CHECKS_AT_ONCE = 2
MOST_WAITING = 200  # checks that wait for one of them: five seconds' work
MOST_REMEMBERED = 20_000  # 32 bytes each and their book-keeping: 4 MB
MOST_LOGIN = 320  # characters of a login name that are looked at

T = TypeVar("T")


class Run(Protocol):
    """One hop to a store thread: `Store.run`."""

    def __call__(self, fn: Callable[..., T], *args: Any) -> Awaitable[T]: ...


class _Asked(NamedTuple):
    account: str  # what failures are counted under, whether it exists or not
    entry: AccountEntry | None
    lock: Lock | None
    written: bool  # a success now is written down already


class Logins:
    """The logins of one process."""

    def __init__(
        self, settings: Settings, directory: Directory, run: Run, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._run = run
        self._clock = clock
        self._lockout = Lockout(settings.data / "state", settings.auth, clock)
        self._threads = ThreadPoolExecutor(CHECKS_AT_ONCE, "password")
        self._gate = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._waiting = 0
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()  # mark → until
        self.told: Callable[[str, str], None] = _nobody  # hears of each attempt its protocol and how it ended
        self.locked: Callable[[str], None] = _nobody  # and of each new lock of what kind it is
        self._cost = 0.03  # seconds that a check took last: what a refusal without one takes too

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        """The configuration was read again."""
        self._settings = settings
        self._lockout.limits = settings.auth

    @property
    def lockout(self) -> Lockout:
        """Who is locked, and from where accounts logged in. Blocks on the disk."""
        return self._lockout

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._lockout.close()

    async def check(
        self, login: str, password: str, *, peer: str, protocol: str, trace: str, apps: bool = True
    ) -> str:
        """The canonical address of the account. Without `apps` an app password is a wrong one: it is for a
        program's mail, not for changing the account. Raises LoginRefused, LoginUnavailable."""
        log = {"login": login[:MOST_LOGIN], "peer": peer, "protocol": protocol, "trace": trace}
        try:
            asked = await self._run(self._ask, login[:MOST_LOGIN], peer, protocol)
        except (Broken, OSError) as error:
            self._log(logging.ERROR, "login.unavailable", log, reason=str(error))
            raise LoginUnavailable(str(error)) from error
        if asked.lock is not None:
            await self._refuse_locked(asked, asked.lock, log)
        if not await self._right(asked, password, peer, log, apps):
            raise LoginRefused("wrong password" if asked.entry else "no such account")
        return await self._enter(asked, peer, protocol, log)

    async def _enter(self, asked: _Asked, peer: str, protocol: str, log: dict[str, str]) -> str:
        """It is the owner: may the account be entered at all?"""
        if asked.entry is None or asked.entry.file.suspended:
            self._log(logging.WARNING, "login.suspended", log, account=asked.account)
            raise LoginRefused("suspended")
        await self._succeeded(asked, peer, protocol, log)
        return asked.entry.address

    async def scram_key(self, login: str, *, peer: str, protocol: str, trace: str) -> passwords.ScramKey:
        """What SCRAM needs to know of whoever this is; nobody's looks like anybody's. Raises LoginUnavailable."""
        log = {"login": login[:MOST_LOGIN], "peer": peer, "protocol": protocol, "trace": trace}
        try:
            return await self._run(self._scram_key, login[:MOST_LOGIN])
        except (Broken, OSError, sqlite3.Error) as error:
            self._log(logging.ERROR, "login.unavailable", log, reason=str(error))
            raise LoginUnavailable(str(error)) from error

    async def proved(
        self, login: str, key: object, right: bool, *, peer: str, protocol: str, trace: str
    ) -> str:
        """The canonical address of the account whose `scram_key` was proved to be known, or not.

        A wrong proof counts as a wrong password does; but two of the same wrong password can't be told to be the
        same, for no password was seen. Raises LoginRefused, LoginUnavailable."""
        log = {"login": login[:MOST_LOGIN], "peer": peer, "protocol": protocol, "trace": trace}
        if self._waiting >= MOST_WAITING:
            self._log(logging.ERROR, "login.unavailable", log, reason="too many checks are waiting")
            raise LoginUnavailable("too many checks are waiting")
        self._waiting += 1
        try:
            async with (
                self._gate
            ):  # of guesses sent at once each is counted before the next but one is judged
                try:
                    asked = await self._run(self._ask, login[:MOST_LOGIN], peer, protocol)
                except (Broken, OSError) as error:
                    self._log(logging.ERROR, "login.unavailable", log, reason=str(error))
                    raise LoginUnavailable(str(error)) from error
                known = asked.lock is None and right and _scram(asked.entry) == key
                if asked.lock is None and not known:
                    await self._failed(asked.account, peer, secrets.token_hex(16), log)
        finally:
            self._waiting -= 1
        if asked.lock is not None:
            await self._refuse_locked(asked, asked.lock, log)
        if not known:
            raise LoginRefused("wrong proof" if asked.entry else "no such account")
        return await self._enter(asked, peer, protocol, log)

    def _scram_key(self, login: str) -> passwords.ScramKey:
        wanted = login_address(login, self._settings.default_domain)
        entry = self._directory.login(wanted) if wanted else None
        account = entry.address if entry else str(wanted) if wanted else _countable(login)
        return _scram(entry) or passwords.no_scram_key(self._lockout.salt(account))

    def _ask(self, login: str, peer: str, protocol: str) -> _Asked:
        """Everything that needs the disk before a password is looked at, in one hop."""
        wanted = login_address(login, self._settings.default_domain)
        entry = self._directory.login(wanted) if wanted else None
        account = entry.address if entry else str(wanted) if wanted else _countable(login)
        try:
            lock = self._lockout.locked(account, peer)
            written = self._lockout.remembers(account, peer, protocol)
        except sqlite3.Error as error:
            # Mail goes on without its counts; two checks at once remain as a bound.
            self._log(logging.ERROR, "login.state", {}, reason=str(error))
            lock, written = None, False
        return _Asked(account, entry, lock, written)

    async def _refuse_locked(self, asked: _Asked, lock: Lock, log: dict[str, str]) -> None:
        self._log(logging.WARNING, "login.locked", log, account=asked.account, lock=lock.kind)
        await asyncio.sleep(self._cost)
        raise LoginRefused("locked")

    async def _right(self, asked: _Asked, password: str, peer: str, log: dict[str, str], apps: bool) -> bool:
        """Whether it is the password; one that is not is counted before the next check begins."""
        entry = asked.entry
        mark = self._mark(entry, password, apps) if entry else None
        if self._remembers(mark):
            return True
        if self._waiting >= MOST_WAITING:
            self._log(logging.ERROR, "login.unavailable", log, reason="too many checks are waiting")
            raise LoginUnavailable("too many checks are waiting")
        self._waiting += 1
        waits = self._gate.locked()
        right = False
        try:
            async with self._gate:
                # A program that opens five connections has its password computed once.
                if self._remembers(mark):
                    return True
                # Guesses that were all sent at once would else all be tried before the first is counted.
                lock = await self._run(self._locked, asked.account, peer) if waits else None
                if lock is None:
                    right = await self._verify(entry, password, apps)
                    if not right:
                        await self._failed(asked.account, peer, password, log)
        finally:
            self._waiting -= 1
        if lock is not None:
            await self._refuse_locked(asked, lock, log)
        if right and mark is not None:
            self._remember(mark)
        return right

    def _locked(self, account: str, peer: str) -> Lock | None:
        try:
            return self._lockout.locked(account, peer)
        except sqlite3.Error:
            return None  # as in _ask

    async def _verify(self, entry: AccountEntry | None, password: str, apps: bool) -> bool:
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._threads, _verify, entry, password, apps)
        self._cost = min(time.monotonic() - began, 1.0)
        stored = entry.file.password if entry else None
        if right and entry is not None and isinstance(stored, str) and brought.is_brought(stored):
            await self._run(self._hash_anew, entry, stored, password)
        return right

    def _hash_anew(self, entry: AccountEntry, stored: str, password: str) -> None:
        if not passwords.verify_app_password([app.sha256 for app in entry.file.app_passwords], password):
            local, _, domain = entry.address.rpartition("@")
            self._directory.files.hash_anew(Name("account", domain, local), stored, password)

    async def _failed(self, account: str, peer: str, password: str, log: dict[str, str]) -> None:
        try:
            lock = await self._run(self._lockout.failed, account, peer, password)
        except (sqlite3.Error, OSError) as error:
            self._log(logging.ERROR, "login.state", log, reason=str(error))
            lock = None
        if lock is not None:
            self.locked(lock.kind)
        self._log(logging.WARNING, "login.refused", log, account=account, locked=lock.kind if lock else None)

    async def _succeeded(self, asked: _Asked, peer: str, protocol: str, log: dict[str, str]) -> None:
        if not asked.written:
            try:
                await self._run(self._lockout.succeeded, asked.account, peer, protocol)
            except (sqlite3.Error, OSError) as error:
                self._log(logging.ERROR, "login.state", log, reason=str(error))
        self._log(logging.INFO, "login.accepted", log, account=asked.account)

    def _mark(self, entry: AccountEntry, password: str, apps: bool) -> bytes:
        stored = entry.file.password
        parts = (
            "any" if apps else "password",
            entry.address,
            password,
            stored if isinstance(stored, str) else "",
            *(app.sha256 for app in entry.file.app_passwords),
            str(entry.stamp),
        )
        octets = [part.encode("utf-8", "surrogatepass") for part in parts]
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in octets)
        return hmac.digest(self._key, framed, "sha256")

    def _remembers(self, mark: bytes | None) -> bool:
        return mark is not None and self._remembered.get(mark, 0) > self._clock()

    def _remember(self, mark: bytes) -> None:
        self._remembered[mark] = self._clock() + self._settings.auth.remember_for
        self._remembered.move_to_end(mark)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _log(self, level: int, event: str, log: dict[str, str], **more: str | None) -> None:
        if event != "login.state":
            self.told(log["protocol"], event.removeprefix("login."))
        logger.log(level, event, extra={"fields": {**log, **more}})


def _nobody(*_: str) -> None:
    """Who listens where nobody does."""


def _scram(entry: AccountEntry | None) -> passwords.ScramKey | None:
    """The key of an account that has one. Without a password nobody logs in, whatever key is left."""
    text = entry.file.scram_sha_256 if entry is not None and entry.file.password is not None else None
    try:
        return passwords.parse_scram_key(text) if text else None
    except ValueError:
        return None  # its own checks let it pass, but it is no base64


def _countable(login: str) -> str:
    """What failures of a login name that can be nobody's are counted under."""
    return fold(login.strip()).encode("utf-8", "replace").decode()


def _verify(entry: AccountEntry | None, password: str, apps: bool) -> bool:
    """The check itself, in a thread. Costs one hash, whatever there is to compare with."""
    stored = entry.file.password if entry else None
    if entry is None or not password:
        return passwords.verify_nothing(password)
    if apps and passwords.verify_app_password([app.sha256 for app in entry.file.app_passwords], password):
        return True
    if stored is None:
        return passwords.verify_nothing(password)
    if isinstance(stored, PlainPassword):  # its file has not settled yet
        return passwords.same_plain(stored.plain, password)
    if brought.is_brought(stored):
        passwords.verify_nothing(password)  # one hash at least
        return brought.verify(stored, password)
    return passwords.verify(stored, password)
