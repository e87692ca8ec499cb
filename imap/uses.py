"""Which arguments of commands belong to a capability that an operator has switched off. Pure.

Only looked at where something is off. A command that is nothing without its capability says so in its row
(`Command.needs`); here stands what a command can also do.
"""

from typing import Any

from imap.commands.append import Append
from imap.commands.listing import List
from imap.commands.mailboxes import Create
from imap.commands.select import Select
from imap.commands.sort import Sort, Thread
from imap.commands.status import Status
from imap.commands.store import Store
from imap.fetch_grammar import LAZY, Fetch, Form
from imap.search import parts
from imap.search_grammar import Identified, Messages, Modified, Program, Threaded, Within
from imap.sequence import SequenceSet


def refused(arguments: Any, off: frozenset[bytes]) -> bool:
    """Whether these parsed arguments need something that is off."""
    return not off.isdisjoint(needed(arguments))


def needed(arguments: Any) -> set[bytes]:
    """The capabilities that these arguments rest on."""
    found = _of_kind(arguments)
    return found | {b"SEARCHRES"} if _names_saved(arguments) else found


def _names_saved(arguments: Any) -> bool:
    """Whether messages are named by `$` (RFC 5182 §2.1); a search may do so in its keys, too."""
    match arguments:
        case Fetch(messages=chosen) | Store(messages=chosen) | (SequenceSet() as chosen, _):  # COPY, MOVE
            return chosen.saved
        case SequenceSet(saved=saved):  # UID EXPUNGE
            return saved
        case Append(replaced=SequenceSet(saved=saved)) | (Append(replaced=SequenceSet(saved=saved)), _):
            return saved
    return False


def _of_kind(arguments: Any) -> set[bytes]:
    match arguments:
        case Fetch():
            return _fetch(arguments)
        case Select():
            found = {b"CONDSTORE"} if arguments.condstore else set()
            return found | {b"QRESYNC"} if arguments.since is not None else found
        case List():
            return _list(arguments)
        case Status():
            return _status(arguments.items)
        case Store():
            return {b"CONDSTORE"} if arguments.unchanged_since is not None else set()
        case Program():
            return _search(arguments)
        case Sort():
            return _sort(arguments)
        case Thread():
            return {b"THREAD=" + arguments.algorithm} | _search(arguments.program)
        case Create():
            return {b"CREATE-SPECIAL-USE"} if arguments.uses else set()
    return set()


def names_numbers(arguments: Any) -> bool:
    """Whether a search names messages by their numbers, which nobody has under UIDONLY (RFC 9586 §3.1)."""
    match arguments:
        case Program():
            program = arguments
        case Sort() | Thread():
            program = arguments.program
        case _:
            return False
    numbered = (key for key in parts(program.key) if isinstance(key, Messages) and not key.by_uid)
    return any(key.numbers.ranges or key.numbers.stars for key in numbered)


def _list(wanted: List) -> set[bytes]:
    found = {b"LIST-EXTENDED"} if wanted.extended else set()
    found |= {_OPTIONS[option] for option in wanted.select | wanted.give if option in _OPTIONS}
    if wanted.status:
        found |= {b"LIST-STATUS"} | _status(wanted.status)
    return found | {b"LIST-METADATA"} if wanted.metadata else found


def _status(items: tuple[bytes, ...]) -> set[bytes]:
    return {_NUMBERS[item] for item in items if item in _NUMBERS}


_NUMBERS = {
    b"SIZE": b"STATUS=SIZE",
    b"HIGHESTMODSEQ": b"CONDSTORE",
    b"MAILBOXID": b"OBJECTID",
    b"APPENDLIMIT": b"APPENDLIMIT",
    b"DELETED-STORAGE": b"QUOTA",
}
_OPTIONS = {b"SPECIAL-USE": b"SPECIAL-USE", b"MYRIGHTS": b"LIST-MYRIGHTS"}
_ITEMS = {
    b"SAVEDATE": b"SAVEDATE",
    b"MODSEQ": b"CONDSTORE",
    b"EMAILID": b"OBJECTID",
    b"THREADID": b"OBJECTID",
    b"PREVIEW": b"PREVIEW",
    LAZY: b"PREVIEW",
}


def _fetch(wanted: Fetch) -> set[bytes]:
    found = {_ITEMS[item] for item in wanted.ready if item in _ITEMS}
    if wanted.changed_since is not None:
        found.add(b"CONDSTORE")
    if wanted.vanished:
        found.add(b"QRESYNC")
    if wanted.partial is not None:
        found.add(b"PARTIAL")
    if any(body.form is not Form.OCTETS for body in wanted.bodies):
        found.add(b"BINARY")
    return found


_KEYS = {Within: b"WITHIN", Modified: b"CONDSTORE", Identified: b"OBJECTID", Threaded: b"OBJECTID"}


def _search(program: Program) -> set[bytes]:
    found = {_KEYS[type(key)] for key in parts(program.key) if type(key) in _KEYS}
    if program.returns is not None:
        found.add(b"ESEARCH")
        if b"SAVE" in program.returns:
            found.add(b"SEARCHRES")
    if program.partial is not None:
        found.add(b"PARTIAL")
    if any(isinstance(key, Messages) and key.numbers.saved for key in parts(program.key)):
        found.add(b"SEARCHRES")
    return found


def _sort(wanted: Sort) -> set[bytes]:
    found = _search(wanted.program)
    if wanted.program.returns is not None:
        found = found - {b"ESEARCH"} | {b"ESORT"}
    if any(one.name.startswith(b"DISPLAY") for one in wanted.criteria):
        found.add(b"SORT=DISPLAY")
    return found
