"""The relay process's work: take what is due from the queue, send it on, write down how it went.

Recipients are grouped by destination (`lane`): what shares connections, a limit and a pace. The runner looks for
lanes with somebody due and claims letters for as many as there is room for; connections (`smtp.relay.traffic`) take
them, and go on with the next letter of their lane as long as there is one. Invariants:

- An outcome is on the disk before its connection sends the next letter, so a kill repeats at most one letter for
  each connection. Leases are renewed for what is in hand, and come back by themselves when the process was killed.
- A dead destination holds up nobody: it gets one connection when its pause is over, and when that one reaches
  nobody all that is due for it is put off together, each recipient to its own next time. Destinations through
  which nothing has gone yet have half of the connections at most; the others are for those that work.
- A letter is tried as long as `queue.give_up` says, in the queue's own time; what is told to its sender then, and
  after `delay_notice`, is the teller's work. Nothing that goes wrong with one message stops the others.

The runner looks when it is woken (the bus says that something was added), when the next recipient is due, and at
least each `LOOK_EVERY` seconds: a lost hint costs that much and no more. Several processes may share a queue.
"""

import asyncio
import contextlib
import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from config.settings import Settings
from net.log import event
from smtp.relay import presence
from smtp.relay.letter import UNREAD, Letter
from smtp.relay.local import LOCAL, Deliver, LocalCourier
from smtp.relay.pace import Paces
from smtp.relay.recorder import Recorder, Threads
from smtp.relay.teller import Sign, Teller
from smtp.relay.traffic import LOW, Carrier, Traffic
from storage.bus import Bus, Hint, Topic
from storage.errors import Broken
from storage.queue.queue import ADDED, LEASE, TRY_ALL, Queue
from storage.queue.queued import Lane as Due
from storage.queue.queued import Work
from storage.queue.rows import Key
from storage.state.traces import Traces

CLAIM = 100  # recipients claimed at a time for one lane
TOGETHER = 10  # lanes claimed for in one transaction
SORTED = 500  # recipients given their lanes in one transaction; who comes meanwhile wakes the runner
AHEAD = 64 * 1024  # octets of messages read when they are claimed, for each lane
LANES = 100  # lanes looked at beyond those in use and those that there is room for
LOOK_EVERY = 60.0  # seconds
LOOK_PAUSE = 0.05  # seconds between two looks: what comes meanwhile is found together
GROW = 2.0  # seconds between looks for messages that become files
GROW_PAUSE = 0.02  # seconds between two bundles of them
FULL = 1.0  # seconds between looks while there is no room for more
AFTER_TROUBLE = 5.0  # seconds until a queue that could not be read is looked at again

logger = logging.getLogger("smtp.relay")


