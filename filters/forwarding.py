"""Forwarding: what an account sends on, and addresses that only forward.

- The copy's bytes are those that came, below a Delivered-To for each address here that sent it on. Such a mark in
  what comes in means that the mail has been here before: it is not sent on again. Accounts and forwards that
  lead to each other are followed once each.
- Nothing is lost on the way: an account whose forward leads nowhere keeps the mail, whatever `keep_copy` says;
  so it does with spam, which is not sent on unless the operator wants that. Spam for an address that only
  forwards lies in the junk folder of the domain's administrator.
- The reverse-path is rewritten (`filters.srs`), so a bounce comes back to whoever set the forward, and lies in
  the mailbox there without being sent on. To the sender the mail was delivered when it was forwarded: that is
  what a success report says, and what became of it later is told to the forwarder alone (RFC 3461 §5.2.7.4).

Directory and disk are asked: for threads.
"""

from dataclasses import dataclass, field, replace

from filters.mail import Mail, Recipient
from filters.post import Post, kept
from filters.srs import Srs
from storage import status
from storage.delivery import Target
from storage.errors import Broken
from storage.mime.header import fields, unfold
from storage.people.address import AddressError, canonical, parse
from storage.people.directory import AccountEntry, Directory, ForwardEntry
from storage.queue.queued import Addressee
from storage.status import Status

LOOP = Status("5.4.6", "mail forwarding loop")  # RFC 3463 §3.5
JUNK = "Junk"


@dataclass(slots=True)
class Forwarding:
    """One recipient's way: whom it has led to so far."""

    directory: Directory
    srs: Srs
    mail: Mail
    recipient: Recipient
    now: float
    spam: bool
    held_back: bool  # it is not sent on
    before: frozenset[str] = field(init=False)
    posts: list[Post] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.before = delivered_to(self.mail.head)

    def account(self, entry: AccountEntry) -> tuple[Post, ...]:
        """What becomes of a mail for an account that forwards."""
        written = str(self.recipient.address) if self.recipient.address.domain else entry.address
        own = kept(self.mail, entry, written, self.spam)
        self._account(entry, own, ())
        return tuple(self.posts)

    def address(self, entry: ForwardEntry) -> tuple[Post, ...] | Status:
        """What becomes of a mail for an address that only forwards."""
        self._forward(entry, ())
        return tuple(self.posts) or LOOP

    def _account(self, entry: AccountEntry, own: Post, passed: tuple[str, ...]) -> None:
        self.seen.add(entry.address)
        found = len(self.posts)
        if not self.held_back and entry.address not in self.before:
            for target in entry.file.forward.to:
                self._to(target, entry.address, (*passed, entry.address))
        if entry.file.forward.keep_copy or len(self.posts) == found:
            self.posts.append(own)

    def _forward(self, entry: ForwardEntry, passed: tuple[str, ...]) -> None:
        self.seen.add(entry.address)
        if entry.address in self.before:
            return
        if self.held_back:
            self._to_administrator(entry)
            return
        for target in entry.targets:
            self._to(target, entry.address, (*passed, entry.address))

    def _to_administrator(self, entry: ForwardEntry) -> None:
        found = self.directory.lookup(f"postmaster@{entry.address.rpartition('@')[2]}")
        if isinstance(found, AccountEntry):
            target = Target(found.address, JUNK, entry.address)
            self.posts.append(Post(self.mail.reverse_path, targets=(target,)))

    def _to(self, written: str, forwarder: str, passed: tuple[str, ...]) -> None:
        """One target of a forward."""
        bounces = self.srs.rewrite(self.mail.reverse_path, forwarder, self.now)
        try:
            address = canonical(written)
            if not self.directory.is_local(parse(written).domain):
                self._send(written, bounces, passed)
                return
            if address in self.seen:
                return
            found = self.directory.lookup(address)
        except (AddressError, Broken):
            self._send(written, bounces, passed)  # the queue asks again
            return
        if found is not None and found.address in self.seen:
            return
        if isinstance(found, AccountEntry) and found.file.receive and not found.file.suspended:
            own = replace(kept(self.mail, found, address, self.spam), failures=bounces, anew=True)
            self._account(found, own, passed)
        elif isinstance(found, ForwardEntry):
            self._forward(found, passed)
        else:  # a list, which makes a message of its own; or nobody, of which the forwarder hears by a bounce
            self._send(address, bounces, passed)

    def _send(self, address: str, bounces: str, passed: tuple[str, ...]) -> None:
        if address in self.seen:
            return
        self.seen.add(address)
        marks = "".join(f"Delivered-To: {each}\r\n" for each in reversed(passed))
        notify = "FAILURE" if bounces else "NEVER"
        addressee = Addressee(address, notify=notify, orcpt=self.recipient.orcpt)
        self.posts.append(
            Post(
                bounces,
                marks.encode(errors="surrogateescape"),
                addressees=(addressee,),
                passed_on_by=passed[-1].rpartition("@")[2],
                anew=True,
            )
        )


def delivered_to(head: bytes) -> frozenset[str]:
    """The addresses that a mail has passed, as their servers have written them into it."""
    found = set()
    for each in fields(head):
        if each.name == b"delivered-to":
            text = unfold(head[each.value_start : each.end]).decode(errors="surrogateescape")
            try:
                found.add(canonical(text.strip().removeprefix("<").removesuffix(">")))
            except AddressError:
                continue
    return frozenset(found)


def reported(mail: Mail, recipient: Recipient) -> tuple[Post, ...]:
    """The report of success, where one was asked for: here the mail has reached the one it was for."""
    if not mail.reverse_path or "SUCCESS" not in recipient.notify.upper().split(","):
        return ()
    done = Addressee(
        str(recipient.address), notify=recipient.notify, orcpt=recipient.orcpt, status=status.DELIVERED
    )
    return (Post(mail.reverse_path, addressees=(done,)),)
