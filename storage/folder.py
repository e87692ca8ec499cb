"""One mailbox's row of the index, as it is worked on while the account's lock is held.

UIDs and MODSEQs are taken here and nowhere else: never above the mark in mailbox.json, which is written ahead
in blocks (storage/describe.py).
"""

import json
import os
import secrets
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storage import describe
from storage.errors import KeywordsFull, MailboxMissing
from storage.layout import INBOX, folder_name

KEYWORDS_MOST = 26  # Maildir has the letters a-z
SMALLEST_TICK = 1_000_000  # ns, of the clock that stamps files
RACY = 20_000_000  # ns: a change so shortly before we looked may share its time stamp with a later one


_exact: dict[int, bool] = {}  # by file system


def exact_times(folder: Path) -> bool:
    """Whether each change of a directory gives it a time that nobody has seen before.

    So it is from Linux 6.13 on with the usual file systems: a time that was asked for is not used again. Else a
    time is the last tick of a clock, and two changes may share it. Tried once for each file system, in the
    folder's tmp/: ticks are a millisecond apart at least."""
    tmp = f"{folder}/tmp"  # noqa: S108 (of a Maildir)
    try:
        device = os.stat(tmp).st_dev
        if device not in _exact:
            _exact[device] = any(0 < _two_changes(tmp) < SMALLEST_TICK // 2 for _ in range(3))
        return _exact[device]
    except OSError:
        return False


def _two_changes(tmp: str) -> int:
    """How far apart their times are."""
    name, other = (f"{tmp}/.{secrets.token_hex(8)}.time" for _ in range(2))
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    try:
        first = os.stat(tmp).st_mtime_ns
        os.rename(name, other)
        name = other
        return os.stat(tmp).st_mtime_ns - first
    finally:
        os.unlink(name)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


BOOT = boot_id()


@dataclass(slots=True)
class Folder:
    """Columns of `mailboxes`, and where the folder is. Changed in memory, written by `save`."""

    path: Path
    id: int
    name: str
    mailboxid: str
    uidvalidity: int
    uidnext: int
    uidnext_mark: int
    modseq: int
    modseq_mark: int
    keywords: tuple[str, ...]
    special_use: str | None
    messages: int
    bytes: int
    recent: int
    floor: int
    boot: str
    new_mtime: int
    cur_mtime: int
    looked: int  # when the times were taken, ns; 0: look again before believing the rows

    def take_uids(self, count: int) -> int:
        """The first of `count` fresh UIDs."""
        first = self.uidnext
        if first + count > self.uidnext_mark:
            self._raise_marks(uidnext=first + count + describe.UID_BLOCK)
        self.uidnext = first + count
        return first

    def take_modseq(self, now: float) -> int:
        """MODSEQ = max(clock in microseconds, last + 1); never above the mark."""
        modseq = max(int(now * 1_000_000), self.modseq + 1)
        if modseq > self.modseq_mark:
            self._raise_marks(modseq=modseq + describe.MODSEQ_BLOCK)
        self.modseq = modseq
        return modseq

    def _raise_marks(self, uidnext: int = 0, modseq: int = 0) -> None:
        description = self.description()
        description = replace(
            description,
            uidnext_mark=max(uidnext, description.uidnext_mark, self.uidnext_mark),
            modseq_mark=max(modseq, description.modseq_mark, self.modseq_mark),
        )
        describe.save(self.path, description)
        self.uidnext_mark, self.modseq_mark = description.uidnext_mark, description.modseq_mark

    def description(self) -> describe.Description:
        """mailbox.json, or what the index knows of it where another program has damaged it."""
        return describe.load(self.path) or self.known()

    def known(self) -> describe.Description:
        """What the index knows of mailbox.json."""
        return describe.Description(
            self.mailboxid,
            self.uidvalidity,
            self.uidnext_mark,
            self.modseq_mark,
            self.keywords,
            self.special_use,
        )

    def letters(self, flags: frozenset[str], *, make: bool) -> str:
        """Maildir letters of system flags and keywords; unknown keywords get a letter where `make`.

        Raises KeywordsFull. A letter is on the disk before it is used.
        """
        if not flags:
            return ""
        letters = []
        known = {keyword.lower(): chr(97 + number) for number, keyword in enumerate(self.keywords)}
        fresh: list[str] = []
        for flag in sorted(flags):
            letter = SYSTEM_LETTERS.get(flag.lower()) or known.get(flag.lower())
            if letter is None and make and not flag.startswith("\\"):
                if len(self.keywords) + len(fresh) >= KEYWORDS_MOST:
                    raise KeywordsFull(flag)
                letter = chr(97 + len(self.keywords) + len(fresh))
                known[flag.lower()] = letter
                fresh.append(flag)
            if letter is not None:
                letters.append(letter)
        if fresh:
            self.keywords = (*self.keywords, *fresh)
            describe.save(self.path, replace(self.description(), keywords=self.keywords))
        return "".join(sorted(set(letters)))

    def flags(self, letters: str) -> frozenset[str]:
        """The way back from letters; letters that mean nothing here are left out."""
        names = []
        for letter in letters:
            if letter in SYSTEM_FLAGS:
                names.append(SYSTEM_FLAGS[letter])
            elif "a" <= letter <= "z" and ord(letter) - 97 < len(self.keywords):
                names.append(self.keywords[ord(letter) - 97])
        return frozenset(names)

    def touched_by_others(self) -> bool:
        """Whether the directories' times differ from those we recorded. MailboxMissing: the folder went."""
        return self._mtimes() != (self.new_mtime, self.cur_mtime)

    def racy(self) -> bool:
        """Whether a change of another program could hide behind our own time stamp."""
        since = self.looked - max(self.new_mtime, self.cur_mtime)
        return since < 0 or (since < RACY and not exact_times(self.path))

    def notice_others(self) -> None:
        """Before a change of ours: remember that another program was here, for the next look."""
        if self.touched_by_others():
            self.looked = 0

    def record_mtimes(self, *, scanned: bool = False) -> None:
        """After a change of ours, or (`scanned`) after the folder was read, before its names are trusted."""
        if scanned or self.looked:
            self.looked = time.time_ns()
        self.new_mtime, self.cur_mtime = self._mtimes()

    def _mtimes(self) -> tuple[int, int]:
        try:
            return (
                os.stat(f"{self.path}/new").st_mtime_ns,
                os.stat(f"{self.path}/cur").st_mtime_ns,
            )
        except FileNotFoundError:
            raise MailboxMissing(self.name) from None


# RFC 9051 §2.3.2 and the letters of the Maildir specification
SYSTEM_LETTERS = {"\\draft": "D", "\\flagged": "F", "\\answered": "R", "\\seen": "S", "\\deleted": "T"}
SYSTEM_FLAGS = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}

