"""An account's Maildir on the disk: made whole, and found again after a crash.

A folder appears and goes by one rename, so it is there whole or not at all. What a RENAME of a tree means stands
in account.json until it is finished. `sync` makes the index's list of mailboxes agree with the folders;
MAILBOXID tells which is which after a rename.
"""

import json
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from storage import describe, durable, filename, records, uidvalidity
from storage import folder as folders
from storage.durable import sync_dir, sync_files, write_json
from storage.folder import BOOT
from storage.layout import INBOX, SEPARATOR, SPECIAL_MAILBOXES, folder_name, mailbox_name


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


def make_folder(path: Path, description: describe.Description) -> None:
    """Durable when it returns, all but its name."""
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
            drop_row(db, folder)
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


def drop_row(db: sqlite3.Connection, folder: folders.Folder) -> None:
    """The index forgets a mailbox, and the account no longer pays for it."""
    for table in ("expunged", "packed", *records.TABLES):
        db.execute(f"DELETE FROM {table} WHERE mailbox = ?", (folder.id,))  # noqa: S608
    db.execute("DELETE FROM mailboxes WHERE id = ?", (folder.id,))
    db.execute(
        "UPDATE account SET used_messages = used_messages - ?, used_bytes = used_bytes - ?",
        (folder.messages, folder.bytes),
    )


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


def load_account(account: Path) -> dict[str, Any]:
    """What account.json says."""
    try:
        values = json.loads((account / "account.json").read_bytes())
    except (OSError, ValueError):
        return {"subscriptions": [INBOX, *SPECIAL_MAILBOXES]}
    return values if isinstance(values, dict) else {}
