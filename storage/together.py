"""What several ask of a thread at the same moment, done there in one go: one hop, one fsync, one transaction.

While one bundle is under way the next gathers; who comes alone does not wait. A bundle that fails fails for all in
it. Belongs to the event loop.
"""

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

MOST = 64  # asks of one bundle

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
Hop = Callable[..., "asyncio.Future[Any]"]


class Together(Generic[Ask, Answer]):
    """`work` is called in a thread with some asks and gives an answer to each, in their order."""

    def __init__(
        self, hop: Hop, work: Callable[[Sequence[Ask]], Sequence[Answer]], at_once: int = 1, most: int = MOST
    ) -> None:
        self._hop = hop
        self._work = work
        self._at_once = at_once
        self._most = most
        self._waiting: list[tuple[Ask, asyncio.Future[Answer]]] = []
        self._under_way = 0

    def take(self, ask: Ask) -> "asyncio.Future[Answer]":
        """The answer. The work is done whether or not somebody still waits for it."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._under_way < self._at_once:
            self._begin()
        return future

    def _begin(self) -> None:
        bundle, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        self._under_way += 1
        asks = [ask for ask, _ in bundle]
        self._hop(self._work, asks).add_done_callback(functools.partial(self._ended, bundle))

    def _ended(
        self, bundle: Sequence[tuple[Ask, asyncio.Future[Answer]]], ended: "asyncio.Future[Sequence[Answer]]"
    ) -> None:
        self._under_way -= 1
        if self._waiting:
            self._begin()
        error = ended.exception()
        answers: Sequence[Any] = bundle if error is not None else ended.result()
        for (_, future), answer in zip(bundle, answers, strict=True):
            if future.done():  # nobody waits any more
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answer)
