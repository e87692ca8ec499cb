"""A Maildir file's name says what the message is: `<time>.<unique>.<host>,S=<size>,U=<uid>:2,<flags>`.

A message that was copied or moved into its mailbox has `,D=<seconds>` behind that, when it was (RFC 8514): for
all others the base's time says so. The part before the first comma is the base, our EMAILID; the part before `:2,`
is the key, which does not change while the message stays in its mailbox. Names of other programs are read as they
are, and only the base is taken from them.
"""

import itertools
import os
import re
import socket
from typing import NamedTuple

MARK = "KW"  # in <unique>: written by us, so U= may be believed (storage/reconcile.py)
_OURS = re.compile(r"\d+\.KW[0-9a-f]+\.[^,:/]+\Z")
_SIZE = re.compile(r",S=(\d+)")
_UID = re.compile(r",U=(\d+)")
_SAVED = re.compile(r",D=(\d+)")

_host = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())[:40] or "localhost"
_process = ""
_counter = itertools.count(1)


class Name(NamedTuple):
    base: str
    size: int | None
    uid: int | None
    flags: str
    saved: int = 0  # seconds since 1970; 0: when the base was made

    @property
    def ours(self) -> bool:
        return _OURS.match(self.base) is not None


def new_base(now: float) -> str:
    """A base that no other process, thread or host makes."""
    return f"{int(now)}.{MARK}{_process}{next(_counter):x}.{_host}"


def _new_process() -> None:
    # 48 random bits for each process: pids come again, and two hosts may share a store.
    global _process
    _process = os.urandom(6).hex() + "0"


_new_process()
os.register_at_fork(after_in_child=_new_process)


def key(base: str, size: int, uid: int, saved: int = 0) -> str:
    return f"{base},S={size},U={uid},D={saved}" if saved else f"{base},S={size},U={uid}"


def made_at(base: str) -> int:
    """When a base of ours was made, in seconds since 1970."""
    return int(base.partition(".")[0])


def parse(name: str) -> Name:
    """Read any file's name; never raises. Flags come sorted, each once."""
    front, _, info = name.partition(":")
    base, _, _ = front.partition(",")
    size = _SIZE.search(front)
    uid = _UID.search(front)
    saved = _SAVED.search(front)
    flags = info[2:] if info.startswith("2,") else ""
    letters = "".join(sorted({letter for letter in flags if letter.isascii() and letter.isalpha()}))
    return Name(
        base,
        int(size[1]) if size and len(size[1]) < 16 else None,
        int(uid[1]) if uid and len(uid[1]) < 11 else None,
        letters,
        int(saved[1]) if saved and len(saved[1]) < 12 else 0,
    )
