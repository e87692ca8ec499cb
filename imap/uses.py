"""Which arguments of commands belong to a capability that an operator has switched off. Pure.

Only looked at where something is off. A command that is nothing without its capability says so in its row
(`Command.needs`); here stands what a command can also do.
"""

from typing import Any

from imap.commands.mailboxes import Create
from imap.commands.select import Select
from imap.commands.store import Store
from imap.fetch_grammar import Fetch


def refused(arguments: Any, off: frozenset[bytes]) -> bool:
    """Whether these parsed arguments need something that is off."""
    return not off.isdisjoint(needed(arguments))


def needed(arguments: Any) -> set[bytes]:
    """The capabilities that these arguments rest on."""
    match arguments:
        case Fetch():
            return _fetch(arguments)
        case Select():
            found = {b"CONDSTORE"} if arguments.condstore else set()
            return found | {b"QRESYNC"} if arguments.since is not None else found
        case Store():
            return {b"CONDSTORE"} if arguments.unchanged_since is not None else set()
        case Create():
            return {b"CREATE-SPECIAL-USE"} if arguments.uses else set()
    return set()


_ITEMS = {b"MODSEQ": b"CONDSTORE", b"EMAILID": b"OBJECTID", b"THREADID": b"OBJECTID"}


def _fetch(wanted: Fetch) -> set[bytes]:
    found = {_ITEMS[item] for item in wanted.ready if item in _ITEMS}
    if wanted.changed_since is not None:
        found.add(b"CONDSTORE")
    if wanted.vanished:
        found.add(b"QRESYNC")
    return found
