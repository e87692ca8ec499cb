"""After a crash, a lost index, or another program's work: make the rows say what the files say.

Under the account's lock, for one mailbox. A file without a row is new, a row without a file is expunged, a
name that disagrees with its row wins. The UID in a name is believed only if we wrote the name, the UID is
below the UIDNEXT mark, no other file has it, and it was never shown to anybody with this index: then it is at
or above the index's UIDNEXT, or the index knows nothing at all. Else the file gets a fresh UID by a rename.
So no UID ever comes back with another message, and none appears below those that a client has seen.
"""

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from storage import filename, records
from storage import folder as folders
from storage.durable import sync_dir
from storage.folder import BOOT, Folder
from storage.message import Message
from storage.rows import Row

EXPUNGED_KEPT = 90 * 86_400  # seconds: how long an expunged UID is remembered
PRUNED_EVERY = 86_400  # seconds: to find what is older all that is remembered is read


class _File(NamedTuple):
    path: str
    name: filename.Name
    cur: bool


def reconcile(db: sqlite3.Connection, folder: Folder, now: float, *, unclean: bool = False) -> None:
    """Bring `folder`'s rows up to its files; commits one transaction. `unclean`: a write was cut off."""
    fresh = folder.boot == ""
    believed_from = 1 if fresh else folder.uidnext
    if unclean or folder.boot != BOOT:
        # Commits may be missing: numbering goes on from the marks, and letters that were given keep their meaning.
        description = folder.description()
        folder.uidnext_mark = max(folder.uidnext_mark, description.uidnext_mark)
        folder.modseq_mark = max(folder.modseq_mark, description.modseq_mark)
        folder.keywords = max(description.keywords, folder.keywords, key=len)
        folder.uidnext = max(folder.uidnext, folder.uidnext_mark)
    if folder.boot != BOOT:
        # What came and went in lost commits nobody knows of: below here the expunged rows are not complete.
        folder.modseq = folder.floor = max(folder.modseq, folder.modseq_mark)
    folder.record_mtimes(scanned=True)
    files = _scan(folder.path)
    rows = {_key(row): row for row in records.read_rows(db, folder.id)}
    found, strangers = _match(files, rows)
    gone = [row for key, row in rows.items() if key not in found]
    if fresh or gone or strangers or any(_differs(file, rows[key]) for key, file in found.items()):
        modseq = folder.take_modseq(now)
    else:
        modseq = folder.modseq
    changed = [_follow(file, rows[key], modseq, folder) for key, file in found.items()]
    arrived = _adopt(strangers, folder, believed_from, modseq)
    folder.boot = BOOT
    with records.transaction(db):
        _write(db, folder, [row for row in changed if row], arrived, gone, modseq, int(now))


def _key(row: Row) -> str:
    return filename.key(row.base, row.size, row.uid, row.saved)


def row_path(folder: Folder, row: Row) -> str:
    """Where the row's file is, after its name. (Text: joining a `Path` costs more than opening the file.)"""
    if row.cur:
        return f"{folder.path}/cur/{_key(row)}:2,{row.flags}"
    return f"{folder.path}/new/{_key(row)}"


def row_paths(folder: Folder, rows: list[Row]) -> list[str]:
    """The same of many."""
    new, cur = f"{folder.path}/new/", f"{folder.path}/cur/"
    return [f"{cur}{_key(row)}:2,{row.flags}" if row.cur else f"{new}{_key(row)}" for row in rows]


def flagged_paths(folder: Folder, rows: list[Row], flags: list[str]) -> list[str]:
    """Where their files are to be with these flags."""
    cur = f"{folder.path}/cur/"
    return [f"{cur}{_key(row)}:2,{letters}" for row, letters in zip(rows, flags, strict=True)]


def find(folder: Folder, row: Row) -> Path:
    """The row's file under whatever flags it has now. Raises FileNotFoundError: it counts as expunged."""
    key = _key(row)
    for place in ("cur", "new"):
        with os.scandir(folder.path / place) as entries:
            for entry in entries:
                if entry.name.partition(":")[0] == key:
                    return Path(entry.path)
    raise FileNotFoundError(key)


def message_of(folder: Folder, row: Row) -> Message:
    """The message of a row. Its file is looked up again where another program renamed it."""
    path = Path(row_path(folder, row))
    return Message(path, row.size, lf=bool(row.lf), finder=lambda: find(folder, row))


def _scan(path: Path) -> list[_File]:
    files: dict[str, _File] = {}
    others: list[_File] = []
    for place in ("new", "cur"):
        for entry in os.scandir(path / place):
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                file = _File(entry.path, filename.parse(entry.name), place == "cur")
                key = entry.name.partition(":")[0]
                first = files.setdefault(key, file)
                if first is file:
                    continue
                if os.path.samefile(first.path, file.path):
                    # One message under two names: a rename that a power cut left half done. cur/ is read later.
                    os.unlink(first.path)
                    files[key] = file
                else:
                    others.append(file)
    return [*files.values(), *others]


def _match(files: list[_File], rows: dict[str, Row]) -> tuple[dict[str, _File], list[_File]]:
    """Files that have a row, by key; and strangers. A second file of the same key is a stranger."""
    found: dict[str, _File] = {}
    strangers = []
    for file in files:
        key = os.path.basename(file.path).partition(":")[0]
        if key in rows and key not in found:
            found[key] = file
        else:
            strangers.append(file)
    return found, strangers


