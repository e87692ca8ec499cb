"""What our own accounts may send, and how much: the check of every submission.

At MAIL: is the account's sending held, and may it send another message now? At RCPT: is there room for one
more recipient? When the message is here: do From and Sender name the account (`filters.authors`), and is it
still within its limits? Only this last question counts, and its answer is what holds; the others spare a
client from sending in vain. What an account has room for is asked once for each transaction and remembered
until its message, in a bounded memory; where that was forgotten, the last question is asked all the same.

All of it is asked in the event loop while the account's file is in memory as the disk has it and nobody at all
is held, which is nearly always: then it is some `stat`s and counts, and a thread would cost more than the answer.

Passing a limit suddenly (`storage.state.sending`) holds the account: nothing more of its mail leaves, what is in
the queue stays there, and the administrators are told by mail, once.
"""

import logging
from collections import OrderedDict

from config.sending import SendLimit
from filters import authors, held_notice, noted
from filters.administrators import administrators
from filters.mail import Mail, Recipient
from filters.sender_auth.signing import Signing
from filters.verdict import PASS, Action, Verdict
from storage.delivery import Target
from storage.people.address import parse
from storage.people.directory import AccountEntry
from storage.queue import held_mail
from storage.queue.queue import Queue
from storage.state.sending import Full
from storage.status import Status
from storage.store import Store

HELD = Status("4.7.1", "sending from this account is held, ask your administrator")
MAY_NOT_SEND = Status("5.7.1", "this account may not send mail")

REMEMBERED = 5_000  # transactions whose room is known
SHORT = 32 * 1024  # octets of a header block up to which its authors are looked for in the event loop

_log = logging.getLogger("filters")


class Submission:
    """One for each process."""

    name = "sender"

    def __init__(self, store: Store, queue: Queue, signing: Signing) -> None:
        self._store = store
        self._signing = signing
        self._queue = queue
        self._sending = store.sending
        self._room: OrderedDict[str, int] = OrderedDict()  # by connection: recipients it may still name

    async def connect(self, mail: Mail) -> Verdict:
        if mail.authenticated is None or mail.dry:
            return PASS
        found: int | Full | Status
        entry = self._known(mail.authenticated)
        if entry is not None:
            found = self._room_of(entry)
        else:
            found = await self._store.run(self._ask, mail.authenticated)
        if isinstance(found, int):
            self._room[_connection(mail)] = found
            self._room.move_to_end(_connection(mail))
            if len(self._room) > REMEMBERED:
                self._room.popitem(last=False)
            return PASS
        return await self._no(mail, found)

    async def recipient(self, mail: Mail, rcpt: Recipient) -> Verdict:
        room = self._room.get(_connection(mail))
        if room is None or mail.authenticated is None:
            return PASS
        if room > 0:
            self._room[_connection(mail)] = room - 1
            return PASS
        full = await self._store.run(self._full, mail.authenticated)
        return await self._no(mail, full, "4.5.3")  # RFC 5321 §4.5.3.1.10: those before it may go

    async def message(self, mail: Mail) -> Verdict:
        if mail.authenticated is None:
            return PASS
        self._room.pop(_connection(mail), None)
        entry = self._known(mail.authenticated) if len(mail.head) <= SHORT and not mail.dry else None
        if entry is not None:
            found = self._names_another(mail, entry) or self._counted(mail, entry)
        else:
            found = await self._store.run(self._judge, mail, mail.authenticated)
        return PASS if found is None else await self._no(mail, found)

    # ---- anywhere: nothing here waits

    def _known(self, account: str) -> AccountEntry | None:
        """An account that may send, where that is known."""
        entry = self._store.directory.known_account(parse(account))
        usual = entry is not None and not entry.file.suspended and self._sending.holds.nobody()
        return entry if usual else None

    def _room_of(self, entry: AccountEntry) -> int | Full:
        return self._sending.room(entry.address, self._limit(entry))

    def _counted(self, mail: Mail, entry: AccountEntry) -> Full | None:
        return self._sending.take(entry.address, len(mail.recipients), self._limit(entry))

    def _names_another(self, mail: Mail, entry: AccountEntry) -> Status | None:
        if self._store.settings.smtp.check_from != "reject":
            return None
        return authors.wrong(mail.head, entry)

    # ---- in a thread

    def _ask(self, account: str) -> int | Full | Status:
        entry = self._store.directory.account(account)
        if entry is None or entry.file.suspended:
            return MAY_NOT_SEND
        if self._sending.holds.of(account) is not None:
            return HELD
        return self._room_of(entry)

    def _full(self, account: str) -> Full | Status:
        entry = self._store.directory.account(account)
        return MAY_NOT_SEND if entry is None else self._sending.full(account, self._limit(entry))

    def _judge(self, mail: Mail, account: str) -> Full | Status | None:
        entry = self._store.directory.account(account)
        if entry is None or entry.file.suspended:
            return MAY_NOT_SEND
        if (status := self._names_another(mail, entry)) is not None:
            return status
        if self._sending.holds.of(account) is not None:
            return HELD
        if mail.dry:
            room = self._sending.room(entry.address, self._limit(entry), dry=True)
            return room if isinstance(room, Full) else None
        return self._counted(mail, entry)

    def _limit(self, entry: AccountEntry) -> SendLimit:
        return entry.file.send_limit.over(self._store.settings.smtp.send_limit)

    # ---- no

    async def _no(self, mail: Mail, found: Full | Status, code: str = "4.7.1") -> Verdict:
        if isinstance(found, Status):
            action = Action.REJECT if found.permanent else Action.DEFER
            return Verdict(action, found, found.text)
        if found.sudden and self._store.settings.smtp.hold_senders and not mail.dry:
            await self._hold(mail, found)
            return Verdict(Action.DEFER, HELD, f"suddenly more than {found.words}")
        return Verdict(Action.DEFER, found.status(code), f"more than {found.words}")

    async def _hold(self, mail: Mail, full: Full) -> None:
        """Hold the account; whoever is first to do so stops its mail and tells the administrators."""
        account = mail.authenticated
        assert account is not None
        now = self._store.clock()
        reason = f"suddenly more than {full.words}, from {mail.peer}"
        if not await self._store.run(self._sending.holds.hold, account, now, reason):
            return
        fields = {"trace": mail.trace, "account": account, "peer": mail.peer, "reason": reason}
        _log.warning("sending.held", extra={"fields": fields})
        detail = {"account": account, "reason": reason}
        self._store.traces.note(mail.trace, "held", peer=mail.peer, detail=detail)
        try:
            await self._tell(mail, account, full, now)
        except Exception:
            _log.error("filters.echo_failed", exc_info=True, extra={"fields": {"trace": mail.trace}})

    async def _tell(self, mail: Mail, account: str, full: Full, now: float) -> None:
        held = await self._store.run(self._hold_queued, account)
        told = await self._store.run(administrators, self._store.directory, account)
        if not told:
            return
        hostname = self._store.settings.hostname
        message = held_notice.notice(hostname, account, told, full.words, mail.peer, held, now)
        message = await self._store.run(self._signing.sign, message)
        for copy in await self._store.deliver(message, "", [Target(each) for each in told], mail.trace):
            noted.delivered(self._store.traces, copy, mail.trace, "notice")

    def _hold_queued(self, account: str) -> int:
        entry = self._store.directory.account(account)
        if entry is None:
            return 0
        return held_mail.hold(self._queue, self._store.settings.data / "state", entry, self._store.clock)


def _connection(mail: Mail) -> str:
    """The trace of the connection: that of a message is it and a number."""
    return mail.trace.partition(".")[0]
