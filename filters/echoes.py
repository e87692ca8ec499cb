"""Echoes act after delivery: the mail is on the disk, and what fails here is a line in the log and no more.

An echo is itself mail, signed, from the null reverse-path, and never causes another.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime

from filters import autoreply, noted, quota_notice, virus_notice
from filters.administrators import administrators
from filters.handover import Handed, Handover, Routed
from filters.mail import ListErrand, Mail, Outside, Returned
from filters.routes import Refused, Routes
from filters.srs import sender_of
from net.log import event
from storage import status
from storage.delivery import Delivered, Target
from storage.message import Message
from storage.people.address import parse
from storage.people.directory import AccountEntry, ForwardEntry, ListEntry
from storage.state.memory import Memory
from storage.store import Store

_log = logging.getLogger("filters")


class Echoes:
    """The echoes of one process's pipeline."""

    def __init__(self, store: Store, routes: Routes, handover: Handover, clock: Callable[[], float]) -> None:
        self._store = store
        self._routes = routes
        self._handover = handover
        self._clock = clock
        self._memory = Memory(store.settings.data / "state")

    def close(self) -> None:
        self._memory.close()

    async def after(
        self, mail: Mail, routed: Sequence[Routed], handed: Handed, *, spam: bool = False
    ) -> None:
        """What follows from a mail that was handed over."""
        for copy in handed.delivered:
            noted.delivered(self._store.traces, copy, mail.trace)
            tell_log(copy, mail.trace)
            await self._quota(copy, mail.trace)
        if spam or mail.hold_until is not None:  # what is held is answered when it is let go
            return
        for each, answer in zip(routed, handed.statuses, strict=True):
            found = each.recipient.found
            if answer.ok and isinstance(found, AccountEntry) and found.file.autoreply.enabled:
                await self._reply(mail, found)

    async def send(self, message: Message, to: str, trace: str) -> None:
        """Mail of the server's own, to anybody: routed as all mail is, from the null reverse-path."""
        try:
            found = await self._store.run(self._routes.find, parse(to), message.size, True)
            if isinstance(found, Refused):
                _log.warning(
                    "notice.not_sent", extra={"fields": {"trace": trace, "to": to, "status": found.status}}
                )
                return
            mail = Mail("", "", trace, message=await self._handover.signed(message))
            routed = [await self._routes.route(mail, found, False)]
            handed = await self._handover.take(mail, routed)
            for copy in handed.delivered:
                noted.delivered(self._store.traces, copy, trace, "notice")
                tell_log(copy, trace)
        except Exception:
            _failed(trace)

    # ---- automatic replies

    async def _reply(self, mail: Mail, entry: AccountEntry) -> None:
        try:
            now = self._clock()
            if not autoreply.in_force(entry.file.autoreply, today(now)):
                return
            sender = await self._store.run(self._sender, mail.reverse_path, now)
            reason = autoreply.why_not(mail, entry, sender)
            if reason is not None or sender is None:
                fields = {"trace": mail.trace, "account": entry.address, "reason": reason}
                _log.info("autoreply.none", extra={"fields": fields})
                return
            subject = autoreply.remembered_as(entry, sender)
            if not await self._store.run(self._memory.first, autoreply.KIND, subject, now, autoreply.PERIOD):
                return
            message = autoreply.reply(self._store.settings.hostname, mail, entry, sender, now)
            detail = {"account": entry.address, "kind": "automatic reply"}
            self._store.traces.note(mail.trace, "notice", recipient=sender, detail=detail)
            await self.send(message, sender, mail.trace)
        except Exception:
            _failed(mail.trace)

    def _sender(self, reverse_path: str, now: float) -> str | None:
        return sender_of(self._routes.srs, reverse_path, now) if reverse_path else None

    # ---- viruses

    async def virus(self, mail: Mail, found: str) -> None:
        """A mail was dropped or refused: whose it would have been is told, or whose it was."""
        try:
            hostname, now = self._store.settings.hostname, self._clock()
            if mail.authenticated is not None:
                message = virus_notice.to_sender(hostname, mail, mail.authenticated, found, now)
                await self.send(message, mail.authenticated, mail.trace)
                return
            for address, to in dict.fromkeys(_told(each.found) for each in mail.recipients):
                if to:
                    message = virus_notice.to_recipient(hostname, mail, address, to, found, now)
                    await self.send(message, to, mail.trace)
        except Exception:
            _failed(mail.trace)

    # ---- mailboxes that fill up

    async def mailbox_full(self, account: str, trace: str) -> None:
        """Mail was turned away."""
        await self._tell_of_quota(account, quota_notice.FULL, trace)

    async def _quota(self, copy: Delivered, trace: str) -> None:
        if copy.status == status.MAILBOX_FULL:
            await self.mailbox_full(copy.target.address, trace)
            return
        percent = quota_notice.crossed(copy.used_before, copy.used_after, copy.limit)
        if percent is not None:
            await self._tell_of_quota(copy.target.address, percent, trace)

    async def _tell_of_quota(self, account: str, percent: int, trace: str) -> None:
        try:
            now = self._clock()
            kind = f"quota {percent}"
            if not await self._store.run(self._memory.first, kind, account, now, quota_notice.PERIOD):
                return
            use = await self._store.account(account).quota()
            others = await self._store.run(administrators, self._store.directory, account)
            message = quota_notice.notice(
                self._store.settings.hostname,
                account,
                others,
                percent,
                use.bytes,
                use.bytes_limit or 0,
                now,
            )
            targets = [Target(address) for address in (account, *others)]
            signed = await self._handover.signed(message)
            for copy in await self._store.deliver(signed, "", targets, trace):
                noted.delivered(self._store.traces, copy, trace, "notice")
                tell_log(copy, trace)
        except Exception:
            _failed(trace)


def _told(
    found: AccountEntry | ForwardEntry | ListEntry | ListErrand | Outside | Returned,
) -> tuple[str, str]:
    """For what is at an address: which address it is, and who is told of what was dropped there; nobody ("")
    where nobody would have read it. Of a list the owner: no thousand members."""
    if isinstance(found, AccountEntry | ForwardEntry):
        return found.address, found.address  # what an address only sends on its notices are sent on from, too
    if isinstance(found, Returned):
        return found.account.address, found.account.address
    if isinstance(found, ListEntry):
        return found.address, found.file.owner
    if isinstance(found, ListErrand) and found.kind in ("owner", "request"):
        return found.entry.address, found.entry.file.owner
    return "", ""


def today(now: float) -> date:
    """The day where the server stands."""
    return datetime.fromtimestamp(now).astimezone().date()


def tell_log(copy: Delivered, trace: str) -> None:
    event(
        _log,
        "mail.delivered" if copy.status.ok else "mail.not_delivered",
        logging.INFO if copy.status.ok else logging.WARNING,
        trace=trace,
        account=copy.target.address,
        mailbox=copy.target.mailbox,
        uid=copy.uid,
        status=copy.status,
    )


def _failed(trace: str) -> None:
    _log.error("filters.echo_failed", exc_info=True, extra={"fields": {"trace": trace}})
