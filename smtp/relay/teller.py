"""Tells senders how their mail fares: what failed, what takes long, and what arrived where they asked to know.

Who is to be told of what is decided when an outcome is recorded (`storage.queue.queue`), and stays written down
until the notice is in the queue: one transaction settles both, so a crash repeats no notice and loses none. A
notice waits a while for the other recipients of its message, so that one says it all. It is signed in
the name of the domain above this server's, for that is aligned with its From (RFC 9989 §4.4), or else of the
sender's or a recipient's.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from config.settings import Settings
from net.log import event
from smtp.relay import dsn
from smtp.relay.recorder import Threads
from storage.message import Message
from storage.queue.queue import Queue
from storage.queue.queued import Notice, Work
from storage.state.traces import Traces

AGAIN = 2.0  # seconds until those are looked at whose other recipients are under way
PAUSE = 0.25  # seconds between two looks: whoever adds to the queue wakes this, and hardly ever for a reason
LOOK_EVERY = 60.0  # seconds: another process may have been killed before it told somebody

Sign = Callable[..., Message]  # message, domains: with the keys of the first that has some

logger = logging.getLogger("smtp.relay")


class Teller:
    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        threads: Threads,
        clock: Callable[[], float],
        traces: Traces | None,
        sign: Sign,
    ) -> None:
        self.settings = settings
        self._sign = sign
        self._queue = queue
        self._threads = threads
        self._clock = clock
        self._traces = traces
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        """For ever; it may be cancelled at any time."""
        wait = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait)
            try:
                wait = AGAIN if await self.step() else LOOK_EVERY
            except Exception:
                event(logger, "queue.trouble", logging.ERROR, exc_info=True)
                wait = LOOK_EVERY
            await asyncio.sleep(PAUSE)

    async def step(self) -> bool:
        """Tell whom it is time to tell; whether others are left."""
        self._woken.clear()
        works, more = await self._threads(self._queue.untold)
        for work in works:
            try:
                await self._tell(work)
            except Exception:
                trace = work.envelope.trace
                event(logger, "queue.notice_failed", logging.ERROR, exc_info=True, trace=trace)
                more = True
        return more

    async def _tell(self, work: Work) -> None:
        envelope = work.envelope
        notice_id = await self._threads(self._settle, work)
        event(
            logger,
            "queue.notified" if notice_id else "queue.not_told",
            trace=envelope.trace,
            queue_id=envelope.queue_id,
            to=envelope.reverse_path,
            about=",".join(sorted({dsn.action_of(each) for each in work.recipients})),
            recipients=len(work.recipients),
            notice=notice_id,
        )
        if notice_id and self._traces is not None:
            for each in work.recipients:
                detail = {"about": dsn.action_of(each), "to": envelope.reverse_path, "notice": notice_id}
                self._traces.note(
                    envelope.trace,
                    "notice",
                    queue_id=envelope.queue_id,
                    sender=envelope.reverse_path,
                    recipient=each.address,
                    detail=detail,
                )

    def _settle(self, work: Work) -> str | None:
        """The id of the notice; None where nobody was to be told, or another process did. For a thread."""
        envelope = work.envelope
        numbers = [each.number for each in work.recipients]
        if not envelope.reverse_path:  # of a bounce nobody is told (RFC 5321 §6.1)
            return self._queue.settle(envelope.queue_id, numbers)
        try:
            message = self._queue.message(envelope.queue_id)
        except FileNotFoundError:
            message = None
        now = self._clock()
        until = now + self.settings.queue.give_up - (self._queue.time.now() - envelope.since)
        text = dsn.report(self.settings.hostname, envelope, work.recipients, message, now, until)
        to = envelope.reverse_path
        signed = self._sign(text, *domains(self.settings.hostname, work))
        notice = Notice(signed, to, not to.isascii(), envelope.require_tls)
        return self._queue.settle(envelope.queue_id, numbers, notice)


def domains(hostname: str, work: Work) -> list[str]:
    """Whose key may stand for a notice, the best first."""
    labels = hostname.split(".")
    above = [".".join(labels[at:]) for at in range(1, len(labels) - 1)]
    people = (work.envelope.reverse_path, *(each.original or each.address for each in work.recipients[:1]))
    return [*above, *(each.rpartition("@")[2].lower() for each in people)]
