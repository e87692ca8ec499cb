"""From a message and its recipients to files in Maildirs, and one Status each.

The same content for many recipients is one file with many names. Return-Path is the same for all; Delivered-To
names a recipient and is written only where there is one (RFC 5321 §7.2: a copy must not tell who else got it).
What can't be stored is answered with a Status, never with an exception.
"""

import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage import arriving, status
from storage.account_files import AccountFiles
from storage.arriving import Arrival, Batch
from storage.errors import Broken, DiskFull, OverQuota, neutral
from storage.filename import new_base
from storage.layout import INBOX, folder_name
from storage.message import Message
from storage.quota import Limits
from storage.rows import Summary
from storage.status import Status

if TYPE_CHECKING:
    from storage.store import Store

log = logging.getLogger("kwcmaild.storage")


@dataclass(frozen=True, slots=True)
class Target:
    """One local recipient: the canonical account, the mailbox, and the address that was written to."""

    address: str
    mailbox: str = INBOX
    original: str = ""
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of one target; the account's use in octets before and after, and its limit."""

    target: Target
    status: Status
    uid: int | None = None
    used_before: int = 0
    used_after: int = 0
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class _File:
    """A message as it lies ready for its recipients."""

    path: str
    size: int
    base: str
    date: int
    summary: Summary
    shared: bool


def deliver(
    store: "Store", message: Message, reverse_path: str, targets: Sequence[Target], trace: str
) -> list[Delivered]:
    """For a thread. Everything that is said to be delivered is fsynced."""
    fields = [f"Return-Path: <{reverse_path}>\r\n".encode(errors="surrogateescape")]
    if len(targets) == 1:
        to = targets[0].original or targets[0].address
        fields.append(f"Delivered-To: {to}\r\n".encode(errors="surrogateescape"))
        return [_deliver_one(store, message.prepend(*fields), targets[0], trace)]
    return _deliver_shared(store, message.prepend(*fields), targets, trace)


def _deliver_one(store: "Store", message: Message, target: Target, trace: str) -> Delivered:
    try:
        with store.files(target.address) as files:
            limits = store.limits(target.address)
            mailbox = _existing(files, target.mailbox)
            now = store.clock()
            folder = files.maildir if mailbox == INBOX else files.maildir / folder_name(mailbox)
            path = arriving.write_tmp(folder, message.write_to, int(now), now)
            file = _File(
                path, message.size, new_base(now), int(now), arriving.summary_of(message, path), False
            )
            return _arrive(store, files, target, mailbox, file, limits)
    except Exception as error:
        return Delivered(target, _status(error, trace))


def _deliver_shared(
    store: "Store", message: Message, targets: Sequence[Target], trace: str
) -> list[Delivered]:
    spool = store.settings.data / "spool"
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = store.clock()
    path = f"{spool}/{new_base(now)}"
    try:
        _write(path, message, int(now))
        file = _File(path, message.size, new_base(now), int(now), arriving.summary_of(message, path), True)
        return [_deliver_link(store, target, file, trace) for target in targets]
    except Exception as error:
        failed = _status(error, trace)
        return [Delivered(target, failed) for target in targets]
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _deliver_link(store: "Store", target: Target, file: _File, trace: str) -> Delivered:
    try:
        with store.files(target.address) as files:
            limits = store.limits(target.address)
            return _arrive(store, files, target, _existing(files, target.mailbox), file, limits)
    except Exception as error:
        return Delivered(target, _status(error, trace))


def _arrive(
    store: "Store", files: AccountFiles, target: Target, mailbox: str, file: _File, limits: Limits
) -> Delivered:
    arrival = Arrival(
        file=file.path,
        size=file.size,
        base=file.base,
        flags=target.flags,
        date=file.date,
        came="delivered",
        summary=file.summary,
        shared=file.shared,
    )
    batch = Batch(mailbox, [arrival], limits)
    try:
        arriving.arrive(files, batch)
    except BaseException:
        if not file.shared:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.path)
        raise
    store.publish(target.address, mailbox, batch.modseq)
    return Delivered(target, status.DELIVERED, arrival.uid, batch.used_before, batch.used_after, limits.bytes)


def _existing(files: AccountFiles, mailbox: str) -> str:
    """The mailbox asked for, or INBOX where the user has deleted it. The account exists when this returns."""
    if mailbox == INBOX and files.ready:
        return INBOX
    with files.reading() as db:
        found = db.execute("SELECT 1 FROM mailboxes WHERE name = ?", (mailbox,)).fetchone()
    return mailbox if found else INBOX


def _write(path: str, message: Message, date: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        message.write_to(fd)
        os.utime(fd, (date, date))
        os.fsync(fd)
    finally:
        os.close(fd)


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
