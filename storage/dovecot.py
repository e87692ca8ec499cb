"""A Maildir of Dovecot's becomes an account's, and no mail program downloads anything again.

Dovecot keeps UIDs, UIDVALIDITY and the letters of keywords in files of its own (`dovecot-uidlist`,
`dovecot-keywords`), names folders in modified UTF-7, and so on. Here the names of the files say the same
(storage/filename.py), so they are copied under new names, with their dates and flags. What Dovecot has not seen yet
has no UID there and gets one here.

The copy is made aside and becomes the Maildir by one rename; an account that has mail already is refused. The old
Maildir is only read.
"""

import base64
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from storage import describe, filename
from storage.durable import sync_dir, write_json
from storage.errors import StoreError
from storage.folder import KEYWORDS_MOST
from storage.layout import INBOX, SPECIAL_MAILBOXES, canonical_name, folder_name

_UIDLIST = re.compile(r"3 V(\d+) N(\d+)")
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")  # RFC 3501 §5.1.3


class NotBrought(StoreError):
    """The Maildir cannot become the account's; the text says why."""


class _List(NamedTuple):
    """What dovecot-uidlist says of a folder."""

    uidvalidity: int
    uidnext: int
    uids: dict[str, int]  # by the name before `:2,`


def bring(source: Path, account: Path) -> int:
    """Copy the Maildir at `source` into the account's folder; the number of its messages. Raises NotBrought."""
    if not (source / "cur").is_dir():
        raise NotBrought(f"{source} is no Maildir: there is no cur in it")
    target, making = account / "Maildir", account / "bringing"
    if target.exists():
        raise NotBrought(
            f"{target} is there already: only an account that never had mail can be given a Maildir"
        )
    shutil.rmtree(making, ignore_errors=True)  # of one that was stopped
    making.mkdir(mode=0o700, parents=True)
    names = dict(_mailboxes(source))
    count = sum(_folder(path, name, making) for name, path in names.items())
    wanted = sorted(name for name in _subscribed(source) if name in names)
    write_json(account / "account.json", {"subscriptions": [INBOX, *wanted]})
    sync_dir(making)
    os.rename(making, target)
    sync_dir(account)
    return count


def _mailboxes(source: Path) -> Iterator[tuple[str, Path]]:
    yield INBOX, source
    for path in sorted(source.iterdir()):
        if path.name.startswith(".") and (path / "cur").is_dir():
            yield _name(path.name[1:].split(".")), path


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
    known = _uidlist(source)
    folder = making if name == INBOX else making / folder_name(name)
    for place in ("cur", "new", "tmp"):
        (folder / place).mkdir(mode=0o700, parents=True)
    count = 0
    for place in ("cur", "new"):
        for file in sorted((source / place).iterdir()):
            if file.name.startswith(".") or not file.is_file():
                continue
            base, _, flags = file.name.partition(":2,")
            made = folder / place / _new_name(file, known.uids.get(base), flags)
            if flags:  # a name in new/ has none
                made = folder / "cur" / made.name
            shutil.copy2(file, made)
            with made.open("rb+") as copied:
                os.fsync(copied.fileno())
            count += 1
    described = describe.new(known.uidvalidity, SPECIAL_MAILBOXES.get(name))
    describe.save(folder, replace(described, uidnext_mark=known.uidnext, keywords=_keywords(source)))
    for each in (folder / "cur", folder / "new", folder):
        sync_dir(each)
    return count


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
        return _List(int(time.time()), 1, {})
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
