"""An account's mail as a whole: how much there is, and taking it away for good."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from storage.durable import sync_dir
from storage.layout import account_dir
from storage.lock import AccountLock
from storage.quota import used_now


def used(data: Path, address: str) -> tuple[int, int] | None:
    """Bytes and messages by the account's index; None where there is none yet."""
    index = account_dir(data, address) / "index.sqlite"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(index))}?mode=ro", uri=True)) as db:
            return used_now(db)
    except (sqlite3.Error, TypeError):
        return None


def remove_mail(data: Path, address: str) -> None:
    """All mail of an account goes for good. Who has it open writes on into files without a name."""
    folder = account_dir(data, address)
    try:
        lock = AccountLock(folder / "lock")
    except FileNotFoundError:
        return  # never had any
    try:
        lock.acquire()
        try:
            # Out of the way first: half a Maildir must not be found by an account of the same name.
            going = folder.with_name(f".{folder.name}.removed-{time.time_ns()}")
            os.rename(folder, going)
            sync_dir(folder.parent)
            shutil.rmtree(going)
        finally:
            lock.release()
    except FileNotFoundError:
        return  # somebody else was quicker
    finally:
        lock.close()
