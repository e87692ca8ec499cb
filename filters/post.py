"""What a recipient becomes: `Post`s, each some copies of the mail that read the same and leave in one go.

A plain recipient is one post without edits; a forward or a list makes posts of its own, with another
reverse-path and with fields of their own. `merged` brings together those that read the same, so that a message
is one file whatever the number of its recipients, and no mailbox gets it twice in the same form.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from filters.lists.addresses import Verp
from filters.mail import Mail
from filters.spam.subject import tagged
from storage.delivery import Target
from storage.message import Edit, Message
from storage.people.directory import AccountEntry
from storage.queue.queued import Addressee
from storage.quota import Limits


class Copy(NamedTuple):
    """One text in one mailbox, whichever address led to it."""

    prefix: bytes
    edits: tuple[Edit, ...]
    account: str
    mailbox: str


@dataclass(frozen=True, slots=True)
class Post:
    """Copies with the same bytes and the same reverse-path."""

    reverse_path: str
    prefix: bytes = b""  # whole header fields put in front
    edits: tuple[Edit, ...] = ()  # whole header fields dropped or replaced
    targets: tuple[Target, ...] = ()  # mailboxes here
    addressees: tuple[Addressee, ...] = ()  # for the queue: other servers, and what is to be routed anew
    failures: str | None = None  # who is told of a mailbox that fails; None: the reverse-path
    verp: Verp | None = None  # gives each mailbox that fails a reverse-path of its own
    passed_on_by: str = ""  # the domain that passes it on, and puts its seal and signature on it
    anew: bool = False  # it begins a new journey: the sender's ENVID and RET end here (RFC 3461 §5.2.7)

    @property
    def bare(self) -> "Post":
        """What it says, without whom to: posts with the same one are the same message."""
        return replace(self, targets=(), addressees=())

    def copy(self, target: Target) -> Copy:
        return Copy(self.prefix, self.edits, target.address, target.mailbox)

    def of(self, message: Message) -> Message:
        """The message as these copies read."""
        for edit in self.edits:
            message = message.replace(edit.start, edit.end, edit.text)
        return message.prepend(self.prefix) if self.prefix else message


def merged(posts: Iterable[Post]) -> list[Post]:
    """One post for all that read the same, each mailbox and each address in it once."""
    posts = list(posts)
    if len(posts) == 1 and len(posts[0].targets) + len(posts[0].addressees) == 1:
        return posts  # nearly every mail
    alike: dict[Post, list[Post]] = {}
    for post in posts:
        alike.setdefault(post.bare, []).append(post)
    taken: set[Copy] = set()
    result = []
    for bare, group in alike.items():
        targets = {bare.copy(target): target for post in reversed(group) for target in reversed(post.targets)}
        addressees = {each.address: each for post in reversed(group) for each in reversed(post.addressees)}
        fresh = tuple(target for copy, target in reversed(targets.items()) if copy not in taken)
        taken.update(targets)
        if fresh or addressees:
            result.append(replace(bare, targets=fresh, addressees=tuple(reversed(addressees.values()))))
    return result


def kept(mail: Mail, entry: AccountEntry, original: str, spam: bool) -> Post:
    """A copy in an account's mailbox; of spam marked in the subject where the account wants that."""
    marked = tagged(mail.head) if spam and entry.file.spam.tag_subject else (b"", ())
    return Post(mail.reverse_path, *marked, targets=(mailbox(entry, original, spam),))


def mailbox(entry: AccountEntry, original: str, spam: bool) -> Target:
    """The mailbox of an account. Spam goes into Junk only where the account wants that (POP users would
    never see it there)."""
    limits = Limits(entry.file.quota, entry.file.quota_messages)
    return Target(
        entry.address, "Junk" if spam and entry.file.spam.to_junk else "INBOX", original, limits=limits
    )
