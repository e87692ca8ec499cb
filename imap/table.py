"""The table of commands: the index of the room. Beside each row stands where the command is defined."""

from imap import uses
from imap.command import FREE, HOLD, Command, Table
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
from imap.scanner import Scanner
from imap.state import ANY, INSIDE, OUTSIDE, SELECTED


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

_AWAITS = dict.fromkeys(("APPEND", "REPLACE", "UID REPLACE"), append.awaits_message)

TABLE = Table(COMMANDS, _AWAITS, uses.refused, uses.names_numbers)
