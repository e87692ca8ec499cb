"""Routers: from the address that the sender wrote to what becomes of the mail for it.

`find` is asked at RCPT, in a thread: alias, subaddress, postmaster and catch-all are resolved by the
directory; what is refused is refused here, before a message is sent in vain. `route` is asked when the checks
have spoken. Only the domain of an address says whose it is: nothing inside a local part (`%`, `!`, `@` in
quotes) is ever read as a route. An address on another server is taken from our own accounts alone
(`submitted`), which is what keeps this server from relaying.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from filters import noted
from filters.forwarding import Forwarding, reported
from filters.handover import Routed
from filters.lists.lists import Lists
from filters.mail import ListErrand, Mail, Outside, Recipient, Returned
from filters.post import Post, kept, mailbox
from filters.srs import Srs
from storage import status
from storage.people.address import Address
from storage.people.directory import AccountEntry, ForwardEntry, ListEntry
from storage.queue.queued import Addressee
from storage.quota import used_now
from storage.state.secret import secret
from storage.status import Status
from storage.store import Store

RELAY_DENIED = Status("5.7.1", "relaying denied")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an address does not get the mail, and whose it is, where it is somebody's."""

    status: Status
    account: str = ""


class Routes:
    """The routers of one process."""

    def __init__(self, store: Store, lists: Lists, clock: Callable[[], float]) -> None:
        self._store = store
        self._lists = lists
        self._clock = clock
        self._srs: Srs | None = None

    @property
    def srs(self) -> Srs:
        """Made when it is first needed, which reads its key. For a thread."""
        if self._srs is None:
            self._srs = Srs(secret(self._store.settings.data / "state", "srs"))
        return self._srs

    def find_known(self, address: Address, size: int, submitted: bool) -> Recipient | None:
        """`find`, where the answer is an account that is in memory as the disk has it, or somebody elsewhere: some
        `stat`s, no thread.

        The use of the account is asked again when the message is there.
        """
        if not address.domain:
            return None
        if submitted and self._store.directory.is_elsewhere(address.domain):
            return Recipient(address, Outside(str(address)))
        if Srs.looks_like_one(address.local):
            return None
        found = self._store.directory.known_account(address)
        if found is None or found.file.suspended or not found.file.receive:
            return None
        use = self._store.known_use(found.address)
        return Recipient(address, found) if use is not None and _fits(found, use, size) else None

    def find(self, address: Address, size: int, submitted: bool) -> Recipient | Refused:
        """Who is at an address, if mail of `size` octets can be taken for it. Raises Broken. For a thread."""
        directory = self._store.directory
        if Srs.looks_like_one(address.local) and directory.is_local(address.domain):
            return self._returned(address, size)
        found = directory.lookup(str(address) if address.domain else address.local)
        if found is None or (isinstance(found, AccountEntry) and found.via == "catch-all"):
            errand = self._lists.errand(address, self.srs.key) if address.domain else None
            if errand is not None:
                return Recipient(address, errand)
        if found is None:
            if not address.domain or directory.is_local(address.domain):
                return Refused(status.UNKNOWN_RECIPIENT)
            return Recipient(address, Outside(str(address))) if submitted else Refused(RELAY_DENIED)
        if isinstance(found, AccountEntry):
            return self._refused(found, size) or Recipient(address, found)
        if isinstance(found, ListEntry) and size > found.file.max_message:
            return Refused(status.TOO_BIG)
        return Recipient(address, found)

    def _returned(self, address: Address, size: int) -> Recipient | Refused:
        """A bounce of what was sent on: to the account that did, or the administrator of an address that did."""
        way = self.srs.read(address, self._clock())
        directory = self._store.directory
        found = directory.lookup(way.forwarder) if way is not None else None
        if isinstance(found, ForwardEntry):
            found = directory.lookup(f"postmaster@{address.domain}")
        if not isinstance(found, AccountEntry):
            return Refused(status.UNKNOWN_RECIPIENT)
        return self._refused(found, size, stays=True) or Recipient(address, Returned(found))

    def _refused(self, found: AccountEntry, size: int, stays: bool = False) -> Refused | None:
        """Why an account takes no mail now. Its room counts only where a copy stays in it."""
        if found.file.suspended or not found.file.receive:
            return Refused(status.NOT_RECEIVING, found.address)
        sent_on = found.file.forward.to and not found.file.forward.keep_copy and not stays
        if not sent_on and not _has_room(self._store, found, size):
            return Refused(status.MAILBOX_FULL, found.address)
        return None

    async def route(self, mail: Mail, recipient: Recipient, spam: bool) -> Routed:
        """What a recipient becomes; only what has to ask the directory takes a thread."""
        found = recipient.found
        if isinstance(found, Outside):
            return Routed(recipient, (_queued(mail, recipient, found.address),))
        if (
            mail.hold_until is not None
        ):  # it waits in the queue, whoever it is for (RFC 4865), and is routed then
            return Routed(recipient, (_queued(mail, recipient, str(recipient.address)),))
        if isinstance(found, Returned):
            target = mailbox(found.account, str(recipient.address), spam)
            return Routed(recipient, (Post(mail.reverse_path, targets=(target,)),))
        if isinstance(found, ListEntry):
            srs = await self._store.run(lambda: self.srs)
            return await self._list(mail, recipient, found, srs, spam)
        if isinstance(found, ListErrand):
            return await self._errand(mail, recipient, found)
        if isinstance(found, ForwardEntry) or found.file.forward.to:
            return await self._store.run(self._forward, mail, recipient, found, spam)
        return Routed(recipient, (_stored(mail, recipient, found, spam),))

    async def _list(self, mail: Mail, recipient: Recipient, found: ListEntry, srs: Srs, spam: bool) -> Routed:
        routed = await self._lists.post(mail, recipient, found, srs, spam)
        if routed.refused is not None:
            return routed
        return replace(routed, posts=routed.posts + reported(mail, recipient))

    async def _errand(self, mail: Mail, recipient: Recipient, errand: ListErrand) -> Routed:
        if errand.kind == "bounces":
            return await self._lists.bounced(mail, recipient, errand)
        if errand.kind == "confirm":
            return await self._lists.confirm(mail, recipient, errand, await self._store.run(lambda: self.srs))
        return self._lists.to_owner(mail, recipient, errand)

    def _forward(
        self, mail: Mail, recipient: Recipient, found: AccountEntry | ForwardEntry, spam: bool
    ) -> Routed:
        held_back = spam and not self._store.settings.filters.forward_spam
        way = Forwarding(
            self._store.directory, self.srs, mail, recipient, self._clock(), spam=spam, held_back=held_back
        )
        posts = way.address(found) if isinstance(found, ForwardEntry) else way.account(found)
        if isinstance(posts, Status):
            return Routed(recipient, refused=posts)
        noted.forwarded(self._store.traces, mail, recipient, posts)
        return Routed(recipient, posts + reported(mail, recipient))


