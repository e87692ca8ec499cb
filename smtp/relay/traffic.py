"""What is under way: the lanes in use, their connections, and what is written down of each letter.

How many connections a lane gets is `smtp.relay.pace`'s to say, within what the settings allow one destination and
all together; lanes through which nothing has gone yet have half of all at most. Mailboxes of our own are a lane as
well, with a few at once and without a pace.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from config.settings import Settings
from net.log import event
from smtp.relay import outcomes
from smtp.relay.body import SMALL
from smtp.relay.lane import Lane
from smtp.relay.letter import UNREAD, Answered, Letter, Unreachable
from smtp.relay.local import LOCAL, Report, Take
from smtp.relay.pace import Paces, is_about_the_host
from smtp.relay.recorder import Recorder, Threads
from storage.message import Message
from storage.queue.queue import LEASE, Queue
from storage.queue.queued import Outcome, Recorded
from storage.queue.rows import Key
from storage.state.traces import Traces
from storage.status import INTERNAL, Status

LOW = 10  # letters left in a lane when more are asked for
LINGER = 1.0  # seconds that a connection waits for another letter
LOCAL_AT_ONCE = 8  # messages stored at the same time
PUT_OFF = 200  # recipients put off in one transaction
STALE = LEASE * 0.8  # seconds after which leases that were not renewed are believed no more

logger = logging.getLogger("smtp.relay")


class Carrier(Protocol):
    """`smtp.relay.courier.Courier`, or mailboxes of our own."""

    async def carry(self, destination_key: str, take: Take, report: Report) -> None: ...


class Traffic:
    """The connections of one runner. `changed` is called when there may be room, or need, for more."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        threads: Threads,
        recorder: Recorder,
        holder: str,
        where: Key,
        local: Carrier,
        courier: Carrier,
        paces: Paces,
        jitter: Callable[[], float],
        changed: Callable[[], None],
        untold: Callable[[], None],
        traces: Traces | None,
    ) -> None:
        self.settings = settings
        self.lanes: dict[str, Lane] = {}
        self.renewed = time.monotonic()  # when all leases were last known to be ours
        self._queue = queue
        self._threads = threads
        self._recorder = recorder
        self._holder = holder
        self._where = where
        self._local = local
        self._courier = courier
        self._paces = paces
        self._jitter = jitter
        self._changed = changed
        self._untold = untold
        self._traces = traces
        self._connections = 0  # to other servers
        self._stopping = False

    @property
    def room(self) -> int:
        """Connections that may still be opened."""
        return max(0, self.settings.queue.connections - self._connections)

    def put(self, name: str, letters: Iterable[Letter], more: bool) -> None:
        lane = self.lanes.setdefault(name, Lane(name))
        if not lane.closing:  # else their leases run out
            lane.more = more
            lane.put(letters)

    def holding(self) -> set[str]:
        """The messages that are waiting for a connection or are out on one."""
        letters = itertools.chain.from_iterable((*lane.backlog, *lane.out) for lane in self.lanes.values())
        return {letter.envelope.queue_id for letter in letters}

    def stop(self) -> None:
        """Nothing more is begun."""
        self._stopping = True
        for lane in self.lanes.values():
            lane.close()

    async def settled(self) -> None:
        """Everything that is under way has come to its end."""
        while tasks := [task for lane in self.lanes.values() for task in lane.connections]:
            await asyncio.wait(tasks)

    # ------------------------------------------------------------------ connections

    def staff(self) -> None:
        """Open connections where letters wait for one."""
        for lane in list(self.lanes.values()):
            self._staff(lane)

    def _staff(self, lane: Lane) -> None:
        while lane.waiting > 0 and not lane.closing and not self._stopping and self._may_open(lane):
            task = asyncio.create_task(self._connection(lane))
            lane.connections.add(task)
            self._connections += lane.name != LOCAL
            task.add_done_callback(lambda task: self._ended(lane, task))

    def _may_open(self, lane: Lane) -> bool:
        if lane.name == LOCAL:
            return len(lane.connections) < LOCAL_AT_ONCE
        pace = self._paces.of(lane.name)
        most = self.settings.queue.connections
        if not pace.proven:
            most = max(1, most // 2)
        allowed = pace.allowed(self.settings.queue.connections_per_destination)
        return len(lane.connections) < allowed and self._connections < most

    def _ended(self, lane: Lane, task: "asyncio.Task[None]") -> None:
        lane.connections.discard(task)
        lane.lost.discard(task)
        self._connections -= lane.name != LOCAL
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a connection failed", exc_info=error)
        if not lane.connections and (lane.closing or not lane.backlog):
            self.lanes.pop(lane.name, None)
        self._changed()

    async def _connection(self, lane: Lane) -> None:
        """One connection, and what becomes of letters that it took and did not report."""
        courier = self._local if lane.name == LOCAL else self._courier
        ride = _Ride(self, lane)
        try:
            await courier.carry(lane.name, ride.take, ride.report)
        except Unreachable as error:
            lane.put_back(ride.give_up())
            await self._unreachable(lane, error.status)
        except Exception:
            event(logger, "queue.attempt_failed", logging.ERROR, exc_info=True, destination=lane.name)
            letters = ride.give_up()
            for letter in letters:
                await self.record(lane, letter, outcomes.refused(letter.recipients, INTERNAL))
            if not letters:
                await self._unreachable(lane, INTERNAL)
        else:
            lane.put_back(ride.give_up())

    async def next(self, lane: Lane, sent: int) -> Letter | None:
        """The next letter of a connection that has sent so many."""
        if self._stopping or sent >= self.settings.queue.messages_per_connection:
            return None
        while True:
            if lane.more and len(lane.backlog) <= LOW:
                self._changed()
            letter = await lane.next(LINGER if lane.name != LOCAL and self.room else 0.0)
            if letter is not None and time.monotonic() - self.renewed > STALE:  # this process has stood still
                lane.backlog.clear()
                return None
            if letter is None or letter.message is not UNREAD:
                return letter
            message = await self._threads(self._message, letter.envelope.queue_id)
            if message is not None:
                return replace(letter, message=message)

    def _message(self, queue_id: str) -> Message | None:
        """The message of a letter whose turn it is; held if it is gone. For a thread."""
        try:
            return self._queue.message(queue_id, SMALL)
        except FileNotFoundError:
            self._queue.hold_missing(queue_id)
            return None

    # ------------------------------------------------------------------ how it went

    async def record(self, lane: Lane, letter: Letter, answered: Sequence[Answered]) -> None:
        """Write down how it went; on the disk when this returns."""
        done = self._outcomes(lane.name, letter, answered)
        self._tell(await self._recorder.record(letter.envelope.queue_id, done))

    def _outcomes(
        self, lane: str, letter: Letter, answered: Sequence[Answered], lines: bool = True
    ) -> list[Outcome]:
        envelope, local = letter.envelope, lane == LOCAL
        age = self._queue.time.now() - envelope.since
        found = []
        for one, answer in outcomes.pairs(letter, answered):
            done = outcomes.outcome(self.settings.queue, envelope, one, answer, age, self._jitter(), local)
            if lines:
                outcomes.log(envelope, one, done, answer, local)
            if self._traces is not None:
                outcomes.note(self._traces, envelope, one, done, answer, local, lane)
            found.append(done)
        return found

    def _tell(self, recorded: Recorded) -> None:
        if recorded.untold:
            self._untold()

    async def adapt(self, lane: Lane, answered: Sequence[Answered]) -> None:
        """Faster or slower, by what the host answered."""
        if lane.name == LOCAL:
            return
        pace = self._paces.of(lane.name)
        if any(answer.reply.startswith("421") for answer in answered):
            if (others := lane.talking - 1) > 0:
                pace.crowded(others)
                return
            lane.close()
            seconds = self._paces.close(lane.name)
            self._say_closed(lane, seconds, answered[0].status)
            lane.backlog.clear()
            await self._threads(self._queue.give_back, self._holder, lane.name)
            await self._threads(self._queue.postpone, {lane.name: int(seconds) + 1})
        elif any(answer.status.ok for answer in answered):
            pace.succeeded(self.settings.queue.connections_per_destination)
            self._staff(lane)
        elif any(is_about_the_host(answer.status) for answer in answered):
            pace.slowed()

    async def _unreachable(self, lane: Lane, status: Status) -> None:
        """A connection came to nobody. Where it was the only one, all that is due is put off without trying it."""
        if (task := asyncio.current_task()) is not None:
            lane.lost.add(task)
        others = lane.talking
        if lane.name == LOCAL or self._stopping:
            return
        if others > 0 and status.temporary:
            self._paces.of(lane.name).crowded(others)
            return
        lane.close()
        if status.temporary:
            self._say_closed(lane, self._paces.close(lane.name), status)
        letters = list(lane.backlog)
        lane.backlog.clear()
        first = True
        while letters:
            ended = [
                (
                    letter.envelope.queue_id,
                    self._outcomes(lane.name, letter, outcomes.refused(letter.recipients, status), first),
                )
                for letter in letters
            ]
            for recorded in await self._threads(self._queue.record_all, self._holder, ended):
                self._tell(recorded)
            first = False
            letters = await self._threads(self._due, lane.name)
        if seconds := self._paces.closed_for(lane.name):
            await self._threads(self._queue.postpone, {lane.name: int(seconds) + 1})

    def _due(self, lane: str) -> list[Letter]:
        """Claim what is due in a lane, without the messages. For a thread."""
        works = self._queue.claim(self._holder, PUT_OFF, LEASE, [lane], self._where)
        return [Letter(work.envelope, UNREAD, work.recipients) for work in works]

    def _say_closed(self, lane: Lane, seconds: float, status: Status) -> None:
        event(
            logger,
            "queue.destination_closed",
            logging.WARNING,
            destination=lane.name,
            seconds=round(seconds),
            status=status,
        )


class _Ride:
    """One connection's hands on its lane: what `carry` is given."""

    def __init__(self, traffic: Traffic, lane: Lane) -> None:
        self._traffic = traffic
        self._lane = lane
        self._out: list[Letter] = []
        self._sent = 0

    async def take(self) -> Letter | None:
        letter = await self._traffic.next(self._lane, self._sent)
        if letter is not None:
            self._sent += 1
            self._out.append(letter)
            self._lane.out.append(letter)
        return letter

    async def report(self, letter: Letter, answered: Sequence[Answered]) -> None:
        await self._traffic.record(self._lane, letter, answered)
        if letter in self._out:
            self._out.remove(letter)
            self._lane.out.remove(letter)  # from here on the connection counts as free
        await self._traffic.adapt(self._lane, answered)

    def give_up(self) -> list[Letter]:
        """The letters of which nothing was reported."""
        letters, self._out = self._out, []
        for letter in letters:
            self._lane.out.remove(letter)
        return letters