def _differs(file: _File, row: Row) -> bool:
    return file.name.flags != row.flags or file.cur != bool(row.cur)


def _follow(file: _File, row: Row, modseq: int, folder: Folder) -> Row | None:
    """The row that agrees with the file's name, or None where it did; the name in its one spelling."""
    cur = file.cur or bool(file.name.flags)  # a file in new/ has no flags
    wanted = row._replace(flags=file.name.flags, cur=cur)
    path = row_path(folder, wanted)
    if file.path != path:
        os.rename(file.path, path)
    if wanted == row._replace(cur=bool(row.cur)):
        return None
    return wanted._replace(modseq=modseq)


def _adopt(strangers: list[_File], folder: Folder, believed_from: int, modseq: int) -> list[Row]:
    """Rows for files that have none, in the order of believed UIDs, then of their times."""
    taken: set[int] = set()
    known: list[tuple[int, _File, os.stat_result]] = []
    unknown: list[tuple[float, _File, os.stat_result]] = []
    for file in strangers:
        stat = os.stat(file.path)
        uid = file.name.uid
        if uid and file.name.ours and believed_from <= uid < folder.uidnext_mark and uid not in taken:
            taken.add(uid)
            known.append((uid, file, stat))
        else:
            unknown.append((stat.st_mtime, file, stat))
    rows = [_believe(file, uid, stat, folder, modseq) for uid, file, stat in sorted(known, key=_first)]
    if known:
        folder.uidnext = max(folder.uidnext, max(taken) + 1)
    if unknown:
        uid = folder.take_uids(len(unknown))
        for number, (_, file, stat) in enumerate(sorted(unknown, key=_time_then_name)):
            rows.append(_believe(file, uid + number, stat, folder, modseq))
        sync_dir(folder.path / "cur")
        sync_dir(folder.path / "new")
    return rows


def _first(item: tuple[int, _File, os.stat_result]) -> int:
    return item[0]


def _time_then_name(item: tuple[float, _File, os.stat_result]) -> tuple[float, str]:
    return item[0], os.path.basename(item[1].path)


def _believe(file: _File, uid: int, stat: os.stat_result, folder: Folder, modseq: int) -> Row:
    size, lf = _size(file, stat)
    # A base of ours, so that the UID is believed again when the index is lost.
    base = file.name.base if file.name.ours else filename.new_base(stat.st_mtime)
    row = Row(
        uid=uid,
        base=base,
        flags=file.name.flags,
        modseq=modseq,
        size=size,
        date=int(stat.st_mtime),
        born=modseq,
        came="found",
        cur=file.cur or bool(file.name.flags),
        lf=lf,
        saved=file.name.saved if file.name.ours else 0,
    )
    path = row_path(folder, row)
    if file.path != path:
        os.rename(file.path, path)
    return row


def _size(file: _File, stat: os.stat_result) -> tuple[int, bool]:
    """Octets with CRLF line ends, and whether the file has LF ones. Our own names tell without reading."""
    if file.name.ours and file.name.size == stat.st_size:
        return stat.st_size, False
    bare = 0
    last = b""
    with open(file.path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            bare += chunk.count(b"\n") - chunk.count(b"\r\n")
            if last == b"\r" and chunk[:1] == b"\n":
                bare -= 1
            last = chunk[-1:]
    return stat.st_size + bare, bare > 0


def _write(
    db: sqlite3.Connection,
    folder: Folder,
    changed: list[Row],
    arrived: list[Row],
    gone: list[Row],
    modseq: int,
    now: int,
) -> None:
    before = (folder.messages, folder.bytes)
    db.executemany(
        "UPDATE rows SET flags = ?, cur = ?, modseq = ? WHERE mailbox = ? AND uid = ?",
        [(row.flags, row.cur, row.modseq, folder.id, row.uid) for row in changed],
    )
    records.forget(db, folder, gone, modseq, now)
    records.insert_rows(db, folder, arrived)
    folder.messages, folder.bytes = db.execute(
        "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM rows WHERE mailbox = ?", (folder.id,)
    ).fetchone()
    db.execute(
        "UPDATE account SET used_messages = used_messages + ?, used_bytes = used_bytes + ?",
        (folder.messages - before[0], folder.bytes - before[1]),
    )
    # The rows of one account's first reconcile all get one modseq; older clients are told by UID sets.
    oldest = db.execute(
        "SELECT at FROM expunged WHERE mailbox = ? ORDER BY modseq LIMIT 1", (folder.id,)
    ).fetchone()
    if oldest is not None and oldest[0] < now - EXPUNGED_KEPT - PRUNED_EVERY:
        _prune(db, folder, now - EXPUNGED_KEPT)
    folder.record_mtimes()
    folders.save(db, folder)


def _prune(db: sqlite3.Connection, folder: Folder, before: int) -> None:
    """Forget what was expunged before that time, and everything of a lower modseq: complete above the floor."""
    last = db.execute(
        "SELECT MAX(modseq) FROM expunged WHERE mailbox = ? AND at < ?", (folder.id, before)
    ).fetchone()[0]
    folder.floor = max(folder.floor, last)
    db.execute("DELETE FROM expunged WHERE mailbox = ? AND modseq <= ?", (folder.id, last))
