"""Answers about an account that are still true: the numbers of STATUS, the mailboxes of LIST, the subscriptions.

A mail program asks for all its folders every few minutes, and hardly ever has anything changed. What was answered
is kept with the stamps of everything that it came from: the index's log (each commit of any process changes it),
and the times of the directories (another program's work changes those). While all stamps are the same so is the
answer, and to look at them takes some microseconds and no thread. A stamp younger than a clock tick proves nothing:
what was read beside it is not kept.
"""

import os
import time
from dataclasses import dataclass, field

from storage.folder import RACY
from storage.rows import MailboxInfo, MailboxStatus

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers of a mailbox, and its directories with their times."""

    status: MailboxStatus
    new: str  # path of new/
    cur: str
    new_mtime: int
    cur_mtime: int


@dataclass(slots=True)
class Remembered:
    """For one open account. Any thread may ask; what is lost in a race is asked again."""

    log: str  # path of the index's log
    maildir: str
    _stamp: Stamp | None = None
    _statuses: dict[str, Counted] = field(default_factory=dict)
    _listing: tuple[Stamp | None, int, list[MailboxInfo]] = (None, 0, [])
    _subscriptions: tuple[Stamp | None, frozenset[str]] = (None, frozenset())

    def stamp(self) -> Stamp | None:
        """The index's log as it is; None where it may still change without a new stamp."""
        try:
            log = os.stat(self.log)
        except FileNotFoundError:
            return None
        return None if time.time_ns() - log.st_mtime_ns < RACY else (log.st_mtime_ns, log.st_size)

    def status(self, name: str) -> MailboxStatus | None:
        counted = self._statuses.get(name)
        if counted is None or self._stamp is None or self.stamp() != self._stamp:
            return None
        try:
            if os.stat(counted.new).st_mtime_ns != counted.new_mtime:
                return None
            if os.stat(counted.cur).st_mtime_ns != counted.cur_mtime:
                return None
        except FileNotFoundError:
            return None
        return counted.status

    def keep_status(self, name: str, counted: Counted, stamp: Stamp | None) -> None:
        """`stamp` was taken before it was read."""
        if stamp is None or time.time_ns() - max(counted.new_mtime, counted.cur_mtime) < RACY:
            return
        if stamp != self._stamp:
            self._stamp, self._statuses = stamp, {}
        self._statuses[name] = counted

    def listing(self) -> list[MailboxInfo] | None:
        stamp, folders, infos = self._listing
        if stamp is None or self.stamp() != stamp or self._folders() != folders:
            return None
        return infos

    def keep_listing(self, infos: list[MailboxInfo], stamp: Stamp | None) -> None:
        folders = self._folders()
        if stamp is not None and time.time_ns() - folders >= RACY:
            self._listing = stamp, folders, infos

    def subscriptions(self) -> frozenset[str] | None:
        stamp, names = self._subscriptions
        return names if stamp is not None and self.subscribed_at() == stamp else None

    def keep_subscriptions(self, names: frozenset[str], stamp: Stamp | None) -> None:
        self._subscriptions = stamp, names

    def subscribed_at(self) -> Stamp | None:
        """account.json as it is, which each change makes anew; None where it may change without a new stamp."""
        try:
            file = os.stat(os.path.dirname(self.maildir) + "/account.json")
        except FileNotFoundError:
            return None
        return None if time.time_ns() - file.st_mtime_ns < RACY else (file.st_mtime_ns, file.st_ino)

    def _folders(self) -> int:
        """Changes when a folder comes or goes."""
        try:
            return os.stat(self.maildir).st_mtime_ns
        except FileNotFoundError:
            return 0
