"""What one file of the directory says now: read when it has changed, remembered else, bounded in memory.

A file is stat'ed each time it is asked for, so a change counts at once. But an editor that writes in place can
be met half-way, and half a YAML file may be a valid one. So:

- another inode than the last is a rename: whole, used at once;
- the same inode with another stamp, or no file any more (some editors take the old one away before they write
  the new), counts when it has stayed so for `SETTLE` seconds: seen twice, or by the age that the kernel says;
- until then, and as long as a file is broken, its last good content stays in force; without any, `Broken`.

Invariants: what is believed for long was read from a settled file; a plain password is replaced in the file
only when that is settled (else an editor's next write would go to a file that is no more); a file that cannot
be read, for whatever reason, hurts only who asks for it. Used from several threads.
"""

import logging
import os
import sqlite3
import stat
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from config import edit
from config.account import AccountFile, PlainPassword
from config.domain import DomainFile
from config.forwards import ForwardsFile
from config.list import ListFile
from config.load import validate
from config.problem import ConfigError
from storage.errors import Broken
from storage.people import passwords
from storage.people.directory_cache import DirectoryCache, Name, Saved, Stamp

logger = logging.getLogger("storage.people.directory")

SETTLE = 0.2  # seconds between two equal stats of a file that was changed in place
AWAY = 5.0  # seconds for which a file that is not there is believed to be none that is being replaced
MOST_KNOWN = 2_000  # contents kept in memory: about 4 KB each
MOST_OCTETS = 8 * 1024 * 1024  # of a file (config.tree has the same limit); a forwards.yaml may be long

Model = AccountFile | ListFile | ForwardsFile | DomainFile

MODELS: dict[str, type[Model]] = {
    "account": AccountFile,
    "list": ListFile,
    "forwards": ForwardsFile,
    "domain": DomainFile,
}


class Known(NamedTuple):
    """What was found at a stamp. Without content and with a problem: broken, and nothing good is known."""

    stamp: Stamp
    content: Model | None
    problem: str | None
    settled: bool
    saved: bool = False  # the cache has it


class _Sighting(NamedTuple):
    stamp: Stamp | None
    at: float


