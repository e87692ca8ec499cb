"""The relay process's work: take what is due from the queue, try it, write down how it went, tell the sender.

Attempts follow the pauses of `queue.retry`, the last one repeated, until `queue.give_up`; the last attempt is
made at that very time. A temporary failure then, and a permanent one at any time, ends in a notification
(RFC 3464), which is queued by the same transaction that settles the failed recipients, and is tried like any
other mail. The null reverse-path is told of nothing.

The runner looks when it is woken (the bus says that something was added), when the next recipient is due, and
at least each `LOOK_EVERY` seconds; so a lost hint or a clock that was set costs that much and no more. Several
runners may share a queue: each holds leases, and gives them back when it stops. Nothing that goes wrong with
one message stops the others.

Mail to other servers cannot be sent yet: such a recipient fails temporarily, attempt after attempt.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from config.settings import Queue as Schedule
from config.settings import Settings
from net.log import event
from smtp.dsn import failure, original_header, to_be_told
from storage.bus import Bus
from storage.message import Message
from storage.queue import ADDED, Queue
from storage.queued import Addressee, Envelope, Notice, Outcome, Queued, Work
from storage.status import INTERNAL, Status

BATCH = 100  # recipients leased at a time
MESSAGES = 8  # tried at the same time
LOOK_EVERY = 60.0  # seconds
AFTER_TROUBLE = 5.0  # seconds until a queue that could not be read is looked at again

logger = logging.getLogger("smtp.runner")

T = TypeVar("T")
Deliver = Callable[[Message, str, Sequence[Addressee], str], Awaitable[list[Status]]]


class Threads(Protocol):
    """`Store.run`: one hop to a thread."""

    async def __call__(self, fn: Callable[..., T], *args: object) -> T: ...


class Runner:
    """One runner of a process. `settings` is replaced when the configuration is read again."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        threads: Threads,
        deliver: Deliver,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self._queue = queue
        self._threads = threads
        self._deliver = deliver
        self._clock = clock
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._woken = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Until `stop`. What is being tried then is finished first."""
        bus = Bus(self.settings.run)
        bus.listen(lambda hint: self.wake() if hint == ADDED else None)
        try:
            await self._guarded(self.recover)
            while not self._stopping:
                await self._wait(await self._guarded(self.step))
        finally:
            bus.close()
            with contextlib.suppress(Exception):
                await self._threads(self._queue.give_back, self._holder)

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def stop(self) -> None:
        self._stopping = True
        self.wake()

    async def recover(self) -> float:
        """Clean up after a crash: files and rows that lost each other, senders that were not told."""
        await self._threads(self._queue.recover)
        for envelope in await self._threads(self._queue.unsettled):
            await self._settle(envelope)
        return 0.0

    async def step(self) -> float:
        """Try what is due; the seconds until there may be more."""
        self._woken.clear()
        work = await self._threads(self._queue.claim, self._holder, BATCH)
        if work:
            room = asyncio.Semaphore(MESSAGES)
            await asyncio.gather(*(self._one(each, room) for each in work))
            return 0.0
        due = await self._threads(self._queue.next_due)
        return LOOK_EVERY if due is None else min(max(due - self._clock(), 0.0), LOOK_EVERY)

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    async def _guarded(self, act: Callable[[], Awaitable[float]]) -> float:
        try:
            return await act()
        except Exception:
            event(logger, "queue.trouble", logging.ERROR, exc_info=True)
            return AFTER_TROUBLE

    # ------------------------------------------------------------------ one message

    async def _one(self, work: Work, room: asyncio.Semaphore) -> None:
        """Try the leased recipients of a message. An exception leaves the lease to run out."""
        async with room:
            try:
                await self._attempt(work)
            except Exception:
                event(
                    logger,
                    "queue.attempt_failed",
                    logging.ERROR,
                    exc_info=True,
                    trace=work.envelope.trace,
                    queue_id=work.envelope.queue_id,
                )

    async def _attempt(self, work: Work) -> None:
        envelope = work.envelope
        try:
            message = await self._threads(self._queue.message, envelope.queue_id)
        except FileNotFoundError:
            await self._threads(self._queue.hold_missing, envelope.queue_id)
            return
        addressees = [Addressee(each.address, each.original, each.mailbox) for each in work.recipients]
        try:
            statuses = await self._deliver(message, envelope.reverse_path, addressees, envelope.trace)
        except Exception:
            event(logger, "queue.deliver_failed", logging.ERROR, exc_info=True, trace=envelope.trace)
            statuses = [INTERNAL] * len(addressees)
        outcomes = []
        for recipient, status in zip(work.recipients, statuses, strict=True):
            outcome = self._outcome(envelope, recipient, status)
            self._log_outcome(envelope, recipient, outcome)
            outcomes.append(outcome)
        await self._threads(self._queue.record, self._holder, envelope.queue_id, outcomes)
        if any(outcome.due is None for outcome in outcomes):
            await self._settle(envelope)

    def _outcome(self, envelope: Envelope, recipient: Queued, status: Status) -> Outcome:
        if not status.temporary:
            return Outcome(recipient.number, status)
        due = next_attempt(self.settings.queue, envelope.added, recipient.attempts, self._clock())
        return Outcome(recipient.number, status, due)

    def _log_outcome(self, envelope: Envelope, recipient: Queued, outcome: Outcome) -> None:
        status = outcome.status
        name = "queue.delivered" if status.ok else "queue.failed" if outcome.due is None else "queue.deferred"
        event(
            logger,
            name,
            logging.INFO if status.ok else logging.WARNING,
            trace=envelope.trace,
            queue_id=envelope.queue_id,
            to=recipient.address,
            status=status,
            attempt=recipient.attempts + 1,
            due=outcome.due,
        )

    async def _settle(self, envelope: Envelope) -> None:
        told, notice_id = await self._threads(self._tell, envelope)
        if told:
            event(
                logger,
                "queue.notified" if notice_id else "queue.not_told",
                trace=envelope.trace,
                queue_id=envelope.queue_id,
                to=envelope.reverse_path,
                recipients=told,
                notice=notice_id,
            )

    def _tell(self, envelope: Envelope) -> tuple[int, str | None]:
        """Settle the failed recipients, with a notice where somebody is to be told; how many failed, and the
        notice. For a thread."""
        failed = self._queue.untold(envelope.queue_id)
        numbers = [each.number for each in failed]
        told = to_be_told(envelope, failed)
        if not told:
            self._queue.settle(envelope.queue_id, numbers)
            return len(failed), None
        try:
            header = original_header(self._queue.message(envelope.queue_id))
        except FileNotFoundError:
            header = b""
        message = failure(self.settings.hostname, envelope, told, header, self._clock())
        notice = Notice(message, envelope.reverse_path)
        return len(failed), self._queue.settle(envelope.queue_id, numbers, notice)


def next_attempt(schedule: Schedule, added: int, attempts: int, now: float) -> int | None:
    """When to try again after one more attempt failed now, `attempts` before it; None to give up."""
    end = added + schedule.give_up
    if now >= end:
        return None
    pause = schedule.retry[min(attempts, len(schedule.retry) - 1)]
    return min(int(now) + pause, end)