_COLUMNS = (
    "id, name, mailboxid, uidvalidity, uidnext, uidnext_mark, modseq, modseq_mark, keywords, special_use, "
    "messages, bytes, recent, floor, boot, new_mtime, cur_mtime, looked"
)


def load(db: sqlite3.Connection, maildir: Path, name: str) -> Folder:
    """The mailbox of that name. Raises MailboxMissing."""
    row = db.execute(f"SELECT {_COLUMNS} FROM mailboxes WHERE name = ?", (name,)).fetchone()  # noqa: S608
    if row is None:
        raise MailboxMissing(name)
    return _folder(row, maildir)


def load_all(db: sqlite3.Connection, maildir: Path) -> list[Folder]:
    rows = db.execute(f"SELECT {_COLUMNS} FROM mailboxes ORDER BY name").fetchall()  # noqa: S608
    return [_folder(row, maildir) for row in rows]


def _folder(row: tuple[Any, ...], maildir: Path) -> Folder:
    folder = Folder(maildir / folder_name(row[1]) if row[1] != INBOX else maildir, *row)
    folder.keywords = tuple(json.loads(row[8]))
    # One text for all mailboxes that stay in memory, not one for each.
    if folder.boot == BOOT:
        folder.boot = BOOT
    if folder.name == INBOX:
        folder.name = INBOX
    return folder


def insert(db: sqlite3.Connection, name: str, description: describe.Description) -> None:
    """A row for a folder that the index does not know; its messages are found at the first look."""
    db.execute(
        "INSERT INTO mailboxes (name, mailboxid, uidvalidity, uidnext, uidnext_mark, modseq, modseq_mark,"
        " keywords, special_use, messages, bytes, recent, floor, boot, new_mtime, cur_mtime, looked)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 1, ?, '', 0, 0, 0)",
        (
            name,
            description.mailboxid,
            description.uidvalidity,
            description.uidnext_mark,
            description.uidnext_mark,
            description.modseq_mark,
            description.modseq_mark,
            json.dumps(description.keywords),
            description.special_use,
            description.modseq_mark,
        ),
    )


def count(db: sqlite3.Connection, folder: Folder) -> None:
    """`save` what arrivals change. The name stays, so its index need not be written."""
    db.execute(
        "UPDATE mailboxes SET uidnext = ?, uidnext_mark = ?, modseq = ?, modseq_mark = ?, keywords = ?,"
        " messages = ?, bytes = ?, new_mtime = ?, cur_mtime = ?, looked = ? WHERE id = ?",
        (
            folder.uidnext,
            folder.uidnext_mark,
            folder.modseq,
            folder.modseq_mark,
            json.dumps(folder.keywords),
            folder.messages,
            folder.bytes,
            folder.new_mtime,
            folder.cur_mtime,
            folder.looked,
            folder.id,
        ),
    )


def save(db: sqlite3.Connection, folder: Folder) -> None:
    """Write the working copy back, inside the caller's transaction."""
    db.execute(
        "UPDATE mailboxes SET name = ?, uidnext = ?, uidnext_mark = ?, modseq = ?, modseq_mark = ?,"
        " keywords = ?, special_use = ?, messages = ?, bytes = ?, recent = ?, floor = ?, boot = ?,"
        " new_mtime = ?, cur_mtime = ?, looked = ? WHERE id = ?",
        (
            folder.name,
            folder.uidnext,
            folder.uidnext_mark,
            folder.modseq,
            folder.modseq_mark,
            json.dumps(folder.keywords),
            folder.special_use,
            folder.messages,
            folder.bytes,
            folder.recent,
            folder.floor,
            folder.boot,
            folder.new_mtime,
            folder.cur_mtime,
            folder.looked,
            folder.id,
        ),
    )
