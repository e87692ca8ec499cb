"""The folders of an account: made, deleted, renamed, and found again after a crash.

A folder appears and goes by one rename, so it is there whole or not at all. RENAME of a tree is many renames:
what is meant is written into account.json first, and finished by whoever comes after a crash. `sync` makes the
index's list of mailboxes agree with the folders; MAILBOXID tells which is which after a rename.
"""

import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage import describe, durable, filename, records, uidvalidity
from storage import folder as folders
from storage.durable import sync_dir, sync_files, write_json
from storage.errors import (
    MailboxExists,
    MailboxHasChildren,
    MailboxMissing,
    MailboxProtected,
    NameRefused,
    TooManyMailboxes,
)
from storage.folder import BOOT
from storage.layout import INBOX, NAME_MOST, SEPARATOR, SPECIAL_MAILBOXES, folder_name, mailbox_name
from storage.rows import MailboxInfo

if TYPE_CHECKING:
    from storage.account_files import AccountFiles

SUBSCRIPTIONS_MOST = 4000  # in one account: each change writes them all
MAILBOXES_MOST = 2000  # in one account: each costs a folder with three more in it


def make_account(data: Path, account: Path, clock: Callable[[], float]) -> None:
    """Maildir with INBOX and the special mailboxes (RFC 6154), there whole or not at all."""
    maildir = account / "Maildir"
    making = account / f"making-{secrets.token_hex(6)}"
    names = [INBOX, *SPECIAL_MAILBOXES]
    validities = uidvalidity.take(data, len(names), clock)
    paths = [str(making / folder_name(name)) for name in names]
    fds: list[int] = []
    try:
        for name, path, validity in zip(names, paths, validities, strict=True):
            fds.append(_lay_out(path, describe.new(validity, SPECIAL_MAILBOXES.get(name)), name == INBOX))
        if not (account / "account.json").exists():
            fds.append(durable.begin(f"{making}/account.json", durable.as_json({"subscriptions": names})))
            os.rename(making / "account.json", account / "account.json")
        sync_files(fds)  # all of them wait for the disk together
    finally:
        for fd in fds:
            os.close(fd)
    for path in paths:
        sync_dir(path)
    if maildir.exists():  # a foreign, broken Maildir: complete it in place
        for place in ("cur", "new", "tmp"):
            (maildir / place).mkdir(exist_ok=True)
        shutil.rmtree(making)
    else:
        os.rename(making, maildir)
    for above in (account, account.parent, account.parent.parent, data):
        sync_dir(above)


def _make_folder(path: Path, description: describe.Description) -> None:
    fd = _lay_out(str(path), description)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_dir(path)


