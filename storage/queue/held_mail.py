"""The mail in the queue that an account has sent: stopped together with the account, and let go with it.

Whose a queued message is says the trace (who had logged in), or its reverse-path where that is the account's
own address; an address that several accounts may use says nothing.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from storage.people.address import AddressError, parse
from storage.people.directory import AccountEntry
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Select, State
from storage.state.stories import traces_of

RECENT = 86_400  # seconds: what went into the queue longer ago is not of the burst that got an account held
AT_ONCE = 500


def hold(queue: Queue, state: Path, entry: AccountEntry, clock: Callable[[], float] = time.time) -> int:
    """Stop what the account has sent lately and what still waits; how many messages."""
    admin = QueueAdmin(queue)
    select = Select(added_after=int(clock()) - RECENT, state=State.WAITING)
    return sum(admin.hold(each) for each in _of(admin, state, entry, select))


def release(queue: Queue, state: Path, entry: AccountEntry) -> int:
    """Let go of it; how many messages."""
    admin = QueueAdmin(queue)
    return sum(admin.release(each) for each in _of(admin, state, entry, Select(state=State.HELD)))


def _of(admin: QueueAdmin, state: Path, entry: AccountEntry, select: Select) -> Iterator[Select]:
    traces = traces_of(state, entry.address)
    mine = [
        listed.envelope.queue_id
        for listed in admin.list(select)
        if listed.envelope.trace in traces or _own(listed.envelope.reverse_path, entry)
    ]
    for start in range(0, len(mine), AT_ONCE):
        yield Select(queue_ids=tuple(mine[start : start + AT_ONCE]))


def _own(reverse_path: str, entry: AccountEntry) -> bool:
    try:
        address = parse(reverse_path).folded
    except AddressError:
        return False
    names = {entry.address.rpartition("@")[0], *entry.file.aliases}
    parts = address.without_detail()
    user = parts[0].local if parts is not None and address.local not in names else address.local
    return address.domain == entry.address.rpartition("@")[2] and user in names
