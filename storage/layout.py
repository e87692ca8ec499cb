"""Where things lie on disk, and how a mailbox's name becomes a folder's.

`<data>/mail/<domain>/<local-part>/` holds an account: `Maildir/` (Maildir++), `index.sqlite`, `lock`,
`account.json`. A mailbox `Work/2024` is the folder `.Work.2024`; a dot inside a level is written `%2E` and a
percent sign `%25`, so the way back is unique. Names are UTF-8, that an operator can read them. INBOX is the
Maildir itself.
"""

import unicodedata
from functools import lru_cache
from pathlib import Path

from storage.errors import NameRefused

INBOX = "INBOX"
SEPARATOR = "/"
NAME_MOST = 255  # bytes of a folder's name, the file system's limit
DEPTH_MOST = 20  # levels of a mailbox name

# RFC 6154: made for each account
SPECIAL_MAILBOXES = {
    "Sent": "\\Sent",
    "Drafts": "\\Drafts",
    "Junk": "\\Junk",
    "Trash": "\\Trash",
    "Archive": "\\Archive",
}


def account_dir(data: Path, address: str) -> Path:
    """The folder of an account. The address is canonical, but a path is made of it: so look twice.

    Raises NameRefused for an address that would lead elsewhere.
    """
    local, _, domain = address.rpartition("@")
    for piece in (local, domain):
        if (
            not piece
            or piece.startswith(".")
            or "/" in piece
            or "\0" in piece
            or len(piece.encode()) > NAME_MOST
        ):
            raise NameRefused(address)
    return data / "mail" / domain / local


@lru_cache(maxsize=4096)
def maildir_text(data: Path, address: str) -> str:
    """`Maildir/` of an account as text: joining a `Path` for each message costs more than opening it."""
    return str(account_dir(data, address) / "Maildir")


@lru_cache(maxsize=4096)  # what is refused is not kept, so none is long
def canonical_name(name: str) -> str:
    """The one spelling of a mailbox name: INBOX in capitals (RFC 9051 §5.1), NFC, no separator at the end.

    Raises NameRefused for empty levels, control characters, and what would not fit on the disk.
    """
    name = unicodedata.normalize("NFC", name).removesuffix(SEPARATOR)
    levels = name.split(SEPARATOR)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    if len(levels) > DEPTH_MOST or not all(map(_level_ok, levels)):
        raise NameRefused(name)
    name = SEPARATOR.join(levels)
    if len(folder_name(name).encode()) > NAME_MOST:
        raise NameRefused(name)
    return name


def _level_ok(level: str) -> bool:
    if not level or level in (".", ".."):
        return False
    return not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in level)


def folder_name(name: str) -> str:
    """`Work/2024` -> `.Work.2024`; INBOX -> the empty string."""
    if name == INBOX:
        return ""
    levels = name.split(SEPARATOR)
    return "".join("." + level.replace("%", "%25").replace(".", "%2E") for level in levels)


def mailbox_name(folder: str) -> str | None:
    """The way back from a folder's name; None for what is no folder of ours (`..`, `.a..b`)."""
    if folder == "":
        return INBOX
    levels = folder[1:].split(".")
    if folder[0] != "." or not all(levels):
        return None
    try:
        name = canonical_name(
            SEPARATOR.join(level.replace("%2E", ".").replace("%25", "%") for level in levels)
        )
    except NameRefused:
        return None
    return name if folder_name(name) == folder else None
