"""What is kept beside the rows of a mailbox of what its messages say: summaries, and how they begin.

Made at delivery, or here where they are missing: after the index was lost, or for what another program put there. A
message is then read once, and what was made is written into the index. All of it blocks: for threads.
"""

from storage import records
from storage.account_files import AccountFiles
from storage.columns import Part
from storage.folder import Folder
from storage.look import current
from storage.mime.opening import opening
from storage.mime.parts import parse
from storage.mime.summary import summarise
from storage.reconcile import message_of
from storage.rows import Summary


def summaries(
    files: AccountFiles, folder: Folder, part: Part, fields: tuple[str, ...]
) -> tuple[dict[int, bytes], ...]:
    """These fields of `Summary` of some rows, each by UID; without messages that have vanished."""
    if not part:
        return tuple({} for _ in fields)
    uids = set(part.uids)
    with files.reading() as db, records.snapshot(db):
        folder = current(db, files, folder)
        found = tuple(records.summary_column(db, folder, uids, field) for field in fields)
    made: dict[int, Summary] = {}
    missing = uids - found[0].keys()
    for row in part.among(missing).rows() if missing else ():
        try:
            with message_of(folder, row).octets() as data:
                made[row.uid] = summarise(data)
        except FileNotFoundError:
            continue
    if made:
        with files.writing() as db, records.transaction(db):
            records.save_summaries(db, current(db, files, folder), made)
        for column, field in zip(found, fields, strict=True):
            column.update((uid, getattr(summary, field)) for uid, summary in made.items())
    return found


def previews(files: AccountFiles, folder: Folder, part: Part, make: bool) -> dict[int, str]:
    """How the messages of some rows begin (RFC 8970), by UID; those that are missing only where `make`."""
    if not part:
        return {}
    with files.reading() as db, records.snapshot(db):
        found = records.previews(db, current(db, files, folder), (part.uids[0], part.uids[-1]))
    made: dict[int, str] = {}
    for row in part.rows() if make else ():
        if row.uid not in found:
            try:
                with message_of(folder, row).octets() as data:
                    made[row.uid] = opening(data, parse(data))
            except FileNotFoundError:
                continue
    if made:
        with files.writing() as db, records.transaction(db):
            records.save_previews(db, current(db, files, folder), made)
    return found | made
