"""The mailboxes of an account as its owner sees them: listed, made, deleted, renamed, subscribed.

RENAME of a tree is many renames: what is meant is written into account.json first, and finished by whoever comes
after a crash (`storage/maildir.py`).
"""

import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

from storage import describe, maildir, records, uidvalidity
from storage import folder as folders
from storage.account_files import AccountFiles
from storage.durable import sync_dir, write_json
from storage.errors import (
    MailboxExists,
    MailboxHasChildren,
    MailboxMissing,
    MailboxProtected,
    NameRefused,
    TooManyMailboxes,
)
from storage.folder import BOOT
from storage.layout import INBOX, NAME_MOST, SEPARATOR, folder_name, mailbox_name
from storage.rows import MailboxInfo

SUBSCRIPTIONS_MOST = 4000  # in one account: each change writes them all
MAILBOXES_MOST = 2000  # in one account: each costs a folder with three more in it


def listing(files: AccountFiles) -> list[MailboxInfo]:
    """All mailboxes, and the bare parents of some. Folders that other programs made are taken in."""
    remembered = files.remembered.listing()
    if remembered is not None:
        return remembered
    stamp = files.remembered.stamp()
    with files.reading() as db:
        known = {folder.name: folder for folder in folders.load_all(db, files.maildir)}
    if {folder_name(name) for name in known} != _folders_on_disk(files.maildir):
        with files.writing() as db:
            maildir.sync(files.data, db, files.maildir, files.clock)
            known = {folder.name: folder for folder in folders.load_all(db, files.maildir)}
    infos = {
        name: MailboxInfo(name, folder.special_use, folder.mailboxid, folder.uidvalidity)
        for name, folder in known.items()
    }
    for name in known:
        levels = name.split(SEPARATOR)
        for depth in range(1, len(levels)):
            parent = SEPARATOR.join(levels[:depth])
            infos.setdefault(parent, MailboxInfo(parent, selectable=False))
    found = sorted(infos.values(), key=lambda info: (info.name != INBOX, info.name))
    files.remembered.keep_listing(found, stamp)
    return found


def _folders_on_disk(path: Path) -> set[str]:
    return {""} | {
        entry.name
        for entry in os.scandir(path)
        if entry.name.startswith(".") and mailbox_name(entry.name) and os.path.isdir(entry.path + "/cur")
    }


def create(files: AccountFiles, name: str, special_use: str | None = None) -> None:
    """A new, empty mailbox. Raises MailboxExists, TooManyMailboxes."""
    with files.writing() as db:
        count = db.execute("SELECT COUNT(*) FROM mailboxes").fetchone()[0]
        if db.execute("SELECT 1 FROM mailboxes WHERE name = ?", (name,)).fetchone():
            raise MailboxExists(name)
        if count >= MAILBOXES_MOST:
            raise TooManyMailboxes(str(count))
        validity = uidvalidity.take(files.data, 1, files.clock)[0]
        modseq = int(files.clock() * 1_000_000)
        description = replace(describe.new(validity, special_use), modseq_mark=modseq + describe.MODSEQ_BLOCK)
        making = files.dir / f"making-{description.mailboxid}"
        folder_path = files.maildir / folder_name(name)
        if folder_path.exists():  # another program made it, and it was not looked at yet
            maildir.sync(files.data, db, files.maildir, files.clock)
            raise MailboxExists(name)
        with files.half_done():
            maildir.make_folder(making, description)
            os.rename(making, folder_path)
            sync_dir(files.maildir)
            folders.insert(db, name, description)
            db.execute(
                "UPDATE mailboxes SET uidnext = 1, modseq = ?, floor = ?, boot = ? WHERE name = ?",
                (modseq, modseq, BOOT, name),
            )
            folder = folders.load(db, files.maildir, name)
            folder.record_mtimes(scanned=True)
            folders.save(db, folder)


def delete(files: AccountFiles, name: str) -> None:
    """Raises MailboxProtected, MailboxMissing, MailboxHasChildren (a bare parent of others)."""
    if name == INBOX:
        raise MailboxProtected(name)
    with files.writing() as db:
        try:
            folder = folders.load(db, files.maildir, name)
        except MailboxMissing:
            if _tree(db, name):
                raise MailboxHasChildren(name) from None
            raise
        doomed = files.dir / f"deleted-{folder.mailboxid}"
        with files.half_done():
            try:
                os.rename(folder.path, doomed)
            except FileNotFoundError:  # another program was faster; the next one at the lock takes note
                raise MailboxMissing(name) from None
            sync_dir(files.maildir)
            sync_dir(files.dir)
            with records.transaction(db):
                maildir.drop_row(db, folder)
    shutil.rmtree(doomed, ignore_errors=True)


def rename(files: AccountFiles, old: str, new: str) -> None:
    """A mailbox and all below it. Raises MailboxMissing, MailboxExists, NameRefused."""
    if new.startswith(old + SEPARATOR):
        raise NameRefused(new)
    with files.writing() as db:
        tree = _tree(db, old)
        if not tree:
            raise MailboxMissing(old)
        if _tree(db, new):
            raise MailboxExists(new)
        for name in tree:
            target = folder_name(new + name[len(old) :])
            if len(target.encode()) > NAME_MOST:
                raise NameRefused(new)
            if (files.maildir / target).exists():  # another program made it, and it was not looked at yet
                raise MailboxExists(new)
        described = maildir.load_account(files.dir)
        with files.half_done():
            write_json(files.dir / "account.json", {**described, "rename": [old, new]})
            maildir.finish_rename(files.dir)
            maildir.sync(files.data, db, files.maildir, files.clock)


def _tree(db: sqlite3.Connection, name: str) -> list[str]:
    """The mailbox of that name, if there is one, and all below it."""
    return [
        row[0]
        for row in db.execute("SELECT name FROM mailboxes")
        if row[0] == name or row[0].startswith(name + SEPARATOR)
    ]


def subscriptions(files: AccountFiles) -> frozenset[str]:
    stamp = files.remembered.subscribed_at()
    names = frozenset(maildir.load_account(files.dir).get("subscriptions", ()))
    files.remembered.keep_subscriptions(names, stamp)
    return names


def subscribe(files: AccountFiles, name: str, wanted: bool) -> None:
    """A name may be subscribed without a mailbox of that name (RFC 9051 §6.3.7). Raises TooManyMailboxes."""
    with files.writing():
        described = maildir.load_account(files.dir)
        names = set(described.get("subscriptions", ()))
        if wanted and name not in names and len(names) >= SUBSCRIPTIONS_MOST:
            raise TooManyMailboxes(str(len(names)))
        names = names | {name} if wanted else names - {name}
        write_json(files.dir / "account.json", {**described, "subscriptions": sorted(names)})
