"""Carries letters to a destination: host after host until one can be spoken to, then one letter after the other.

What holds for every letter that was taken:
- It is reported, each recipient once; unless the session broke over it that had served others: then it is left to
  the runner as it was, to go with the next connection.
- `report` is awaited, and so durable, before the next message is sent on that connection.
- A recipient is answered by the host's own reply to it. Who was not answered when the session broke is tried at
  the next host, as long as the end of the message was not sent; after that nobody can know whether the message was
  taken, so it is temporary, and may arrive twice (RFC 1047): the wait for that reply is the longest of all.
- Only what the host takes is sent: a message that it can't take is refused here (`order`).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from config.settings import Settings
from net.log import event
from smtp.relay import order
from smtp.relay.body import SMALL, Content, inspect
from smtp.relay.destination import Approach, Destination, Destinations
from smtp.relay.dialogue import Transaction
from smtp.relay.letter import Answered, Letter, Unreachable
from smtp.relay.opening import Opener, TlsMissing
from smtp.relay.protection import Level, Protection, proves
from smtp.relay.reply import Reply
from smtp.relay.session import Broken, Session, Threads
from smtp.relay.tls_rpt import Reports
from storage.queue.queued import Queued
from storage.status import Status, worst

__all__ = ["Courier", "Unreachable"]

TRIES = 8  # addresses that are tried in one go
SESSIONS = 2  # sessions that may break over the same letter in one go

logger = logging.getLogger("smtp.relay")

Take = Callable[[], Awaitable[Letter | None]]
Report = Callable[[Letter, Sequence[Answered]], Awaitable[None]]


@dataclass(slots=True)
class Errand:
    """One `carry`: the letter in hand, and who of it is not answered yet."""

    take: Take
    report: Report
    letter: Letter | None = None
    content: Content | None = None
    remaining: tuple[Queued, ...] = ()
    failures: list[Status] = field(default_factory=list)
    unprotected: Status | None = None  # a host was passed over for the lack of TLS

    @property
    def begun(self) -> bool:
        """Whether some of the letter in hand was reported, and some was not."""
        return self.letter is not None and len(self.remaining) < len(self.letter.recipients)

    def failed(self) -> Status:
        """Why nobody could be spoken to: temporary as long as one host may do better later."""
        again = [status for status in self.failures if status.temporary]
        return again[-1] if again else worst(self.failures)


class Courier:
    """One for each process; `carry` runs many times at once."""

    def __init__(
        self,
        settings: Settings,
        destinations: Destinations,
        threads: Threads,
        reports: Reports | None = None,
    ) -> None:
        self._settings = settings
        self._destinations = destinations
        self._threads = threads
        self._opener = Opener(settings, threads, reports)

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = self._opener.settings = self._destinations.settings = settings

    async def carry(self, destination_key: str, take: Take, report: Report) -> None:
        """Send what `take` gives until it gives None, over one connection. Raises Unreachable when nobody could be
        spoken to; then no letter was tried, but for one that may be reported for want of TLS."""
        destination = await self._destinations.find(destination_key)
        errand = Errand(take, report)
        if await self._walk(destination, errand, optional=False):
            return
        if errand.unprotected is not None and errand.letter is None:
            # a sender may rather have it delivered than protected (RFC 8689 §5): is this one?
            await self._next(errand)
            optional = errand.content is not None and errand.content.tls_optional
            if optional and await self._walk(destination, errand, optional=True):
                return
        status = errand.failed()
        if errand.letter is not None:
            await self._give_up(errand, status)
        raise Unreachable(status)

    async def _walk(self, destination: Destination, errand: Errand, optional: bool) -> bool:
        """Try the hosts. False: none took the letter in hand, or none could be spoken to."""
        tries, sessions = TRIES, SESSIONS
        async for host, approach in self._approaches(destination, errand):
            protection = Protection(Level.MAY, host) if optional else approach.protection
            for address in approach.addresses:
                if not tries or not sessions:
                    return False
                tries -= 1
                try:
                    session = await self._opener.open(destination, host, address, protection)
                except TlsMissing as missing:
                    errand.failures.append(missing.status)
                    errand.unprotected = missing.status
                    continue
                except Broken as broken:
                    errand.failures.append(broken.status)
                    if broken.reply is None:
                        self._destinations.shun(address)
                    event(logger, "relay.no_session", host=host, address=address, why=broken.status)
                    continue
                if await self._use(destination, session, errand, optional):
                    return True
                sessions -= 1
        return False

    async def _approaches(
        self, destination: Destination, errand: Errand
    ) -> AsyncIterator[tuple[str, Approach]]:
        """The ways to the hosts, by preference; those where nobody answered lately come last."""
        silent = []
        for host in destination.hosts:
            try:
                approach = await self._destinations.approach(destination, host)
            except Unreachable as unreachable:
                errand.failures.append(unreachable.status)
                continue
            if approach.silent:
                silent.append((host, approach))
            else:
                yield host, approach
        for each in silent:
            yield each

    async def _use(self, destination: Destination, session: Session, errand: Errand, optional: bool) -> bool:
        """Send letters as long as there are some. False: the session broke over the first one."""
        most = self._settings.queue.messages_per_connection
        if session.offers.mails is not None:
            most = min(most, session.offers.mails)
        try:
            while session.messages < most:
                if errand.letter is None and not await self._next(errand):
                    break
                if optional and not (errand.content is not None and errand.content.tls_optional):
                    await self._give_up(errand, errand.unprotected or errand.failed())
                    break
                await self._send(destination, session, errand)
            session.quit()
        except Broken as broken:
            event(logger, "relay.broken", host=session.host, address=session.address, why=broken.status)
            session.abort()
            errand.failures.append(broken.status)
            if errand.begun and session.messages:
                await self._give_up(errand, broken.status, session, broken.reply)
            return session.messages > 0 or errand.letter is None
        except BaseException:
            session.abort()
            raise
        return True

    async def _next(self, errand: Errand) -> bool:
        """Take a letter in hand."""
        letter = await errand.take()
        if letter is None:
            return False
        message = letter.message
        if message.size <= SMALL and isinstance(message.source, bytes):
            content = inspect(message)  # it is in memory
        else:
            content = await self._threads(inspect, message)
        errand.letter, errand.content, errand.remaining = letter, content, letter.recipients
        return True

    async def _give_up(
        self, errand: Errand, status: Status, session: Session | None = None, reply: Reply | None = None
    ) -> None:
        """Report whoever is left of the letter in hand."""
        assert errand.letter is not None
        answered = [_answered(each, status, session, reply) for each in errand.remaining]
        await self._report(errand, answered)

    async def _report(self, errand: Errand, answered: Sequence[Answered]) -> None:
        letter = errand.letter
        assert letter is not None
        done = {each.number for each in answered}
        errand.remaining = tuple(each for each in errand.remaining if each.number not in done)
        if not errand.remaining:
            errand.letter = errand.content = None
        if answered:
            await errand.report(letter, answered)

    async def _send(self, destination: Destination, session: Session, errand: Errand) -> None:
        """The letter in hand, in as many transactions as the host's limits ask for. Raises Broken."""
        letter, content = errand.letter, errand.content
        assert letter is not None and content is not None
        if letter.envelope.require_tls and not await self._kept(destination, session):
            await self._give_up(errand, order.REQUIRE_TLS, session)
            return
        most = self._settings.queue.recipients_per_message
        if session.offers.recipients:
            most = min(most, session.offers.recipients)
        while errand.letter is letter:
            some = errand.remaining[:most]
            await self._transact(destination, session, errand, content, some)

    async def _transact(
        self,
        destination: Destination,
        session: Session,
        errand: Errand,
        content: Content,
        some: Sequence[Queued],
    ) -> None:
        """One transaction, and its report."""
        assert errand.letter is not None
        refused: list[Answered] = []
        rcpts: list[tuple[int, bytes]] = []
        for each in some:
            rcpt = order.rcpt(each, session.offers)
            if isinstance(rcpt, Status):
                refused.append(_answered(each, rcpt, session))
            else:
                rcpts.append((each.number, rcpt))
        if not rcpts:
            await self._report(errand, refused)
            return
        utf8 = not all(rcpt.isascii() for _, rcpt in rcpts)
        anyway = self._settings.queue.eightbit == "send"
        mail = order.mail(errand.letter.envelope, content, utf8, session.offers, eightbit_anyway=anyway)
        if isinstance(mail, Status):
            await self._report(errand, [_answered(each, mail, session) for each in some])
            return
        lmtp = destination.smarthost is not None and destination.smarthost.protocol == "lmtp"
        transaction = Transaction(mail, rcpts, session.offers.pipelining, lmtp, session.reset)
        broken: Broken | None = None
        ended = False  # the end of the message was sent
        try:
            await session.play(transaction.begin())
            if transaction.accepted and transaction.invited:
                await session.send(content, self._threads)
                ended = True
                await session.play(transaction.end())
            elif transaction.invited:
                await session.play(transaction.empty())
            session.reset = transaction.unfinished
        except Broken as error:
            broken = error
        answered = refused + _judged(some, transaction, session)
        if broken is not None and transaction.invited and transaction.accepted:
            answered += _unanswered(some, transaction, session, broken, ended)
        if broken is None:
            session.messages += 1
        await self._report(errand, answered)
        if broken is None and any(reply.code == 421 for reply in transaction.answers.values()):
            broken = Broken(Status("4.4.2", f"{session.host} closed the session"))
        if broken is not None:
            raise broken

    async def _kept(self, destination: Destination, session: Session) -> bool:
        """Whether REQUIRETLS can be kept: the host is the right one, has proven it, and will do the same
        (RFC 8689 §4.2.1)."""
        if session.tls is None or not session.offers.require_tls or not destination.trustworthy:
            return False
        if not session.verified:
            chain = session.connection.certificates()
            tls = self._settings.queue.tls
            session.verified = await self._threads(proves, tls, chain, session.host, datetime.now(UTC))
        return session.verified