class Files:
    """The files below `<domains>`, each by its `Name`."""

    def __init__(
        self, domains: Path, cache: DirectoryCache, clock: Callable[[], float], most: int = MOST_KNOWN
    ) -> None:
        self.domains = domains
        self._folder = str(domains)
        self._cache = cache
        self._clock = clock
        self._most = most
        self._mutex = threading.Lock()
        self._known: OrderedDict[Name, Known] = OrderedDict()
        self._sightings: OrderedDict[Name, _Sighting] = OrderedDict()
        self._absent: OrderedDict[Name, float] = OrderedDict()  # when it was looked for

    def read(self, name: Name) -> Known | None:
        """The content in force, None if there is no such file. Raises Broken."""
        known = self.look(name)
        if known is not None and known.content is None:
            raise Broken(f"{name.path(self.domains)}: {known.problem}")
        return known

    def known(self, name: Name) -> Known | None:
        """What is in memory and good, if the file is still as it was then: one `stat`, no reading, no waiting."""
        with self._mutex:
            known = self._known.get(name)
        if known is None or not (known.settled and known.saved) or known.problem is not None:
            return None
        try:
            return known if known.stamp.is_of(os.stat(name.file(self._folder))) else None
        except OSError:
            return None

    def absent(self, name: Name) -> bool:
        """Whether there is no such file of a domain, as `look` found out a moment ago: one `stat`."""
        with self._mutex:
            looked = self._absent.get(name)
        if looked is None or not 0 <= self._clock() - looked < AWAY:
            return False
        try:
            os.stat(name.file(self._folder))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            pass
        return False

    def look(self, name: Name) -> Known | None:
        """`read`, but a broken file without a last good content is told as such."""
        known = self.peek(name)
        if known is None and name.kind == "domain":
            with self._mutex:
                self._absent[name] = self._clock()
                self._absent.move_to_end(name)
                while len(self._absent) > self._most:
                    self._absent.popitem(last=False)
        if known is not None and not known.saved:
            self._try_cache(lambda: self.save([(name, known)]))
        return known

    def save(self, found: list[tuple[Name, Known]]) -> None:
        """Put what was found into the cache, in one transaction. Raises sqlite3.Error."""
        self._cache.put(row for name, known in found if (row := _row(name, known)) is not None)
        with self._mutex:
            for name, known in found:
                if self._known.get(name) is known:
                    self._known[name] = known._replace(saved=True)

    def peek(self, name: Name) -> Known | None:
        """`look`, without writing to the cache."""
        with self._mutex:
            known = self._known.get(name)
            if known is not None:
                self._known.move_to_end(name)
        try:
            found = os.stat(name.file(self.domains))
        except (FileNotFoundError, NotADirectoryError):
            return self._vanished(name, known)
        except OSError as error:  # a disk that fails, a folder that may not be entered
            return self._unreadable(name, known, error)
        stamp = Stamp.of(found)
        if known is not None and known.stamp == stamp:
            if known.settled or not self._settled(name, stamp):
                return known
            return self._load(name, name.path(self.domains), found, known)
        saved = self._saved(name)
        if saved is not None and saved.stamp == stamp:
            return self._remember(name, saved)  # as somebody has read it, or a program of ours has written it
        if saved is not None and (known is None or known.stamp.inode != stamp.inode == saved.stamp.inode):
            known = saved  # what a program of ours has just renamed here, and an editor has already opened
        # In place, too, if it is empty: vi takes the old file out of the way, makes a new one, and then fills it.
        in_place = known is not None and (known.stamp.inode == stamp.inode or not found.st_size)
        if in_place and known is not None and known.content is not None and not self._settled(name, stamp):
            return known
        return self._load(name, name.path(self.domains), found, known)

    def write(self, name: Name, text: str, expected: str | None) -> None:
        """Replace the file, as `edit.write` does: it counts at once, however young, here and in every process.
        Raises ConfigError, edit.Changed and OSError."""
        path = name.path(self.domains)
        data = text.encode()
        content = validate(MODELS[name.kind], data, path)
        inode = edit.write(path, text, expected)
        known = Known(_stamp_of_written(path, inode, data), content, None, settled=True)
        if isinstance(content, AccountFile) and isinstance(content.password, PlainPassword):
            self._hash_in_place(name, path, data, known)
            return
        self._remember(name, known)
        self._try_cache(lambda: self.save([(name, known)]))

    def forget(self, name: Name) -> None:
        """The file was taken away by a program of ours: gone at once, here and in every process."""
        with self._mutex:
            self._known.pop(name, None)
            self._sightings.pop(name, None)
        self._cache.forget([name])

    def _load(self, name: Name, path: Path, found: os.stat_result, before: Known | None) -> Known | None:
        stamp = Stamp.of(found)
        renamed = before is not None and before.stamp.inode != stamp.inode
        settled = renamed or self._settled(name, stamp)
        try:
            data = _read(path, found)
            content = validate(MODELS[name.kind], data, path)
            after = Stamp.of(os.stat(path))
        except (FileNotFoundError, NotADirectoryError):
            return self._vanished(name, before)
        except (OSError, ConfigError) as error:
            # Also a renamed one: it may be changed in place by now, and what is broken can wait.
            return self._broken(name, stamp, before, str(error), self._settled(name, stamp))
        known = Known(stamp, content, None, settled and after == stamp)
        if isinstance(content, AccountFile) and isinstance(content.password, PlainPassword) and known.settled:
            return self._hash_in_place(name, path, data, known)
        return self._remember(name, known)

    def _broken(self, name: Name, stamp: Stamp, before: Known | None, problem: str, settled: bool) -> Known:
        last_good = before.content if before else None
        if settled:
            fields = {"problem": problem, "last_good": last_good is not None}
            logger.error("directory.broken", extra={"fields": fields})
        return self._remember(name, Known(stamp, last_good, problem, settled))

    def _unreadable(self, name: Name, known: Known | None, error: OSError) -> Known:
        known = known or self._saved(name)
        stamp = known.stamp if known else Stamp(0, 0, 0, 0)
        return Known(stamp, known.content if known else None, str(error), False, saved=True)

    def _vanished(self, name: Name, known: Known | None) -> Known | None:
        """Gone: at once if the cache knows nothing of it (a program of ours took it away), else when settled."""
        saved = self._saved(name)
        if saved is not None and not self._settled(name, None):
            return known or saved
        with self._mutex:
            self._known.pop(name, None)
            self._sightings.pop(name, None)
        if saved is not None:
            logger.info("directory.gone", extra={"fields": {"file": name.path(self.domains)}})
            self._try_cache(lambda: self._cache.forget([name]))
        return None

    def _settled(self, name: Name, stamp: Stamp | None) -> bool:
        """Has the file been like this (None: away) for SETTLE seconds?"""
        now = self._clock()
        changed = self._folder_changed(name) if stamp is None else max(stamp.mtime, stamp.ctime)
        if changed / 1e9 + SETTLE <= now:
            return True
        with self._mutex:
            sighting = self._sightings.get(name)
            if sighting is None or sighting.stamp != stamp:
                self._sightings[name] = _Sighting(stamp, now)
                self._sightings.move_to_end(name)
                while len(self._sightings) > self._most:
                    self._sightings.popitem(last=False)
                return False
        return now - sighting.at >= SETTLE

    def _folder_changed(self, name: Name) -> int:
        try:
            return os.stat(name.path(self.domains).parent).st_mtime_ns
        except OSError:
            return 2**63  # the folder is away too: seen twice is needed

    def _saved(self, name: Name) -> Known | None:
        """What the cache has. A row that a newer or older program wrote may not fit the model: then nothing."""
        try:
            row = self._cache.get(name)
            if row is None:
                return None
            model = MODELS[name.kind]
            content = None if row.content is None else model.model_validate_json(row.content)
            if content is None and row.problem is None:
                return None  # only its aliases: see _row
        except (sqlite3.Error, ValidationError) as error:
            logger.warning("directory.cache", extra={"fields": {"error": type(error).__name__}})
            return None
        return Known(row.stamp, content, row.problem, settled=True, saved=True)

    def _remember(self, name: Name, known: Known) -> Known:
        with self._mutex:
            self._known[name] = known
            self._known.move_to_end(name)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
            if known.settled:
                self._sightings.pop(name, None)
        return known

    def _try_cache(self, write: Callable[[], None]) -> None:
        """A full disk or a busy cache is no reason not to answer: the background pass writes it later."""
        try:
            write()
        except sqlite3.Error as error:
            logger.warning("directory.cache", extra={"fields": {"error": str(error)}})

    def _hash_in_place(self, name: Name, path: Path, data: bytes, known: Known) -> Known | None:
        """Put hash and SCRAM key into the file instead of `{plain: …}`; the comments stay."""
        account = known.content
        if not isinstance(account, AccountFile) or not isinstance(account.password, PlainPassword):
            return known
        plain = account.password.plain
        try:
            hashed, key = passwords.hash_password(plain), passwords.scram_sha_256_key(plain)
        except passwords.PasswordError as error:
            return self._broken(name, known.stamp, known._replace(content=None), f"password: {error}", True)
        text = data.decode()
        try:
            changed = edit.edit(text, {"password": hashed, "scram_sha_256": key})
            inode = edit.write(path, changed, edit.digest(text))
            logger.info("directory.password_hashed", extra={"fields": {"file": path}})
            stamp = _stamp_of_written(path, inode, changed.encode())
        except edit.Changed:
            # By another process that read it, or by its author: what they wrote counts.
            with self._mutex:
                self._known.pop(name, None)
            return self.peek(name)
        except (OSError, ValueError) as error:
            # A read-only file works, its password is hashed anew by each process that reads it.
            logger.warning("directory.password_plain", extra={"fields": {"file": path, "error": str(error)}})
            stamp = known.stamp
        content = account.model_copy(update={"password": hashed, "scram_sha_256": key})
        return self._remember(name, Known(stamp, content, None, True))

    def hash_anew(self, name: Name, stored: str, password: str) -> None:
        """The owner gave the right password to a hash that another server made: ours takes its place."""
        path = name.path(self.domains)
        try:
            text = edit.read_text(path)
            content = validate(AccountFile, text.encode(), path)
            if content.password != stored:
                return
            hashed, key = passwords.hash_password(password), passwords.scram_sha_256_key(password)
            changed = edit.edit(text, {"password": hashed, "scram_sha_256": key})
            self.write(name, changed, edit.digest(text))
            logger.info("directory.password_hashed", extra={"fields": {"file": path}})
        except (edit.Changed, edit.Unchangeable, ConfigError, OSError, ValueError) as error:
            # It works as it is, and is tried again at the next login.
            logger.warning("directory.password_kept", extra={"fields": {"file": path, "error": str(error)}})


