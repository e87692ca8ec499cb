"""Use and limit of an account: a running number, moved in the same transaction as the rows.

MOVE never asks. The trash has some grace above the limit, so that a full account can be emptied with a mail
program that copies into the trash before it deletes.
"""

import sqlite3
from dataclasses import dataclass

from storage.errors import OverQuota
from storage.folder import Folder

TRASH_GRACE = 10  # percent


@dataclass(frozen=True, slots=True)
class Limits:
    """An account's quota; None is none."""

    bytes: int | None = None
    messages: int | None = None

    def above(self, other: "Limits") -> "Limits":
        """With so much more room."""
        if other.bytes is None and other.messages is None:
            return self
        octets = None if self.bytes is None else self.bytes + (other.bytes or 0)
        messages = None if self.messages is None else self.messages + (other.messages or 0)
        return Limits(octets, messages)


NO_LIMITS = Limits()


def used_now(db: sqlite3.Connection) -> tuple[int, int]:
    row = db.execute("SELECT used_bytes, used_messages FROM account").fetchone()
    return row[0], row[1]


def check_quota(after: tuple[int, int], limits: Limits, folder: Folder) -> None:
    grace = 100 + (TRASH_GRACE if folder.special_use == "\\Trash" else 0)
    for value, limit in zip(after, (limits.bytes, limits.messages), strict=True):
        if limit is not None and value * 100 > limit * grace:
            raise OverQuota(f"{value} of {limit}")


def count_use(db: sqlite3.Connection, folder: Folder, messages: int, octets: int) -> None:
    """Move the running numbers of mailbox and account; in the transaction of the rows."""
    folder.messages += messages
    folder.bytes += octets
    db.execute(
        "UPDATE account SET used_messages = used_messages + ?, used_bytes = used_bytes + ?",
        (messages, octets),
    )