def _judged(some: Sequence[Queued], transaction: Transaction, session: Session) -> list[Answered]:
    """What the host said to each recipient. One that is only too many for this transaction is not judged: it goes
    into the next one (RFC 5321 §4.5.3.1.10)."""
    answered = []
    for each in some:
        reply = transaction.answers.get(each.number)
        if reply is None:
            continue
        status = reply.status()
        if reply.code == 530:  # it wants TLS or a login first: nothing is wrong with the mail
            status = replace(status, code="4" + status.code[1:])
        too_many = reply.code in (452, 552) and status.code[1:] in (".5.3", ".0.0")
        if too_many and transaction.opened and each.number not in transaction.accepted:
            if transaction.accepted:
                continue
            status = replace(status, code="4" + status.code[1:])
        answered.append(_answered(each, status, session, reply))
    return answered


def _unanswered(
    some: Sequence[Queued], transaction: Transaction, session: Session, broken: Broken, ended: bool
) -> list[Answered]:
    """What is known of those whom the host took and said nothing of before the session broke. Nothing, where the
    message was not ended: then they go to the next host."""
    if ended:
        lost = Status("4.4.2", f"{broken.status.text}; the message was sent and may have arrived")
    elif broken.reply is not None and broken.reply.permanent:  # refused in the middle of the message
        lost = broken.reply.status()
    else:
        return []
    accepted = {number for number in transaction.accepted if number not in transaction.answers}
    return [_answered(each, lost, session, broken.reply) for each in some if each.number in accepted]


def _answered(
    recipient: Queued, status: Status, session: Session | None = None, reply: Reply | None = None
) -> Answered:
    if session is None:
        return Answered(recipient.number, status)
    words = "" if reply is None else str(reply)
    return Answered(
        recipient.number, status, session.host, session.address, words, session.tls, session.offers.dsn
    )
