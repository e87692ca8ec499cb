"""What killed processes leave behind and nobody will ever ask for: swept away when it is old.

A file in tmp/ or in the spool whose writer died, a folder half made or half deleted, a small file that was not
renamed into its place. None of them holds anything that was acknowledged. Their age is the time since the inode
was last changed (ctime): a file's own time is the message's INTERNALDATE.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from storage import admin_deleted
from storage.state import held_posts

if TYPE_CHECKING:
    from storage.store import Store

OLD = 36 * 3600  # seconds: the rule of the Maildir specification for tmp/
EVERY = 6 * 3600.0  # seconds between two sweeps


async def run(store: "Store") -> None:
    """For one process of the service, as long as it lives."""
    while True:
        await store.run(sweep, store.settings.data, store.clock)
        await store.run(store.traces.tidy)
        await store.run(admin_deleted.sweep, store.directory)
        await store.run(held_posts.expire, store.settings.data, store.clock())
        await asyncio.sleep(EVERY)


def sweep(data: Path, clock: Callable[[], float]) -> int:
    """Returns how many were removed. Needs no lock: nobody writes what is so old."""
    before = clock() - OLD
    removed = _sweep_files(data / "spool", before, lambda _: True)
    for domain in _folders(data / "mail"):
        for account in _folders(domain.path):
            for entry in _entries(account.path):
                if entry.name.startswith(("making-", "deleted-")) and _older(entry, before):
                    shutil.rmtree(entry.path, ignore_errors=True)
                    removed += 1
            removed += _sweep_files(account.path, before, _is_new)
            for folder in ("", *(entry.name for entry in _folders(f"{account.path}/Maildir"))):
                path = os.path.join(account.path, "Maildir", folder)
                removed += _sweep_files(path, before, _is_new)
                if folder == "" or folder.startswith("."):
                    removed += _sweep_files(os.path.join(path, "tmp"), before, lambda _: True)
    return removed


def _sweep_files(path: str | Path, before: float, named: Callable[[str], bool]) -> int:
    removed = 0
    for entry in _entries(path):
        if entry.is_file(follow_symlinks=False) and named(entry.name) and _older(entry, before):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry.path)
                removed += 1
    return removed


def _is_new(name: str) -> bool:
    return name.startswith(".") and name.endswith(".new")  # storage/durable.py


def _older(entry: "os.DirEntry[str]", before: float) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_ctime < before
    except FileNotFoundError:
        return False


def _entries(path: str | Path) -> "Iterator[os.DirEntry[str]]":
    try:
        with os.scandir(path) as entries:
            yield from list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return


def _folders(path: str | Path) -> "Iterator[os.DirEntry[str]]":
    return (entry for entry in _entries(path) if entry.is_dir(follow_symlinks=False))
