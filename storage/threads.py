"""Hops from the event loop to a thread and back, as cheap as they can be: each command and delivery pays some.

`concurrent.futures` makes a future with a lock and a condition of its own for each call, and chains it to
another of asyncio: about half of what a hop costs. Here the one asyncio future is all there is. And a queue at
which several threads wait (`queue.SimpleQueue`) wakes one of them too many for each job that is taken: two or three
switches more. So a job is given to one idle thread, to that which was busy last.

Invariants: `run` is called in the event loop only, and everything but jobs and idle threads belongs to it. What
was handed in is done, whether or not somebody still waits for it. Threads are started when all others are busy. A
thread looks for jobs and joins the idle in one step, so no job lies there while a thread is idle.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple


class _Job(NamedTuple):
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    fn: Callable[..., Any]
    args: tuple[Any, ...]


class _Idle:
    """A thread that waits for a job of its own."""

    __slots__ = ("job", "wake")

    def __init__(self) -> None:
        self.job: _Job | None = None  # None when it is woken: there will be no more
        self.wake = threading.Lock()
        self.wake.acquire()


class Threads:
    """At most `most` threads; named, so that a stack dump says whose they are."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._threads: list[threading.Thread] = []
        self._mutex = threading.Lock()  # over the three that follow
        self._jobs: deque[_Job] = deque()  # for which no thread was idle
        self._idle: list[_Idle] = []
        self._closing = False
        self._unfinished = 0

    def run(self, fn: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        """The result of `fn(*args)`, or what it raises."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        job = _Job(loop, future, fn, args)
        self._unfinished += 1
        with self._mutex:
            idle = self._idle.pop() if self._idle else None
            if idle is None:
                self._jobs.append(job)
        if idle is not None:
            idle.job = job
            idle.wake.release()
        elif self._unfinished > len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}")
            thread.daemon = True  # `close` waits for them; a process that dies does not
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Wait until all that was handed in is done."""
        with self._mutex:
            self._closing = True
            idle, self._idle = self._idle, []
        for each in idle:
            each.wake.release()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _next(self, own: _Idle) -> _Job | None:
        with self._mutex:
            if self._jobs:
                return self._jobs.popleft()
            if self._closing:
                return None
            self._idle.append(own)
        own.wake.acquire()
        job, own.job = own.job, None
        return job

    def _work(self) -> None:
        own = _Idle()
        while (job := self._next(own)) is not None:
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
