"""Who may post: the answer to a post before anything is done with it.

The author is who stands in From:; with several each must have the right, with none nobody has it. A name in
From: is easily written, so a right counts only for who has proved to be that author: an account that logged in,
or mail that has not failed DMARC and does not claim to come from a domain here without having been signed in.
What programs answer (bounces, automatic replies) never goes to a list: a list with one such member would talk to
itself for ever.
"""

from collections.abc import Sequence
from enum import Enum

from filters.forwarding import delivered_to
from filters.head import first, named, values
from filters.mail import Mail
from storage.people.address import AddressError, canonical
from storage.people.directory import ListEntry
from storage.status import TOO_BIG, Status

LOOP = Status("5.4.6", "this message has been through the list before")
AUTOMATIC = Status("5.7.1", "the list takes no bounces and automatic replies")
NO_AUTHOR = Status("5.7.1", "a post to the list needs one author in From:")
MEMBERS_ONLY = Status("5.7.1", "only members may post to this list")
POSTERS_ONLY = Status("5.7.1", "posting to this list needs the right to post, which its owner gives")


class Fate(Enum):
    """What becomes of a post that is not refused."""

    POST = 1
    HOLD = 2  # until the owner has decided


def judge(mail: Mail, entry: ListEntry, *, spam: bool, local: Sequence[str]) -> Fate | Status:
    """Whether a mail may go to the list. `local` are those of its authors' domains that are ours."""
    if entry.address in delivered_to(mail.head) or _listed(mail.head, entry.address):
        return LOOP
    if not mail.reverse_path or _answers(mail.head):
        return AUTOMATIC
    if mail.message.size > entry.file.max_message:
        return TOO_BIG
    authors = authors_of(mail)
    if not authors:
        return NO_AUTHOR
    proved = _proved(mail, local)
    owner = _canonical(entry.file.owner)
    if proved and all(each == owner for each in authors):
        return Fate.POST
    if not _has_right(entry, authors, proved):
        refusal = MEMBERS_ONLY if entry.file.posting == "members" else POSTERS_ONLY
        return Fate.HOLD if entry.file.moderation != "none" else refusal
    if spam or entry.file.moderation == "all":
        return Fate.HOLD
    return Fate.POST


def authors_of(mail: Mail) -> list[str]:
    return list(dict.fromkeys(named(mail.head, (b"from",))))


def _has_right(entry: ListEntry, authors: list[str], proved: bool) -> bool:
    file = entry.file
    if file.posting == "anyone":
        return True
    members = [each.address for each in file.members] if file.posting == "members" else file.posters
    known = {_canonical(each) for each in (file.owner, *members)}
    return proved and all(each in known for each in authors)


def _proved(mail: Mail, local: Sequence[str]) -> bool:
    if mail.authenticated is not None or mail.trusted or not mail.peer:
        return True  # without a peer it was judged before it was queued
    dmarc = next((each.result for each in mail.results if each.method == "dmarc"), "none")
    return dmarc == "pass" or (dmarc == "none" and not local)


def _answers(head: bytes) -> bool:
    kinds = [each.split(b";")[0].strip().lower() for each in values(head, b"auto-submitted")]
    return b"auto-replied" in kinds or b"auto-notified" in kinds


def _listed(head: bytes, address: str) -> bool:
    wanted = f"<{address.replace('@', '.')}>".encode(errors="surrogateescape")
    return wanted in first(head, b"list-id").lower()


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except AddressError:
        return address.lower()
