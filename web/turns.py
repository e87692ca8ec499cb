"""Few pages are made at a time; who comes meanwhile waits in the order of coming.

A page is some milliseconds of Python, a part of them in store threads. Where twenty were made at once, each hop of
each of them waited behind those of all others, and every thread fought for the interpreter. So the slowest came
late by chance, half as late again as the twentieth in a row.

Invariants: a turn is for work. It is given back while a request waits for somebody else: for its body, DNS,
another server or the check of a password (`away`), and for good where its answer begins, since a client may
read as slowly as it likes. Whoever has had it for `LONGEST` goes on without: nothing that hangs holds up others.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

AT_ONCE = 4  # one has the interpreter, while the others wait for the disk
LONGEST = 0.05  # seconds of a turn
_WITHOUT = ("/healthz", "/static/")  # who watches is answered whatever goes on; files need no store thread


class Turns:
    """In front of an application. For one event loop."""

    def __init__(self, app: ASGIApp, at_once: int = AT_ONCE, longest: float = LONGEST) -> None:
        self._app = app
        self._free = at_once
        self._longest = longest
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_WITHOUT):
            await self._app(scope, receive, send)
            return
        turn = _Turn(self, self._longest)

        async def receiving() -> Message:
            return await turn.receive(receive)

        async def sending(message: Message) -> None:
            turn.end()
            await send(message)

        _TURN.set(turn)  # a request is a task of its own
        await turn.begin()
        try:
            await self._app(scope, receiving, sending)
        finally:
            turn.end()

    async def take(self) -> None:
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # it was handed over in the same moment
                self.give()
            raise

    def give(self) -> None:
        """To the first who still waits."""
        while self._waiting:
            first = self._waiting.popleft()
            if not first.done():  # else it has gone
                first.set_result(None)
                return
        self._free += 1


class _Turn:
    """That of one request."""

    def __init__(self, turns: Turns, longest: float) -> None:
        self._turns = turns
        self._longest = longest
        self._timer: asyncio.TimerHandle | None = None  # runs while it is held
        self._body_comes = False
        self._over = False

    async def begin(self) -> None:
        """Again after `pause`; nothing where it is over."""
        if self._over or self._timer is not None:
            return
        await self._turns.take()
        if self._over or self._timer is not None:  # meanwhile
            self._turns.give()
            return
        self._timer = asyncio.get_running_loop().call_later(self._longest, self.end)

    def pause(self) -> bool:
        """Whether it was held."""
        if self._timer is None:
            return False
        self._timer.cancel()
        self._timer = None
        self._turns.give()
        return True

    def end(self) -> None:
        self._over = True
        self.pause()

    async def receive(self, receive: Receive) -> Message:
        """A piece of the body: if it has not come by now, the rest of the body is waited for without the turn."""
        if self._timer is not None:
            coming = asyncio.ensure_future(receive())
            try:
                await asyncio.sleep(0)
                if not coming.done():
                    self._body_comes = self.pause()
                message = await coming
            finally:
                coming.cancel()
        else:
            message = await receive()
        if self._body_comes and not message.get("more_body", False):
            self._body_comes = False
            await self.begin()
        return message


_TURN: ContextVar[_Turn | None] = ContextVar("turn", default=None)


@contextlib.asynccontextmanager
async def away() -> AsyncIterator[None]:
    """Around what waits for somebody else than this process and its disk."""
    turn = _TURN.get()
    held = turn is not None and turn.pause()
    try:
        yield
    finally:
        if turn is not None and held:
            await turn.begin()
