"""The neutral errors of the store. A door has one table from these to its replies."""

import errno
import sqlite3


class Busy(Exception):
    """Not without waiting: somebody holds the account's lock, or it has to be opened or mended first."""


class StoreError(Exception):
    """Any answer of the store that is not the thing asked for."""


class MailboxMissing(StoreError):
    """There is no mailbox of that name."""


class MailboxExists(StoreError):
    """There is a mailbox of that name already."""


class MailboxHasChildren(StoreError):
    """The mailbox cannot go while others lie below it."""


class MailboxProtected(StoreError):
    """INBOX cannot be deleted."""


class NameRefused(StoreError):
    """A mailbox name that the store does not take (empty level, control character, too long)."""


class OverQuota(StoreError):
    """The account's limit would be passed."""


class KeywordsFull(StoreError):
    """A mailbox keeps 26 keywords; there is no letter left for a new one."""


class DiskFull(StoreError):
    """ENOSPC or EDQUOT from the file system."""


class Broken(StoreError):
    """The account's file cannot be read and no last good content is known: temporary."""


class LoginRefused(StoreError):
    """Wrong password, unknown account, suspended or locked: all the same to the peer."""


class LoginUnavailable(StoreError):
    """The login cannot be judged now (broken file, disk): temporary."""


class TooManyMailboxes(StoreError):
    """The account's limit of mailboxes is reached."""


def neutral(error: BaseException) -> Exception:
    """ENOSPC and EDQUOT, and SQLite's words for them, as DiskFull: also where its shared memory has no room."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(str(error))
    if isinstance(error, sqlite3.OperationalError) and (
        "full" in str(error) or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHMSIZE
    ):
        return DiskFull(str(error))
    return error if isinstance(error, Exception) else RuntimeError(repr(error))
