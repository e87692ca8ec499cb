"""From one post to its copies: one text for all members, whoever they are.

Members here get names of one file in their mailboxes, members elsewhere are recipients of one message in the
queue, each with a reverse-path of its own. Members who are lists themselves, or who cannot be looked up now, go
through the queue, which routes them anew. A member who forwards is followed at once. Who is given twice, under
whatever address, gets one copy; the list itself and paused members get none.

Asks the directory for each member: for threads.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from filters.forwarding import Forwarding
from filters.lists.addresses import Verp, of
from filters.lists.fields import Changes
from filters.mail import Mail, Recipient
from filters.post import Post
from filters.srs import Srs
from storage.delivery import Target
from storage.errors import Broken
from storage.people.address import AddressError, canonical, parse
from storage.people.directory import AccountEntry, Directory, ListEntry
from storage.queue.queued import Addressee

NOTIFY = "FAILURE"  # what comes back is counted; nobody wants a thousand reports of delay


def members_of(entry: ListEntry) -> Iterator[str]:
    """Who gets the posts, canonical, each once: the owner and the members that receive."""
    given = {_canonical(each.address): each.receives for each in entry.file.members}
    owner = _canonical(entry.file.owner)
    if owner not in given:
        yield owner
    yield from (address for address, receives in given.items() if receives)


@dataclass(slots=True)
class Expansion:
    """One post on its way to the members."""

    directory: Directory
    srs: Srs
    verp: Verp
    entry: ListEntry
    mail: Mail
    recipient: Recipient
    changes: Changes
    now: float

    def posts(self, paused: Collection[str]) -> tuple[Post, ...]:
        """The copies for all members but the paused ones."""
        bounces = of(self.entry.address, "bounces")
        common = Post(
            bounces,
            self.changes.prefix,
            self.changes.edits,
            anew=True,
            verp=self.verp,
            passed_on_by=self.entry.address.rpartition("@")[2],
        )
        targets: dict[str, Target] = {}
        addressees: list[Addressee] = []
        forwards: list[Post] = []
        for member in members_of(self.entry):
            if member in paused or member == self.entry.address:
                continue
            found = self._here(member)
            if found is None:
                addressees.append(Addressee(member, notify=NOTIFY, reverse_path=self.verp.of(member)))
            elif found.address not in targets:
                targets[found.address] = Target(found.address, original=member)
                if found.file.forward.to:
                    del targets[found.address]
                    forwards += self._forwarded(member, found, common)
        own = replace(common, targets=tuple(targets.values()), addressees=tuple(addressees))
        return (own, *forwards) if own.targets or own.addressees else tuple(forwards)

    def _here(self, member: str) -> AccountEntry | None:
        """The account of a member here; None for all that the queue has to find out."""
        try:
            if not self.directory.is_local(parse(member).domain):
                return None
            found = self.directory.lookup(member)
        except (AddressError, Broken):
            return None
        if not isinstance(found, AccountEntry) or found.file.suspended or not found.file.receive:
            return None
        return found

    def _forwarded(self, member: str, found: AccountEntry, common: Post) -> Iterator[Post]:
        """A member who forwards: the same text below the marks of the way it goes."""
        mail = replace(self.mail, reverse_path=self.verp.of(member))
        recipient = replace(self.recipient, address=parse(member), notify="", orcpt="")
        way = Forwarding(self.directory, self.srs, mail, recipient, self.now, spam=False, held_back=False)
        for post in way.account(found):
            yield replace(
                post,
                reverse_path=common.reverse_path if post.targets else post.reverse_path,
                prefix=post.prefix + common.prefix,
                edits=common.edits,
                anew=True,
                verp=common.verp if post.failures is None else None,
                passed_on_by=common.passed_on_by,
            )


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except AddressError:
        return address.lower()
