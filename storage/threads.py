"""Hops from the event loop to a thread and back, as cheap as they can be: each command and delivery pays some.

`concurrent.futures` makes a future with a lock and a condition of its own for each call, and chains it to
another of asyncio: about half of what a hop costs. Here the one asyncio future is all there is.

Invariants: `run` is called in the event loop only, and everything but the queue belongs to it. What was
handed in is done, whether or not somebody still waits for it. Threads are started when all others are busy.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple


class _Job(NamedTuple):
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    fn: Callable[..., Any]
    args: tuple[Any, ...]


class Threads:
    """At most `most` threads; named, so that a stack dump says whose they are."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._threads: list[threading.Thread] = []
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._unfinished = 0

    def run(self, fn: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """The result of `fn(*args)`, or what it raises."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._unfinished += 1
        if self._unfinished > len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}")
            thread.daemon = True  # `close` waits for them; a process that dies does not
            self._threads.append(thread)
            thread.start()
        self._jobs.put(_Job(loop, future, fn, args))
        return future

    def close(self) -> None:
        """Wait until all that was handed in is done."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            result: Any = None
            error: BaseException | None = None
            try:
                result = job.fn(*job.args)
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                job.loop.call_soon_threadsafe(self._finish, job.future, result, error)
            del job, result, error  # a thread that waits keeps nothing alive

    def _finish(self, future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
        self._unfinished -= 1
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)
        elif isinstance(error, StopIteration):  # a future does not take it
            future.set_exception(RuntimeError("StopIteration in a thread"))
        else:
            future.set_exception(error)