class Runner:
    """One runner of a process. `settings` is replaced when the configuration is read again."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        threads: Threads,
        deliver: Deliver,
        courier: Carrier,
        key: Key,
        is_local: Callable[[str], bool],
        *,
        traces: Traces | None = None,
        sign: Sign = lambda message, *_: message,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._threads = threads
        self._key = key
        self._is_local = is_local
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._recorder = Recorder(queue, threads, self._holder)
        self.teller = Teller(settings, queue, threads, clock, traces, sign)
        self.paces = Paces(steady, jitter)
        self.traffic = Traffic(
            settings,
            queue,
            threads,
            self._recorder,
            self._holder,
            self._where,
            LocalCourier(deliver),
            courier,
            self.paces,
            jitter,
            self.wake,
            self.teller.wake,
            traces,
        )
        self._woken = asyncio.Event()
        self._looked = 0.0  # when the last look began
        self._stopping = False
        self._all = True  # look at lanes that were postponed, too: at first, and when somebody asks for it

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self._settings = self.teller.settings = self.traffic.settings = settings
        self.try_all()  # there may be another way now

    # ------------------------------------------------------------------ life

    async def run(self) -> None:
        """Until `stop`. What is being tried then is finished first."""
        folder = self.settings.run
        place = await self._threads(presence.enter, folder, self._holder)
        await self._threads(presence.bury, folder, self._queue.give_back)
        bus = Bus(folder)
        bus.listen(self._hint, Topic.QUEUE)
        keepers = [
            asyncio.create_task(each)
            for each in (self._recover(), self._keep_leases(), self._grow_up(), self.teller.run())
        ]
        try:
            while not self._stopping:
                await self._wait(await self._look())
            await self.traffic.settled()
            await self._recorder.close()
            with contextlib.suppress(Exception):
                await self.teller.step()
                await self._threads(self._queue.give_back, self._holder)
        finally:  # cut off, the leases run out by themselves: something may be out
            bus.close()
            for task in keepers:
                task.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            presence.leave(folder, self._holder, place)

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def try_all(self) -> None:
        """Try what is due, also where nobody answered of late."""
        self.paces.reopen()
        self._all = True
        self.wake()

    def stop(self) -> None:
        self._stopping = True
        self.traffic.stop()
        self.wake()

    def _hint(self, hint: Hint) -> None:
        if hint == TRY_ALL:
            self.try_all()
        elif hint == ADDED:
            self.wake()
            self.teller.wake()

    async def _wait(self, seconds: float) -> None:
        """Until there may be something to do. What comes alone is looked at once; under load a look finds many."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        await asyncio.sleep(max(0.0, self._looked + LOOK_PAUSE - time.monotonic()))

    async def _recover(self) -> None:
        """Clean up after a crash: files and rows that lost each other. The work goes on meanwhile."""
        try:
            await self._threads(self._queue.recover)
        except Exception:
            event(logger, "queue.trouble", logging.ERROR, exc_info=True)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(LEASE / 5)
            try:
                await self._threads(self._queue.renew, self._holder, self.traffic.holding())
                self.traffic.renewed = time.monotonic()
            except Exception:
                event(logger, "queue.trouble", logging.ERROR, exc_info=True)

    async def _grow_up(self) -> None:
        """What did not leave at once becomes files, off the way of what does."""
        while True:
            await asyncio.sleep(GROW)
            try:
                while await self._threads(self._queue.grow_up):  # noqa: ASYNC110 - a pause for others
                    await asyncio.sleep(GROW_PAUSE)
            except Exception:
                event(logger, "queue.trouble", logging.ERROR, exc_info=True)

    # ------------------------------------------------------------------ looking for work

    async def _look(self) -> float:
        try:
            return await self.step()
        except Exception:
            event(logger, "queue.trouble", logging.ERROR, exc_info=True)
            return AFTER_TROUBLE

    async def step(self) -> float:
        """Start what is due and has room; the seconds until there may be more."""
        self._woken.clear()
        self._looked = time.monotonic()
        everywhere, self._all = self._all, False
        lanes, room = self.traffic.lanes, self.traffic.room
        most = len(lanes) + room + LANES
        due, next_due = await self._threads(self._survey, most, everywhere)
        closed: dict[str, int] = {}
        wanted: list[str] = []
        full = False
        for each in due:
            lane = lanes.get(each.name)
            if (pause := self.paces.closed_for(each.name)) > 0:
                closed[each.name] = int(pause) + 1
            elif lane is not None and len(lane.backlog) > LOW:
                lane.more = True
            elif lane is None and each.name != LOCAL and len(wanted) >= room:
                full = True
            elif lane is None or not lane.closing:
                wanted.append(each.name)
        if closed or wanted:
            letters, next_due = await self._threads(self._claim, wanted, closed)
            for name, mine in letters.items():
                recipients = sum(len(letter.recipients) for letter in mine)
                self.traffic.put(name, mine, more=recipients >= CLAIM)
        self.traffic.staff()
        if full:
            return FULL
        return 0.0 if len(due) >= most else self._until(next_due)

    def _until(self, due: int | None) -> float:
        if due is None:
            return LOOK_EVERY
        least = FULL if self.traffic.lanes else 0.0  # lanes in use ask by themselves
        return min(max(due - self._queue.time.wall(), least), LOOK_EVERY)

    # ------------------------------------------------------------------ in a thread

    def _survey(self, most: int, everywhere: bool) -> tuple[list[Due], int | None]:
        """Lanes with somebody due, and when the next is. What is new is given its lane first."""
        if everywhere:
            self._queue.look_at_all()
        due = self._queue.lanes(most)
        if any(each.name == "" for each in due):
            where = cache(self._where)
            while self._queue.sort(where, SORTED) == SORTED:
                pass
            due = self._queue.lanes(most)
        return due, None if due else self._queue.next_due()

    def _where(self, reverse_path: str, domain: str) -> str:
        """The lane of a recipient."""
        try:
            if not domain or self._is_local(domain):
                return LOCAL
        except Broken:  # nobody can tell: the pipeline says so, temporarily
            return LOCAL
        return self._key(reverse_path, domain)

    def _claim(
        self, names: Sequence[str], closed: Mapping[str, int]
    ) -> tuple[dict[str, list[Letter]], int | None]:
        """Letters for some lanes, others put off; and when somebody else is due."""
        if closed:
            self._queue.postpone(closed)
        letters = self._letters(names)
        return letters, self._queue.next_due()

    def _works(self, names: Sequence[str]) -> Iterator[Work]:
        where = cache(self._where)
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            yield from self._queue.claim(self._holder, CLAIM, LEASE, some, where)

    def _letters(self, names: Sequence[str]) -> dict[str, list[Letter]]:
        """Claim. The messages that go first are read, as many as there is room for: one hop for all of them."""
        letters: dict[str, list[Letter]] = {}
        works = list(self._works(names))
        ahead = self._ahead(works)
        read = self._queue.messages(ahead, AHEAD)
        for work in works:
            lane, queue_id = work.recipients[0].lane, work.envelope.queue_id
            message = read.get(queue_id, UNREAD)
            if message is UNREAD and queue_id in ahead:
                self._queue.hold_missing(queue_id)
                continue
            most = self.settings.queue.recipients_per_message
            for start in range(0, len(work.recipients), most):
                recipients = work.recipients[start : start + most]
                letters.setdefault(lane, []).append(Letter(work.envelope, message, recipients))
        return letters

    def _ahead(self, works: Sequence[Work]) -> set[str]:
        """The messages that go first in their lanes, and are small."""
        room: dict[str, int] = {}
        ahead: set[str] = set()
        for work in works:
            lane = work.recipients[0].lane
            left = room.get(lane, AHEAD) - work.envelope.size
            if left >= 0:
                room[lane] = left
                ahead.add(work.envelope.queue_id)
        return ahead