def _row(name: Name, known: Known) -> Saved | None:
    """What the cache keeps of it. A file that has not settled is kept under a stamp that no file has, so that
    its aliases are known at once and everybody reads it again; a plain password is never kept."""
    content = known.content
    account = content if isinstance(content, AccountFile) else None
    plain = account is not None and isinstance(account.password, PlainPassword)
    if content is None and not known.settled:
        return None
    return Saved(
        name,
        known.stamp if known.settled and not plain else Stamp(known.stamp.inode, 0, 0, 0),
        content.model_dump_json(by_alias=True, exclude_defaults=True)
        if content is not None and not plain
        else None,
        known.problem,
        account.quota if account else None,
        account.aliases if account else (),
    )


def _stamp_of_written(path: Path, inode: int, data: bytes) -> Stamp:
    """Of a file of ours under its name; where an editor has been at it already, one that no look will find."""
    try:
        found = os.stat(path)
        if found.st_ino == inode and path.read_bytes() == data and Stamp.of(os.stat(path)) == Stamp.of(found):
            return Stamp.of(found)
    except OSError:
        pass
    return Stamp(inode, 0, 0, 0)


def _read(path: Path, found: os.stat_result) -> bytes:
    """The octets of a regular file; anything else (a pipe would never end) is an OSError."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path}: is not a regular file")
    if found.st_size > MOST_OCTETS:
        raise OSError(f"{path}: is larger than {MOST_OCTETS} octets")
    return path.read_bytes()
