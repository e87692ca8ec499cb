"""Routers: from the address that the sender wrote to what becomes of the mail for it.

`find` is asked at RCPT, in a thread: alias, subaddress, postmaster and catch-all are resolved by the
directory; what is refused is refused here, before a message is sent in vain. `route` is pure and is asked when
the checks have spoken. Only the domain of an address says whose it is: nothing inside a local part (`%`, `!`,
`@` in quotes) is ever read as a route. An address on another server is taken from our own accounts alone
(`submitted`), which is what keeps this server from relaying.
"""

from dataclasses import dataclass

from filters.mail import Mail, Outside, Recipient
from filters.post import Post
from filters.verdict import Action, Verdict
from storage import status
from storage.address import Address
from storage.delivery import Target
from storage.directory import AccountEntry
from storage.queued import Addressee
from storage.quota import used_now
from storage.status import Status
from storage.store import Store

RELAY_DENIED = Status("5.7.1", "relaying denied")
NO_MAILBOX = Status("4.3.2", "this address does not take mail at present, try again later")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an address does not get the mail, and whose it is, where it is somebody's."""

    status: Status
    account: str = ""


def find(store: Store, address: Address, size: int, submitted: bool) -> Recipient | Refused:
    """Who is at an address, if mail of `size` octets can be taken for it. Raises Broken. For a thread."""
    directory = store.directory
    found = directory.lookup(str(address) if address.domain else address.local)
    if found is None:
        if not address.domain or directory.is_local(address.domain):
            return Refused(status.UNKNOWN_RECIPIENT)
        return Recipient(address, Outside(str(address))) if submitted else Refused(RELAY_DENIED)
    if not isinstance(found, AccountEntry):
        return Refused(NO_MAILBOX)
    if found.file.suspended or not found.file.receive:
        return Refused(status.NOT_RECEIVING, found.address)
    if not _has_room(store, found, size):
        return Refused(status.MAILBOX_FULL, found.address)
    return Recipient(address, found)


def route(mail: Mail, recipient: Recipient, verdict: Verdict) -> tuple[Post, ...]:
    """What a recipient becomes."""
    found = recipient.found
    if isinstance(found, Outside):
        addressee = Addressee(found.address, notify=recipient.notify, orcpt=recipient.orcpt)
        return (Post(mail.reverse_path, addressees=(addressee,)),)
    target = mailbox(recipient, found, verdict)
    if _waits(mail) or _is_reported(mail, recipient):
        addressee = Addressee(
            target.address, target.original, target.mailbox, recipient.notify, recipient.orcpt
        )
        return (Post(mail.reverse_path, addressees=(addressee,)),)
    return (Post(mail.reverse_path, targets=(target,)),)


def _waits(mail: Mail) -> bool:
    """What is to leave at a later time waits in the queue, whoever it is for (RFC 4865)."""
    return mail.hold_until is not None


def _is_reported(mail: Mail, recipient: Recipient) -> bool:
    """Who asked to hear of success hears it from the queue (RFC 3461 §4.1)."""
    return bool(mail.reverse_path) and "SUCCESS" in recipient.notify.upper().split(",")


def mailbox(recipient: Recipient, found: AccountEntry, verdict: Verdict) -> Target:
    """The mailbox of an account. Spam goes into Junk only where the account wants that (POP users would
    never see it there)."""
    junk = verdict.action is Action.QUARANTINE and found.file.spam.to_junk
    original = str(recipient.address) if recipient.address.domain else found.address
    return Target(found.address, "Junk" if junk else "INBOX", original)


def _has_room(store: Store, found: AccountEntry, size: int) -> bool:
    """RFC 1870 §6.1 (3): asked with the size that the sender announced, or 0."""
    with store.files(found.address) as files, files.reading() as db:
        octets, messages = used_now(db)
    most = found.file.quota_messages
    return octets + size <= found.file.quota and (most is None or messages < most)
