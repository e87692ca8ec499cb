"""The mail of an account by folder: how much there is, and deleting what is old, for good.

A deletion may take minutes (100,000 messages), so it goes on by itself while the page shows how far it is; one at
a time for an account. It ends with the process: what is left can be deleted again.
"""

from collections.abc import Sequence

from storage import mailbox
from storage.admin import find_account
from storage.admin_files import Refused
from storage.errors import MailboxMissing, StoreError
from storage.mail_data import FolderUse, Old, folders_in_use, old
from web.deletions import Deletion
from web.office import Office
from web.person import Person, Right, allow


async def overview(office: Office, person: Person, address: str) -> list[FolderUse]:
    """Each folder with what it holds."""
    allow(person, Right.ACCOUNT_SEE, address=address)
    await office.run(find_account, office.directory, address)  # else asking would make a mailbox
    return await office.store.account(address).do(folders_in_use)


async def count(
    office: Office, person: Person, address: str, folders: Sequence[str], before: float | None
) -> list[Old]:
    """What would be deleted: of each folder what came before, or all."""
    allow(person, Right.ACCOUNT_DELETE_MAIL, address=address)
    await office.run(find_account, office.directory, address)
    account = office.store.account(address)
    try:
        return [await account.do(old, name, before) for name in folders]
    except MailboxMissing as error:
        raise Refused(f"there is no folder {error}") from error


async def delete(
    office: Office, person: Person, address: str, folders: Sequence[str], before: float | None
) -> Deletion:
    """Begin to delete it. Raises Refused where one is under way."""
    found = await count(office, person, address, folders, before)
    running = office.deletions.last(address)
    if running is not None and not running.ended:
        raise Refused(f"mail of {address} is being deleted already")
    deletion = Deletion(sum(len(each.uids) for each in found))
    office.deletions.begin(address, deletion)
    details = f"{deletion.of} messages of {', '.join(folders)}"
    await office.audit(person, Right.ACCOUNT_DELETE_MAIL, subject=address, details=details)
    office.store.start(_delete(office, address, found, deletion))
    return deletion


def progress(office: Office, person: Person, address: str) -> Deletion | None:
    """How far the last deletion is."""
    allow(person, Right.ACCOUNT_DELETE_MAIL, address=address)
    return office.deletions.last(address)


async def _delete(office: Office, address: str, found: Sequence[Old], deletion: Deletion) -> None:
    account = office.store.account(address)
    try:
        for each in found:
            for piece in each.pieces():
                await account.do(mailbox.expunge, each.name, piece, flagged_only=False)
                account.changed(each.name)
                deletion.done += len(piece)
    except StoreError:
        deletion.failed = True
    finally:
        deletion.ended = True
        deletion.failed = deletion.failed or deletion.done < deletion.of
        deletion.over.set()
