"""The table of commands: the index of the room.

A row says the name, the pure parser of the arguments, what runs it, in which states it may come, and whether
message sequence numbers must stay as they are while it is answered (`HOLD`: no EXPUNGE, RFC 9051 §7.5.1) or
may move (`FREE`). COPY holds too: clients send it and a STORE by the same numbers in one breath. Beside the
row stands where it is defined.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from imap.commands import (
    acl,
    always,
    append,
    auth,
    copy,
    enable,
    esearch,
    expunge,
    fetch,
    idle,
    listing,
    mailboxes,
    metadata,
    notify,
    quota,
    search,
    select,
    sort,
    status,
    store,
)
from imap.replies import Reply
from imap.scanner import BadSyntax, Scanner
from imap.state import ANY, INSIDE, OUTSIDE, SELECTED, State

if TYPE_CHECKING:
    from imap.session import Session


class Numbers(Enum):
    """What may happen to message sequence numbers while a command is answered."""

    HOLD = 1
    FREE = 2


HOLD, FREE = Numbers.HOLD, Numbers.FREE


class Command(NamedTuple):
    """One row."""

    name: str
    parse: Callable[[Scanner], Any]
    run: "Callable[[Session, Any], Awaitable[Reply | None]]"
    states: frozenset[State]
    seqs: Numbers
    needs: bytes = b""  # the capability without which there is no such command


class Asked(NamedTuple):
    """A command that was read to its end."""

    command: Command
    arguments: Any  # frozen, as all that parsers give


# What is kept in memory of what clients said: no passwords, no words that are searched for.
_REPEATED = frozenset({"CAPABILITY", "NOOP", "NAMESPACE", "LIST", "STATUS", "SELECT", "EXAMINE", "IDLE"})
MOST_KEPT = 2000
LONGEST_KEPT = 200  # octets

_asked: dict[bytes, Asked] = {}


def nothing(_scanner: Scanner) -> None:
    """A command without arguments."""


# fmt: off
COMMANDS = (
    Command("CAPABILITY", nothing, always.capability, ANY, FREE),  # RFC 9051 §6.1.1
    Command("NOOP", nothing, always.noop, ANY, FREE),  # RFC 9051 §6.1.2
    Command("LOGOUT", nothing, always.logout, ANY, FREE),  # RFC 9051 §6.1.3
    Command("ID", always.parse_id, always.ident, ANY, FREE, b"ID"),  # RFC 2971 §3.1
    Command("STARTTLS", nothing, auth.starttls, OUTSIDE, FREE),  # RFC 9051 §6.2.1
    Command("AUTHENTICATE", auth.mechanism, auth.authenticate, OUTSIDE, FREE),  # RFC 9051 §6.2.2
    Command("LOGIN", auth.parse_login, auth.login, OUTSIDE, FREE),  # RFC 9051 §6.2.3
    Command("ENABLE", enable.parse, enable.run, INSIDE, FREE, b"ENABLE"),  # RFC 9051 §6.3.1, RFC 5161
    Command("SELECT", select.parse, select.select, INSIDE, FREE),  # RFC 9051 §6.3.2
    Command("EXAMINE", select.parse, select.examine, INSIDE, FREE),  # RFC 9051 §6.3.3
    Command("CREATE", mailboxes.parse_create, mailboxes.create, INSIDE, FREE),  # RFC 9051 §6.3.4
    Command("DELETE", mailboxes.parse_name, mailboxes.delete, INSIDE, FREE),  # RFC 9051 §6.3.5
    Command("RENAME", mailboxes.parse_rename, mailboxes.rename, INSIDE, FREE),  # RFC 9051 §6.3.6
    Command("SUBSCRIBE", mailboxes.parse_name, mailboxes.subscribe, INSIDE, FREE),  # RFC 9051 §6.3.7
    Command("UNSUBSCRIBE", mailboxes.parse_name, mailboxes.unsubscribe, INSIDE, FREE),  # RFC 9051 §6.3.8
    Command("LIST", listing.parse_list, listing.run_list, INSIDE, FREE),  # RFC 9051 §6.3.9, RFC 5258
    Command("LSUB", listing.parse_lsub, listing.run_lsub, INSIDE, FREE),  # RFC 3501 §6.3.9
    Command("XLIST", listing.parse_lsub, listing.run_xlist, INSIDE, FREE, b"XLIST"),  # RFC 3501 §6.3.8, old words
    Command("NAMESPACE", nothing, listing.namespace, INSIDE, FREE, b"NAMESPACE"),  # RFC 9051 §6.3.10, RFC 2342
    Command("STATUS", status.parse, status.run, INSIDE, FREE),  # RFC 9051 §6.3.11
    Command("APPEND", append.parse, append.run, INSIDE, FREE),  # RFC 9051 §6.3.12, RFC 3502
    Command("REPLACE", append.parse_replace, append.replace, SELECTED, FREE, b"REPLACE"),  # RFC 8508 §3.1
    Command("UID REPLACE", append.parse_replace, append.replace_uid, SELECTED, FREE, b"REPLACE"),  # RFC 8508 §3.1
    Command("IDLE", nothing, idle.run, INSIDE, FREE, b"IDLE"),  # RFC 9051 §6.3.13, RFC 2177
    Command("GETQUOTA", quota.parse_root, quota.get, INSIDE, FREE, b"QUOTA"),  # RFC 9208 §4.1.2
    Command("GETQUOTAROOT", mailboxes.parse_name, quota.get_root, INSIDE, FREE, b"QUOTA"),  # RFC 9208 §4.1.3
    Command("SETQUOTA", quota.parse_set, quota.set_limits, INSIDE, FREE, b"QUOTA"),  # RFC 9208 §4.1.1
    Command("SETACL", acl.parse_set, acl.set_rights, INSIDE, FREE, b"ACL"),  # RFC 4314 §3.1
    Command("DELETEACL", acl.parse_who, acl.delete_rights, INSIDE, FREE, b"ACL"),  # RFC 4314 §3.2
    Command("GETACL", mailboxes.parse_name, acl.get_rights, INSIDE, FREE, b"ACL"),  # RFC 4314 §3.3
    Command("LISTRIGHTS", acl.parse_who, acl.list_rights, INSIDE, FREE, b"ACL"),  # RFC 4314 §3.4
    Command("MYRIGHTS", mailboxes.parse_name, acl.my_rights, INSIDE, FREE, b"ACL"),  # RFC 4314 §3.5
    Command("GETMETADATA", metadata.parse_get, metadata.get, INSIDE, FREE, b"METADATA"),  # RFC 5464 §4.2
    Command("SETMETADATA", metadata.parse_set, metadata.put, INSIDE, FREE, b"METADATA"),  # RFC 5464 §4.3
    Command("UNAUTHENTICATE", nothing, auth.unauthenticate, INSIDE, FREE, b"UNAUTHENTICATE"),  # RFC 8437 §3
    Command("COMPRESS", auth.parse_compress, auth.compress, INSIDE, FREE, b"COMPRESS=DEFLATE"),  # RFC 4978 §3
    Command("NOTIFY", notify.parse, notify.run, INSIDE, FREE, b"NOTIFY"),  # RFC 5465 §3.1
    Command("CHECK", nothing, always.check, SELECTED, FREE),  # RFC 3501 §6.4.1
    Command("CLOSE", nothing, select.close, SELECTED, FREE),  # RFC 9051 §6.4.1
    Command("UNSELECT", nothing, select.unselect, SELECTED, FREE, b"UNSELECT"),  # RFC 9051 §6.4.2, RFC 3691
    Command("EXPUNGE", nothing, expunge.run, SELECTED, FREE),  # RFC 9051 §6.4.3
    Command("UID EXPUNGE", expunge.parse_uid, expunge.run_uid, SELECTED, FREE, b"UIDPLUS"),  # RFC 9051 §6.4.9
    Command("SEARCH", search.parse, search.run, SELECTED, HOLD),  # RFC 9051 §6.4.4, RFC 4731
    Command("UID SEARCH", search.parse, search.run_uid, SELECTED, FREE),  # RFC 9051 §6.4.9
    Command("ESEARCH", esearch.parse, esearch.run, INSIDE, seqs=HOLD, needs=b"MULTISEARCH"),  # RFC 7377 §2
    Command("SORT", sort.parse_sort, sort.sort, SELECTED, HOLD, b"SORT"),  # RFC 5256 §3, RFC 5267 §3
    Command("UID SORT", sort.parse_sort, sort.sort_uid, SELECTED, FREE, b"SORT"),  # RFC 5256 §3
    Command("THREAD", sort.parse_thread, sort.thread, SELECTED, HOLD),  # RFC 5256 §3
    Command("UID THREAD", sort.parse_thread, sort.thread_uid, SELECTED, FREE),  # RFC 5256 §3
    Command("FETCH", fetch.parse, fetch.run, SELECTED, HOLD),  # RFC 9051 §6.4.5
    Command("UID FETCH", fetch.parse, fetch.run_uid, SELECTED, FREE),  # RFC 9051 §6.4.9
    Command("STORE", store.parse, store.run, SELECTED, HOLD),  # RFC 9051 §6.4.6, RFC 7162 §3.1.3
    Command("UID STORE", store.parse, store.run_uid, SELECTED, FREE),  # RFC 9051 §6.4.9
    Command("COPY", copy.parse, copy.copy, SELECTED, HOLD),  # RFC 9051 §6.4.7
    Command("UID COPY", copy.parse, copy.copy_uid, SELECTED, FREE),  # RFC 9051 §6.4.9
    Command("MOVE", copy.parse, copy.move, SELECTED, FREE, b"MOVE"),  # RFC 9051 §6.4.8, RFC 6851
    Command("UID MOVE", copy.parse, copy.move_uid, SELECTED, FREE, b"MOVE"),  # RFC 9051 §6.4.9
)
# fmt: on

_BY_NAME = {command.name.encode("ascii"): command for command in COMMANDS}


def find(scanner: Scanner) -> Command:
    """Read tag and name of a command; its row."""
    scanner.tag()
    scanner.space()
    name = scanner.keyword()
    if name == b"UID":
        scanner.space()
        name += b" " + scanner.keyword()
    command = _BY_NAME.get(name)
    if command is None:
        raise BadSyntax("no such command")
    return command


def known(text: bytes) -> Asked | None:
    """A command without its tag that was asked before, word for word."""
    return _asked.get(text)


def keep(text: bytes, command: Command, arguments: Any) -> Asked:
    """What was read of a command: mail programs ask a few things again and again, on every connection."""
    asked = Asked(command, arguments)
    if command.name in _REPEATED and len(text) <= LONGEST_KEPT:
        if len(_asked) >= MOST_KEPT:
            _asked.clear()
        _asked[text] = asked
    return asked


def by_numbers(command: Command) -> bool:
    """Whether a command names messages by their numbers: then it has a twin that names them by UID."""
    return command.name != "EXPUNGE" and b"UID " + command.name.encode("ascii") in _BY_NAME


def streams(text: bytes) -> bool:
    """Whether the literal announced at the end of `text` is a message's, which is streamed to the spool."""
    scanner = Scanner(text)
    try:
        command = find(scanner)
        return command.run in _STREAMING and append.awaits_message(command.parse(scanner))
    except BadSyntax:
        return False


_STREAMING = (append.run, append.replace, append.replace_uid)
