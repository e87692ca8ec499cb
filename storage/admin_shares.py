"""What the account files of a domain give to an account that is deleted: taken out, and put back if it comes back.

`share` in an account's file names people by their addresses, for people write it. A successor of the same name is
somebody else: so the names are taken out of the files before the address is free, and what was taken is kept
with the mail of the account, as long as that can be had back. What SETACL gives needs none of this
(storage/sharing.py).

The caller holds the domain's contract lock. Each step may be the last one: what will be taken is written down
first, and to take or to put back twice does no harm.
"""

import contextlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from config import edit
from storage.admin_files import Refused, read_text, write_checked
from storage.durable import write_json
from storage.people.directory import Directory
from storage.people.directory_cache import Name

FILE = "shares.json"


class Given(NamedTuple):
    """One line of a file."""

    owner: str  # local part of whose file it is
    mailbox: str
    who: str  # as the file spells it
    rights: str


def given_to(directory: Directory, name: Name) -> list[Given]:
    """What the files of the domain's other accounts give to an account."""
    directory.refresh(name.domain)
    spelled = {name.local, f"{name.local}@{name.domain}"}
    return [
        Given(owner, mailbox, who, rights)
        for owner, share in directory.cache.shares(name.domain)
        if owner != name.local
        for mailbox, people in share.items()
        for who, rights in people.items()
        if who in spelled
    ]


def take_back(directory: Directory, name: Name, folder: Path | None = None) -> None:
    """Nobody gives anything to that name any more; `folder` remembers who did. Raises Refused."""
    given = given_to(directory, name)
    if not given:
        return
    if folder is not None:
        write_json(folder / FILE, [*_kept(folder), *given])
    for owner in {each.owner for each in given}:
        file = Name("account", name.domain, owner)
        taken = [each for each in given if each.owner == owner]
        text = read_text(directory, file)
        _write(directory, file, text, {("share", each.mailbox, each.who): edit.REMOVE for each in taken})


def give_again(directory: Directory, name: Name, folder: Path) -> None:
    """What was taken is there again, but where the owner is no more, or has given something else since."""
    known = dict(directory.cache.shares(name.domain))
    for each in _kept(folder):
        if each.who not in known.get(each.owner, {}).get(each.mailbox, {}):
            owner = Name("account", name.domain, each.owner)
            with contextlib.suppress(Refused):
                text = read_text(directory, owner)
                _write(directory, owner, text, {("share", each.mailbox, each.who): each.rights})
    (folder / FILE).unlink(missing_ok=True)


def _write(directory: Directory, name: Name, text: str, changes: dict[edit.Key, Any]) -> None:
    write_checked(directory, name, text, changes, edit.digest(text))


def _kept(folder: Path) -> list[Given]:
    try:
        return [Given(*map(str, each)) for each in json.loads((folder / FILE).read_bytes())]
    except (OSError, ValueError, TypeError):
        return []
