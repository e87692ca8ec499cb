"""METADATA (RFC 5464): words that programs keep about a mailbox, in its mailbox.json, or about the account.

Shared entries belong to the mailbox; private ones to who wrote them, also in a mailbox of somebody else. Everything
is bounded: these files are read whole, and often. A value that is no UTF-8 is kept in base64.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storage import describe, maildir
from storage import folder as folders
from storage.account_files import AccountFiles
from storage.durable import write_json
from storage.errors import StoreError

KEY = "metadata"  # {"": shared entries, address: that one's private entries}
VALUE_MOST = 8 * 1024  # octets of one value
ENTRIES_MOST = 100  # of one mailbox, everybody's
OCTETS_MOST = 64 * 1024  # of all values of one mailbox
SHARED = "/shared/"

Entries = dict[str, bytes]


class ValueTooLong(StoreError):
    """A value is longer than VALUE_MOST."""


class TooManyEntries(StoreError):
    """The mailbox has as many entries, or octets of them, as it may have."""


def read(files: AccountFiles, name: str | None, who: str) -> Entries:
    """What `who` may see: shared entries and its own. `name` None: of the account. Raises MailboxMissing."""
    kept = _kept(_of_account(files) if name is None else _of_mailbox(files, name))
    return {**kept.get("", {}), **kept.get(who, {})}


def write(files: AccountFiles, name: str | None, who: str, changes: Mapping[str, bytes | None]) -> None:
    """Set entries, or take them away (None): all of them or none.

    Raises MailboxMissing, ValueTooLong, TooManyEntries."""
    if any(value is not None and len(value) > VALUE_MOST for value in changes.values()):
        raise ValueTooLong(str(VALUE_MOST))
    with files.writing() as db:
        if name is None:
            described = maildir.load_account(files.dir)
            write_json(files.dir / "account.json", {**described, KEY: _changed(described, who, changes)})
            return
        folder = folders.load(db, files.maildir, name)
        description = folder.description()
        rest = {**description.rest, KEY: _changed(description.rest, who, changes)}
        describe.save(folder.path, replace(description, rest=rest))


def _of_account(files: AccountFiles) -> dict[str, Any]:
    return maildir.load_account(files.dir)


def _of_mailbox(files: AccountFiles, name: str) -> dict[str, Any]:
    with files.reading() as db:
        folder = folders.load(db, files.maildir, name)
    return folder.description().rest


def _changed(
    held: dict[str, Any], who: str, changes: Mapping[str, bytes | None]
) -> dict[str, dict[str, Any]]:
    kept = _kept(held)
    for entry, value in changes.items():
        mine = kept.setdefault("" if entry.startswith(SHARED) else who, {})
        mine.pop(entry, None)
        if value is not None:
            mine[entry] = value
    values = [value for entries in kept.values() for value in entries.values()]
    if len(values) > ENTRIES_MOST or sum(map(len, values)) > OCTETS_MOST:
        raise TooManyEntries(str(len(values)))
    return {
        whose: {entry: _written(value) for entry, value in entries.items()}
        for whose, entries in kept.items()
        if entries
    }


def _kept(held: dict[str, Any]) -> dict[str, Entries]:
    """What a file says; other programs may have made anything of it."""
    kept = held.get(KEY)
    found: dict[str, Entries] = {}
    for whose, entries in kept.items() if isinstance(kept, dict) else ():
        if isinstance(entries, dict):
            read = {entry: _read(value) for entry, value in entries.items()}
            found[whose] = {entry: value for entry, value in read.items() if value is not None}
    return found


def _written(value: bytes) -> str | dict[str, str]:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode("ascii")}


def _read(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, dict):
        try:
            return base64.b64decode(str(value.get("base64", "")), validate=True)
        except binascii.Error:
            return None
    return None
