"""From a message and its recipients to files in Maildirs, and one Status each.

The same content for many recipients is one file with many names. Return-Path is the same for all; Delivered-To
names a recipient and is written only where there is one (RFC 5321 §7.2: a copy must not tell who else got it).
What can't be stored is answered with a Status, never with an exception.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from storage import status
from storage.arriving import Arrival, Batch
from storage.errors import Broken, DiskFull, OverQuota, neutral
from storage.layout import INBOX, folder_name, maildir_text
from storage.message import Message
from storage.quota import Limits
from storage.rounds import MANY, Deposit, Keeper, store_now
from storage.status import Status
from storage.written import Written

log = logging.getLogger("kwcmaild.storage")


@dataclass(frozen=True, slots=True)
class Target:
    """One local recipient: the canonical account, the mailbox, and the address that was written to."""

    address: str
    mailbox: str = INBOX
    original: str = ""
    flags: frozenset[str] = frozenset()
    limits: Limits | None = field(
        default=None, compare=False
    )  # the account's, if who asks has its file at hand


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one target; the account's use in octets before and after, and its limit."""

    target: Target
    status: Status
    uid: int | None = None
    used_before: int = 0
    used_after: int = 0
    limit: int | None = None


class Delivery(Deposit):
    """A message on its way to its recipients."""

    def __init__(self, message: Message, reverse_path: str, targets: Sequence[Target], trace: str) -> None:
        super().__init__(message)
        self.large = self.large or len(targets) > MANY
        fields = [f"Return-Path: <{reverse_path}>\r\n".encode(errors="surrogateescape")]
        if len(targets) == 1:
            to = targets[0].original or targets[0].address
            fields.append(f"Delivered-To: {to}\r\n".encode(errors="surrogateescape"))
        self._message = message.prepend(*fields)
        self._targets = targets
        self._trace = trace

    def write(self, store: Keeper) -> None:
        now = store.clock()
        alone = len(self._targets) == 1
        if alone:
            self.files.append(_in_mailbox(store, self._message, self._targets[0], now))
        else:
            self.files.append(_in_spool(store, self._message, now))
        for target in self._targets:
            arrival = Arrival(self.files[0], target.flags, "delivered", shared=not alone)
            batch = Batch(target.mailbox, [arrival], else_inbox=True)
            self.batches.append((target.address, batch))
            try:
                batch.limits = target.limits or store.limits(target.address)
            except Exception as error:
                batch.error = error

    def outcomes(self) -> list[Delivered]:
        """One for each target, when it is settled."""
        if self.error is not None:
            failed = _status(self.error, self._trace)
            return [Delivered(target, failed) for target in self._targets]
        return [
            self._outcome(target, batch)
            for target, (_, batch) in zip(self._targets, self.batches, strict=True)
        ]

    def _outcome(self, target: Target, batch: Batch) -> Delivered:
        if batch.error is not None:
            return Delivered(target, _status(batch.error, self._trace))
        uid = batch.arrivals[0].uid
        return Delivered(target, status.DELIVERED, uid, batch.used_before, batch.use[0], batch.limits.bytes)


def deliver(
    store: Keeper, message: Message, reverse_path: str, targets: Sequence[Target], trace: str
) -> list[Delivered]:
    """For a thread. Everything that is said to be delivered is fsynced."""
    delivery = Delivery(message, reverse_path, targets, trace)
    store_now(store, delivery)
    return delivery.outcomes()


def _in_mailbox(store: Keeper, message: Message, target: Target, now: float) -> Written:
    """The file of the only recipient: into the mailbox it will be renamed in."""
    maildir = maildir_text(store.settings.data, target.address)
    try:
        return Written(f"{maildir}/{folder_name(target.mailbox)}/tmp", message, int(now), now)  # noqa: S108
    except FileNotFoundError:
        with store.files(target.address) as files, files.reading():
            pass  # the account is there now; the mailbox may be one that its user has deleted
        return Written(f"{maildir}/tmp", message, int(now), now)  # noqa: S108


def _in_spool(store: Keeper, message: Message, now: float) -> Written:
    """One file for all."""
    spool = store.settings.data / "spool"
    try:
        return Written(str(spool), message, int(now), now)
    except FileNotFoundError:
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Written(str(spool), message, int(now), now)


def _status(error: Exception, trace: str) -> Status:
    error = neutral(error)
    if isinstance(error, OverQuota):
        return status.MAILBOX_FULL
    if isinstance(error, DiskFull):
        log.error("disk full", extra={"trace": trace})
        return status.DISK_FULL
    if isinstance(error, Broken):
        return status.ACCOUNT_BROKEN
    log.error("delivery failed", exc_info=error, extra={"trace": trace})
    return status.INTERNAL
