"""A Maildir of Dovecot's becomes an account's, and no mail program downloads anything again.

Dovecot keeps UIDs, UIDVALIDITY and the letters of keywords in files of its own (`dovecot-uidlist`,
`dovecot-keywords`), names folders in modified UTF-7, and so on. Here the names of the files say the same
(storage/filename.py), so they are copied under new names, with their dates and flags. What Dovecot has not seen yet
has no UID there and gets one here. POP3 clients know a message by what Dovecot makes of its UID: INBOX's
description says that this goes on (of its `pop3_uidl_format` only the default, `%08Xu%08Xv`).

The copy is made aside, is on the disk, and becomes the Maildir by one rename under the account's lock: whoever is
killed or loses its power has brought nothing, and may begin again. An account that has mail is refused. The old
Maildir is only read.
"""

import base64
import bz2
import gzip
import lzma
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from storage import describe, durable, filename
from storage.durable import sync_dir, write_json
from storage.errors import StoreError
from storage.folder import KEYWORDS_MOST
from storage.layout import INBOX, SPECIAL_MAILBOXES, canonical_name, folder_name
from storage.lock import AccountLock

PLACES = ("cur", "new", "tmp")
TOGETHER = 64  # messages that are on their way to the disk before one is waited for

_UIDLIST = re.compile(r"3 V(\d+) N(\d+)")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")  # RFC 3501 §5.1.3
_PACKED: dict[bytes, Callable[[bytes], bytes]] = {  # by Dovecot's zlib plugin
    b"\x1f\x8b\x08": gzip.decompress,
    b"BZh91AY&SY": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
_CLOSED = {
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"Dovecot-LZ4": "compressed with lz4",
    b"CRYPTED\x03\x07": "encrypted by mail-crypt",
}


class NotBrought(StoreError):
    """The Maildir cannot become the account's; the text says why."""


class _List(NamedTuple):
    """What dovecot-uidlist says of a folder."""

    uidvalidity: int
    uidnext: int
    uids: dict[str, int]  # by the name before `:2,`
    found: bool = True


class Brought(NamedTuple):
    messages: int
    mailboxes: int
    anew: tuple[str, ...]  # mailboxes with mail of which Dovecot's list of UIDs is not there


def bring(source: Path, account: Path) -> Brought:
    """Copy the Maildir at `source` into the account's folder. Raises NotBrought."""
    if not (source / "cur").is_dir():
        raise NotBrought(f"{source} is no Maildir: there is no cur in it")
    names = _mailboxes(source)
    wanted = sorted(name for name in _subscribed(source) if name in names)
    _refuse_second(account)
    making = account / f"making-{secrets.token_hex(6)}"  # storage/leftovers.py, maildir.sync
    try:
        making.mkdir(mode=0o700, parents=True)
        copied = {name: _folder(path, name, making) for name, path in names.items()}
        sync_dir(making)
        with _locked(account):
            _refuse_second(account)
            write_json(account / "account.json", {"subscriptions": [INBOX, *wanted]})
            os.rename(making, account / "Maildir")
            for above in (account, *list(account.parents)[:3]):  # up to the data's folder
                sync_dir(above)
    except FileNotFoundError:
        _refuse_second(account)  # mail came, and who made a Maildir for it has swept ours away
        raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    anew = tuple(name for name, count in copied.items() if count and not _uidlist(names[name]).found)
    return Brought(sum(copied.values()), len(copied), anew)


def _refuse_second(account: Path) -> None:
    target = account / "Maildir"
    if target.exists():
        raise NotBrought(
            f"{target} is there already: only an account that never had mail can be given a Maildir"
        )


@contextmanager
def _locked(account: Path) -> Iterator[None]:
    """A delivery to an account without a Maildir makes one (storage/maildir.py), under this lock too."""
    lock = AccountLock(account / "lock")
    try:
        lock.acquire()
        try:
            yield
        finally:
            lock.release()
    finally:
        lock.close()


def _mailboxes(source: Path) -> dict[str, Path]:
    found = {INBOX: source}
    for path in sorted(source.iterdir()):
        if path.name.startswith(".") and (path / "cur").is_dir():
            name = _name(path.name[1:].split("."))
            if name in found:
                raise NotBrought(f"{found[name]} and {path} are both called {name} here: rename one first")
            found[name] = path
        elif path.name not in PLACES and not path.name.startswith(".") and any(path.rglob("cur")):
            raise NotBrought(f"{path} holds mailboxes as LAYOUT=fs does: bring this account by IMAP")
    return found


def _name(levels: list[str]) -> str:
    name = "/".join(_decoded(level) for level in levels)
    try:
        return canonical_name(name)
    except StoreError as error:
        raise NotBrought(f"a mailbox cannot be called {name!r} here: rename it first") from error


def _decoded(level: str) -> str:
    def character(match: re.Match[str]) -> str:
        octets = match[1].replace(",", "/")
        return base64.b64decode(octets + "=" * (-len(octets) % 4)).decode("utf-16-be") if octets else "&"

    try:
        return _SHIFTED.sub(character, level)
    except ValueError as error:
        raise NotBrought(f"{level!r} is no modified UTF-7") from error


def _subscribed(source: Path) -> Iterator[str]:
    """The file `subscriptions`: version 2 has tabs between the levels, the older one `.` or `/`."""
    try:
        head, *lines = (source / "subscriptions").read_text().splitlines()
    except (OSError, ValueError):
        return
    tabs = head.startswith("V\t2")
    for line in lines if tabs else [head, *lines]:
        if line:
            yield _name(re.split("\t" if tabs else r"[./]", line))


def _folder(source: Path, name: str, making: Path) -> int:
    """On the disk when it returns, all but its name."""
    known = _uidlist(source)
    folder = making if name == INBOX else making / folder_name(name)
    for path in ([] if name == INBOX else [folder]) + [folder / place for place in PLACES]:
        path.mkdir(mode=0o700)
    if name != INBOX:
        durable.write(folder / "maildirfolder", b"")  # Maildir++: this Maildir is a folder of another
    files = [
        file
        for place in ("cur", "new")
        for file in sorted((source / place).glob("*"))
        if not file.name.startswith(".") and file.is_file()
    ]
    for first in range(0, len(files), TOGETHER):
        _copy(files[first : first + TOGETHER], folder, known)
    described = replace(
        describe.new(known.uidvalidity, SPECIAL_MAILBOXES.get(name)),
        uidnext_mark=known.uidnext,
        keywords=_keywords(source),
        rest={describe.UID_FIRST: True} if name == INBOX and known.found else {},
    )
    describe.save(folder, described)
    for each in (folder / "cur", folder / "new", folder):
        sync_dir(each)
    return len(files)


def _copy(files: Sequence[Path], folder: Path, known: _List) -> None:
    copies: list[int] = []
    try:
        for file in files:
            base, _, flags = file.name.partition(":2,")
            place = "cur" if flags else file.parent.name  # a name in new/ has none
            made = f"{folder / place}/{_new_name(file, known.uids.get(base), flags)}"
            copies.append(durable.begin(made, _text(file)))
            stat = file.stat()
            os.utime(copies[-1], ns=(stat.st_mtime_ns, stat.st_mtime_ns))
        durable.sync_files(copies)
    finally:
        for fd in copies:
            os.close(fd)


def _text(file: Path) -> bytes:
    text = file.read_bytes()
    for magic, what in _CLOSED.items():
        if text.startswith(magic):
            raise NotBrought(f"{file} is {what}: bring this account by IMAP")
    for magic, unpack in _PACKED.items():
        if text.startswith(magic):
            try:
                return unpack(text)
            except (OSError, EOFError, ValueError, lzma.LZMAError) as error:
                raise NotBrought(f"{file} is compressed, and damaged: {error}") from error
    return text


def _new_name(file: Path, uid: int | None, flags: str) -> str:
    base = filename.new_base(file.stat().st_mtime)
    key = base if uid is None else f"{base},U={uid}"  # the size is found by who opens the mailbox
    return f"{key}:2,{flags}" if flags else key


def _uidlist(source: Path) -> _List:
    """Without the file (or with one of before Dovecot 1.2) the mailbox is a new one for mail programs."""
    try:
        head, *lines = (source / "dovecot-uidlist").read_text("utf-8", "surrogateescape").splitlines()
    except (OSError, ValueError):
        head, lines = "", []
    found = _UIDLIST.match(head)
    if found is None:
        return _List(int(time.time()), 1, {}, found=False)
    uids = {}
    for line in lines:
        left, _, name = line.partition(" :")
        uids[name.partition(":2,")[0]] = int(left.split()[0])
    return _List(int(found[1]), max([int(found[2]), *(uid + 1 for uid in uids.values())]), uids)


def _keywords(source: Path) -> tuple[str, ...]:
    """`0 $Forwarded` is the letter a; letters in between that mean nothing get names that say so."""
    try:
        lines = (source / "dovecot-keywords").read_text().splitlines()
    except (OSError, ValueError):
        return ()
    letters = {int(number): keyword for number, _, keyword in (line.partition(" ") for line in lines)}
    last = min(max(letters, default=-1) + 1, KEYWORDS_MOST)
    return tuple(letters.get(number, f"unnamed-{number}") for number in range(last))
