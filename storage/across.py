"""COPY and MOVE between two accounts: the messages are read in one and appended to the other.

All or none, as within one account: what was appended before a failure goes again. A MOVE takes the messages away
only after all of them are in the other account, so a crash in between leaves them in both.
"""

from collections.abc import Sequence

from storage.account import Account
from storage.appending import Appended
from storage.errors import StoreError
from storage.rows import Copied
from storage.selected import Mailbox

BATCH = 100  # messages written together: each has an open file until it is on the disk


async def copy(
    source: Mailbox, uids: Sequence[int], target: Account, name: str, flags: Sequence[frozenset[str]]
) -> Copied:
    """`flags`: what each of them has in the target. Raises MailboxMissing, OverQuota, DiskFull, KeywordsFull."""
    here = [(uid, kept) for uid, kept in zip(uids, flags, strict=True) if uid in source.rows]
    pairs: list[tuple[int, int]] = []
    validity = 0
    try:
        for at in range(0, len(here), BATCH):
            batch = here[at : at + BATCH]
            messages = await source.messages([uid for uid, _ in batch])
            found = [
                (uid, Appended(message, kept, source.rows[uid].date))
                for (uid, kept), message in zip(batch, messages, strict=True)
                if message is not None
            ]
            if found:
                validity, fresh = await target.append(name, [appended for _, appended in found])
                pairs += zip([uid for uid, _ in found], fresh, strict=True)
    except (StoreError, OSError):
        await _undo(target, name, [new for _, new in pairs])
        raise
    return Copied(validity, tuple(pairs))


async def move(
    source: Mailbox, uids: Sequence[int], target: Account, name: str, flags: Sequence[frozenset[str]]
) -> Copied:
    """The same, and then they go from the source."""
    copied = await copy(source, uids, target, name, flags)
    if copied.pairs:
        await source.remove([uid for uid, _ in copied.pairs])
    return copied


async def _undo(target: Account, name: str, uids: Sequence[int]) -> None:
    if uids:
        mailbox = await target.open(name)
        try:
            await mailbox.remove(uids)
        finally:
            mailbox.release()
