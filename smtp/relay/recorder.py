"""Outcomes on their way to the disk: those of several connections in one transaction, with one fsync.

While one group is written the next one gathers. An outcome that cannot be written (disk full) is tried again until
it can: the connection it belongs to waits, for what a peer took and nobody knows of would be sent to it twice.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from net.log import event
from storage.queue.queue import Queue
from storage.queue.queued import Outcome, Recorded

AGAIN = 2.0  # seconds

logger = logging.getLogger("smtp.relay")
T = TypeVar("T")


class Threads(Protocol):
    """`Store.run`: one hop to a thread."""

    async def __call__(self, fn: Callable[..., T], *args: object) -> T: ...


class Recorder:
    def __init__(self, queue: Queue, threads: Threads, holder: str) -> None:
        self._queue = queue
        self._threads = threads
        self._holder = holder
        self._waiting: list[tuple[str, Sequence[Outcome], asyncio.Future[Recorded]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def record(self, queue_id: str, outcomes: Sequence[Outcome]) -> Recorded:
        """Durable on return."""
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append((queue_id, outcomes, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return await future

    async def close(self) -> None:
        """What was handed in is written."""
        if self._writer is not None:
            await self._writer

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            ended = [(queue_id, outcomes) for queue_id, outcomes, _ in group]
            while True:
                try:
                    recorded = await self._threads(self._write_down, ended)
                    break
                except Exception:
                    event(logger, "queue.not_recorded", logging.ERROR, exc_info=True, messages=len(ended))
                    await asyncio.sleep(AGAIN)
            for (_, _, future), each in zip(group, recorded, strict=True):
                if not future.done():
                    future.set_result(each)
            await self._remove([each.queue_id for each in recorded if each.file])
        self._writer = None

    def _write_down(self, ended: Sequence[tuple[str, Sequence[Outcome]]]) -> list[Recorded]:
        return self._queue.record_all(self._holder, ended, remove=False)

    async def _remove(self, queue_ids: Sequence[str]) -> None:
        """The connections go on meanwhile; a file that is left behind goes when a runner starts."""
        try:
            await self._threads(self._queue.files.remove, queue_ids)
        except OSError:
            event(logger, "queue.not_removed", logging.ERROR, exc_info=True)