def _queued(mail: Mail, recipient: Recipient, address: str) -> Post:
    addressee = Addressee(address, notify=recipient.notify, orcpt=recipient.orcpt)
    return Post(mail.reverse_path, addressees=(addressee,))


def _stored(mail: Mail, recipient: Recipient, found: AccountEntry, spam: bool) -> Post:
    post = kept(mail, found, written(recipient, found), spam)
    if mail.reverse_path and "SUCCESS" in recipient.notify.upper().split(","):
        # who asked to hear of success hears it from the queue, which stores the copy (RFC 3461 §4.1)
        (target,) = post.targets
        addressee = Addressee(
            target.address, target.original, target.mailbox, recipient.notify, recipient.orcpt
        )
        return replace(post, targets=(), addressees=(addressee,))
    return post


def written(recipient: Recipient, found: AccountEntry) -> str:
    """The address as the sender wrote it; `<postmaster>` has no domain (RFC 5321 §4.5.1)."""
    return str(recipient.address) if recipient.address.domain else found.address


def _has_room(store: Store, found: AccountEntry, size: int) -> bool:
    """RFC 1870 §6.1 (3): asked with the size that the sender announced, or 0."""
    with store.files(found.address) as files, files.reading() as db:
        stamp = files.log_stamp()
        use = used_now(db)
        files.remember_use(use, stamp)
    return _fits(found, use, size)


def _fits(found: AccountEntry, use: tuple[int, int], size: int) -> bool:
    most = found.file.quota_messages
    return use[0] + size <= found.file.quota and (most is None or use[1] < most)
