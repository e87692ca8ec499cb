"""mailbox.json: what a folder's file names can't hold.

UIDVALIDITY, MAILBOXID, the letters of its keywords, special use, and two marks. A mark is written ahead:
no UID and no MODSEQ above it is ever given out, so after the index is lost numbering goes on from the marks
and nothing is given out twice. Written under the account's lock only, and fsynced before use.
"""

import json
import os
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from storage import durable
from storage.durable import write_json

FILE = "mailbox.json"
UID_FIRST = "uid_first"
UID_BLOCK = 1000  # UIDs for one write of the mark
MODSEQ_BLOCK = 86_400_000_000  # a day in microseconds: a mailbox writes its mark at most once a day
RESTORED = 1_000_000  # UIDs left out after a backup was put back


@dataclass(frozen=True, slots=True)
class Description:
    """One folder's mailbox.json."""

    mailboxid: str
    uidvalidity: int
    uidnext_mark: int = 1  # no UID was given out yet
    modseq_mark: int = 0
    keywords: tuple[str, ...] = ()
    special_use: str | None = None
    rest: dict[str, Any] = field(default_factory=dict)  # keys of later versions are kept

    @property
    def uid_first(self) -> bool:
        """Whether POP3's unique ids are the UID and then UIDVALIDITY, as Dovecot made them for this mail."""
        return bool(self.rest.get(UID_FIRST))


def new(uidvalidity: int, special_use: str | None = None) -> Description:
    # RFC 8474 §4: MAILBOXID never changes and is never used again
    return Description("M" + secrets.token_hex(10), uidvalidity, special_use=special_use)


def load(folder: Path) -> Description | None:
    """None where the file is missing or not ours to read: the folder then gets a new description."""
    try:
        values = json.loads((folder / FILE).read_bytes())
        known = {
            "mailboxid": str(values.pop("mailboxid")),
            "uidvalidity": int(values.pop("uidvalidity")),
            "uidnext_mark": int(values.pop("uidnext_mark")),
            "modseq_mark": int(values.pop("modseq_mark")),
        }
        keywords = tuple(map(str, values.pop("keywords", ())))[:26]
        special_use = values.pop("special_use", None)
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return Description(**known, keywords=keywords, special_use=special_use, rest=values)  # type: ignore[arg-type]


def save(folder: Path, description: Description) -> None:
    write_json(folder / FILE, _values(description))


def begin(folder: str, description: Description) -> int:
    """mailbox.json of a folder that nobody sees yet: see `durable.begin`."""
    return durable.begin(f"{folder}/{FILE}", durable.as_json(_values(description)))


def _values(description: Description) -> dict[str, Any]:
    values: dict[str, Any] = dict(description.rest)
    values.update(
        mailboxid=description.mailboxid,
        uidvalidity=description.uidvalidity,
        uidnext_mark=description.uidnext_mark,
        modseq_mark=description.modseq_mark,
        keywords=list(description.keywords),
        special_use=description.special_use,
    )
    return values


def joined(one: Description, other: Description) -> Description:
    """Of two states of one folder the higher marks, and all keywords: letters are only ever added."""
    return replace(
        one,
        uidnext_mark=max(one.uidnext_mark, other.uidnext_mark),
        modseq_mark=max(one.modseq_mark, other.modseq_mark),
        keywords=max(one.keywords, other.keywords, key=len),
    )


def raise_marks(maildir: Path) -> int:
    """After a backup was put back: leave out a million UIDs in each folder; returns the number of folders.

    Mail that came after the backup had UIDs that the backup's marks do not know of.
    """
    folders = 0
    for entry in os.scandir(maildir):
        if entry.name.startswith(".") and entry.is_dir():
            folders += _raise(Path(entry.path))
    return folders + _raise(maildir)


def _raise(folder: Path) -> int:
    description = load(folder)
    if description is None:
        return 0
    save(
        folder,
        replace(
            description,
            uidnext_mark=description.uidnext_mark + RESTORED,
            modseq_mark=description.modseq_mark + MODSEQ_BLOCK,
        ),
    )
    return 1
