"""What a recipient becomes: `Post`s, each some copies of the mail that read the same and leave in one go.

A plain recipient is one post without edits; a forward or a list makes posts of its own, with another
reverse-path and with fields of their own. `merged` brings together those that read the same, so that a message
is one file whatever the number of its recipients, and nobody gets it twice in the same form.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from storage.delivery import Target
from storage.message import Edit, Message
from storage.queued import Addressee

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Post:
    """Copies with the same bytes and the same reverse-path."""

    reverse_path: str
    prefix: bytes = b""  # whole header fields put in front
    edits: tuple[Edit, ...] = ()  # whole header fields dropped or replaced
    targets: tuple[Target, ...] = ()  # mailboxes here
    addressees: tuple[Addressee, ...] = ()  # for the queue: other servers, and what is to be routed anew
    failures: str | None = None  # who is told of a mailbox that fails; None: the reverse-path

    @property
    def bare(self) -> "Post":
        """What it says, without whom to: posts with the same one are the same message."""
        return replace(self, targets=(), addressees=())

    def of(self, message: Message) -> Message:
        """The message as these copies read."""
        for edit in self.edits:
            message = message.replace(edit.start, edit.end, edit.text)
        return message.prepend(self.prefix) if self.prefix else message


def merged(posts: Iterable[Post]) -> list[Post]:
    """One post for all that read the same, each mailbox and each address in it once."""
    alike: dict[Post, list[Post]] = {}
    for post in posts:
        alike.setdefault(post.bare, []).append(post)
    return [
        replace(
            bare,
            targets=_once((key(target), target) for post in group for target in post.targets),
            addressees=_once((each.address, each) for post in group for each in post.addressees),
        )
        for bare, group in alike.items()
    ]


def key(target: Target) -> tuple[str, str]:
    """What makes two targets one: the mailbox, whichever address led to it."""
    return target.address, target.mailbox


def _once(pairs: Iterable[tuple[K, V]]) -> tuple[V, ...]:
    first: dict[K, V] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    return tuple(first.values())