def _lay_out(path: str, description: describe.Description, inbox: bool = False) -> int:
    """A folder that nobody sees yet; the descriptor of its mailbox.json, to be fsynced before the folder is."""
    os.mkdir(path)
    for place in ("cur", "new", "tmp"):
        os.mkdir(f"{path}/{place}", 0o700)
    if not inbox:  # Maildir++: this Maildir is a folder of another
        os.close(os.open(f"{path}/maildirfolder", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return describe.begin(path, description)


def sync(data: Path, db: sqlite3.Connection, maildir: Path, clock: Callable[[], float]) -> None:
    """Make the index's mailboxes those that lie on the disk. Under the account's lock."""
    for leftover in (*maildir.parent.glob("deleted-*"), *maildir.parent.glob("making-*")):
        shutil.rmtree(leftover, ignore_errors=True)
    known = {folder.mailboxid: folder for folder in folders.load_all(db, maildir)}
    on_disk = _describe_all(data, maildir, known, clock)
    with records.transaction(db):
        _list(db, maildir, known, on_disk)
        db.execute("UPDATE account SET boot = ?", (BOOT,))


def _list(
    db: sqlite3.Connection,
    maildir: Path,
    known: dict[str, folders.Folder],
    on_disk: dict[str, tuple[str, describe.Description]],
) -> None:
    for mailboxid, folder in known.items():
        if mailboxid not in on_disk:
            _drop_row(db, folder)
    # Two names may have changed places: out of each other's way first.
    moved = [(m, name) for m, (name, _) in on_disk.items() if m in known and known[m].name != name]
    for mailboxid, _ in moved:
        db.execute("UPDATE mailboxes SET name = '/' || mailboxid WHERE mailboxid = ?", (mailboxid,))
    for mailboxid, name in moved:
        db.execute("UPDATE mailboxes SET name = ? WHERE mailboxid = ?", (name, mailboxid))
    for mailboxid, (name, description) in on_disk.items():
        if mailboxid not in known:
            folders.insert(db, name, description)
            _estimate(db, maildir, name)


def _describe_all(
    data: Path, maildir: Path, known: dict[str, folders.Folder], clock: Callable[[], float]
) -> dict[str, tuple[str, describe.Description]]:
    """Every folder's name and description by MAILBOXID; folders without one, and copies, get their own."""
    entries = [entry.name for entry in os.scandir(maildir) if entry.is_dir()]
    names = [INBOX, *sorted(filter(None, (mailbox_name(e) for e in entries if e.startswith("."))))]
    found: dict[str, tuple[str, describe.Description]] = {}
    # A copied folder has its original's MAILBOXID: the one that the index knows by its name keeps it.
    original = {(folder.name, folder.mailboxid) for folder in known.values()}
    loaded = {name: describe.load(maildir / folder_name(name)) for name in names}
    names.sort(key=lambda name: (name, getattr(loaded[name], "mailboxid", "")) not in original)
    for name in names:
        path = maildir / folder_name(name)
        description = loaded[name]
        if description is None and not (path / "cur").is_dir():
            continue
        if description is None or description.mailboxid in found:
            letters = (
                description.keywords if description is not None else ()
            )  # a copy's names go on meaning them
            description = describe.new(uidvalidity.take(data, 1, clock)[0], SPECIAL_MAILBOXES.get(name))
            description = replace(description, keywords=letters)
            describe.save(path, description)
        for place in ("cur", "new", "tmp"):
            if not os.path.isdir(f"{path}/{place}"):
                (path / place).mkdir(exist_ok=True)
        found[description.mailboxid] = (name, description)
    return found


def _estimate(db: sqlite3.Connection, maildir: Path, name: str) -> None:
    """What a folder holds by its file names alone, for the quota until it is reconciled."""
    sizes = []
    for place in ("cur", "new"):
        for entry in os.scandir(maildir / folder_name(name) / place):
            if not entry.name.startswith("."):
                size = filename.parse(entry.name).size
                sizes.append(entry.stat().st_size if size is None else size)
    db.execute("UPDATE mailboxes SET messages = ?, bytes = ? WHERE name = ?", (len(sizes), sum(sizes), name))
    db.execute(
        "UPDATE account SET used_messages = used_messages + ?, used_bytes = used_bytes + ?",
        (len(sizes), sum(sizes)),
    )


def _drop_row(db: sqlite3.Connection, folder: folders.Folder) -> None:
    for table in ("expunged", "packed", *records.TABLES):
        db.execute(f"DELETE FROM {table} WHERE mailbox = ?", (folder.id,))  # noqa: S608
    db.execute("DELETE FROM mailboxes WHERE id = ?", (folder.id,))
    db.execute(
        "UPDATE account SET used_messages = used_messages - ?, used_bytes = used_bytes - ?",
        (folder.messages, folder.bytes),
    )


def listing(files: "AccountFiles") -> list[MailboxInfo]:
    """All mailboxes, and the bare parents of some. Folders that other programs made are taken in."""
    remembered = files.remembered.listing()
    if remembered is not None:
        return remembered
    stamp = files.remembered.stamp()
    with files.reading() as db:
        known = {folder.name: folder for folder in folders.load_all(db, files.maildir)}
    if {folder_name(name) for name in known} != _folders_on_disk(files.maildir):
        with files.writing() as db:
            sync(files.data, db, files.maildir, files.clock)
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


def _folders_on_disk(maildir: Path) -> set[str]:
    return {""} | {
        entry.name
        for entry in os.scandir(maildir)
        if entry.name.startswith(".") and mailbox_name(entry.name) and os.path.isdir(entry.path + "/cur")
    }


def create(files: "AccountFiles", name: str, special_use: str | None = None) -> None:
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
            sync(files.data, db, files.maildir, files.clock)
            raise MailboxExists(name)
        with files.half_done():
            _make_folder(making, description)
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


def delete(files: "AccountFiles", name: str) -> None:
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
                _drop_row(db, folder)
    shutil.rmtree(doomed, ignore_errors=True)


def rename(files: "AccountFiles", old: str, new: str) -> None:
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
        described = load_account(files.dir)
        with files.half_done():
            write_json(files.dir / "account.json", {**described, "rename": [old, new]})
            finish_rename(files.dir)
            sync(files.data, db, files.maildir, files.clock)


def finish_rename(account: Path) -> None:
    """Carry out the intent in account.json, whole or what a crash left of it.

    A folder whose new name another program has taken meanwhile keeps the old one.
    """
    described = load_account(account)
    intent = described.pop("rename", None)
    if intent is None:
        return
    old, new = intent
    maildir = account / "Maildir"
    for entry in sorted(entry.name for entry in os.scandir(maildir)):
        name = mailbox_name(entry) if entry.startswith(".") else None
        if name is not None and (name == old or name.startswith(old + SEPARATOR)):
            target = maildir / folder_name(new + name[len(old) :])
            if not target.exists():
                os.rename(maildir / entry, target)
    sync_dir(maildir)
    write_json(account / "account.json", described)


def _tree(db: sqlite3.Connection, name: str) -> list[str]:
    """The mailbox of that name, if there is one, and all below it."""
    return [
        row[0]
        for row in db.execute("SELECT name FROM mailboxes")
        if row[0] == name or row[0].startswith(name + SEPARATOR)
    ]


def load_account(account: Path) -> dict[str, Any]:
    try:
        values = json.loads((account / "account.json").read_bytes())
    except (OSError, ValueError):
        return {"subscriptions": [INBOX, *SPECIAL_MAILBOXES]}
    return values if isinstance(values, dict) else {}


def subscriptions(files: "AccountFiles") -> frozenset[str]:
    stamp = files.remembered.subscribed_at()
    names = frozenset(load_account(files.dir).get("subscriptions", ()))
    files.remembered.keep_subscriptions(names, stamp)
    return names


def subscribe(files: "AccountFiles", name: str, wanted: bool) -> None:
    """A name may be subscribed without a mailbox of that name (RFC 9051 §6.3.7). Raises TooManyMailboxes."""
    with files.writing():
        described = load_account(files.dir)
        names = set(described.get("subscriptions", ()))
        if wanted and name not in names and len(names) >= SUBSCRIPTIONS_MOST:
            raise TooManyMailboxes(str(len(names)))
        names = names | {name} if wanted else names - {name}
        write_json(files.dir / "account.json", {**described, "subscriptions": sorted(names)})
