"""Turns: first come, first served; who waits for somebody else holds up nobody; no turn is lost."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from web.turns import Turns, away

SOON = 60.0

Page = Callable[[Receive, Send], Awaitable[None]]
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
END: Message = {"type": "http.response.body", "body": b""}


class Door:
    """An application whose pages are said by the test, behind turns; and what it has sent."""

    def __init__(self, at_once: int = 1, longest: float = SOON) -> None:
        self.pages: dict[str, Page] = {}
        self.working: list[str] = []
        self.turns = Turns(self._app, at_once, longest)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.working.append(scope["path"])
        await self.pages[scope["path"]](receive, send)

    def ask(self, path: str, page: Page, receive: Receive | None = None) -> asyncio.Task[None]:
        self.pages[path] = page

        async def nothing() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_: Message) -> None: ...

        scope = {"type": "http", "path": path}
        return asyncio.create_task(self.turns(scope, receive or nothing, send))

    async def free(self) -> bool:
        """Whether a page asked for now is made, though others are under way."""
        done = asyncio.Event()

        async def page(_: Receive, __: Send) -> None:
            done.set()

        asked = self.ask(f"/free{len(self.working)}", page)
        for _ in range(5):
            await asyncio.sleep(0)
        if not done.is_set():
            asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return done.is_set()


def held(until: asyncio.Event) -> Page:
    async def page(_: Receive, __: Send) -> None:
        await until.wait()

    return page


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_as_may_be_under_way_and_then_in_the_order_of_coming() -> None:
    door = Door(at_once=2)
    events = [asyncio.Event() for _ in range(5)]
    asked = [door.ask(f"/{number}", held(event)) for number, event in enumerate(events)]
    await settle()
    assert door.working == ["/0", "/1"]
    events[1].set()
    await settle()
    assert door.working == ["/0", "/1", "/2"]
    for event in events:
        event.set()
    await asyncio.wait_for(asyncio.gather(*asked), SOON)
    assert door.working == ["/0", "/1", "/2", "/3", "/4"]
    assert await door.free()


async def test_who_goes_while_waiting_leaves_the_turn_to_the_next() -> None:
    door, event = Door(), asyncio.Event()
    first, second, third = (door.ask(f"/{number}", held(event)) for number in range(3))
    await settle()
    second.cancel()
    await settle()
    event.set()
    await asyncio.wait_for(asyncio.gather(first, third), SOON)
    assert door.working == ["/0", "/2"]
    assert await door.free()


async def test_who_goes_in_the_moment_of_being_called_loses_nobody_a_turn() -> None:
    door, event = Door(), asyncio.Event()
    first, second = (door.ask(f"/{number}", held(event)) for number in range(2))
    await settle()
    event.set()
    await first  # the turn is the second's now, who has not run since
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert await door.free()


async def test_who_goes_in_the_moment_before_being_called_is_passed_by() -> None:
    door, until = Door(), asyncio.Event()
    first = door.ask("/1", held(until))
    await asyncio.sleep(0)
    second, third = door.ask("/2", held(until)), door.ask("/3", held(until))
    await asyncio.sleep(0)
    second.cancel()  # its task has not run since
    door.turns.give()
    await asyncio.gather(second, return_exceptions=True)
    until.set()
    await asyncio.wait_for(asyncio.gather(first, third), SOON)
    assert door.working == ["/1", "/3"]


async def test_a_page_that_fails_gives_its_turn_back() -> None:
    async def fails(_: Receive, __: Send) -> None:
        raise ValueError("broken")

    door = Door()
    with pytest.raises(ValueError, match="broken"):
        await door.ask("/", fails)
    assert await door.free()


async def test_an_answer_is_written_without_a_turn() -> None:
    door, event, begun = Door(), asyncio.Event(), asyncio.Event()

    async def slow_reader(_: Receive, send: Send) -> None:
        await send(START)
        begun.set()
        await event.wait()
        await send(END)

    asked = door.ask("/", slow_reader)
    await asyncio.wait_for(begun.wait(), SOON)
    assert await door.free()
    event.set()
    await asked
    assert await door.free()


async def test_a_body_that_is_there_is_read_within_the_turn_and_one_that_comes_is_not_waited_for() -> None:
    door, coming = Door(), asyncio.Queue[Message]()
    read: list[bytes] = []

    async def form(receive: Receive, _: Send) -> None:
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            read.append(message["body"])

    coming.put_nowait({"type": "http.request", "body": b"1", "more_body": True})
    asked = door.ask("/", form, coming.get)
    await settle()
    assert read == [b"1"]
    assert await door.free()
    coming.put_nowait({"type": "http.request", "body": b"2", "more_body": True})
    await settle()
    assert await door.free()  # until the whole of it is there
    event = asyncio.Event()
    other = door.ask("/other", held(event))
    await settle()
    coming.put_nowait({"type": "http.request", "body": b"3", "more_body": False})
    await settle()
    assert read == [b"1", b"2"]  # it waits for its turn again
    event.set()
    await asyncio.wait_for(asyncio.gather(asked, other), SOON)
    assert read == [b"1", b"2", b"3"]
    assert await door.free()


async def test_who_waits_for_another_server_holds_up_nobody_and_comes_back_to_the_end_of_the_queue() -> None:
    door, answer, event = Door(), asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def asks(_: Receive, __: Send) -> None:
        async with away():
            await answer.wait()
        order.append("asks")

    async def other(_: Receive, __: Send) -> None:
        await event.wait()
        order.append("other")

    asked = door.ask("/asks", asks)
    await settle()
    assert await door.free()
    between = door.ask("/other", other)
    await settle()
    answer.set()
    await settle()
    assert not order
    event.set()
    await asyncio.wait_for(asyncio.gather(asked, between), SOON)
    assert order == ["other", "asks"]
    assert await door.free()


async def test_who_takes_too_long_goes_on_without() -> None:
    door, event = Door(longest=0.001), asyncio.Event()
    asked = door.ask("/", held(event))
    async with asyncio.timeout(SOON):
        while not await door.free():
            await asyncio.sleep(0.001)
    event.set()
    await asked
    assert await door.free()


async def test_who_watches_is_answered_whatever_goes_on() -> None:
    door, event = Door(), asyncio.Event()
    held_up = door.ask("/", held(event))
    await settle()
    event_now = asyncio.Event()
    event_now.set()
    await asyncio.wait_for(door.ask("/healthz", held(event_now)), SOON)
    event.set()
    await held_up


async def test_outside_of_a_request_there_is_nothing_to_give_back() -> None:
    async with away():
        pass


async def test_a_turn_that_was_handed_to_one_who_left_goes_to_the_next() -> None:
    turns = Turns(lambda *_: asyncio.sleep(0), at_once=1)
    await turns.take()
    gone, next_one = asyncio.create_task(turns.take()), asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    turns.give()
    gone.cancel()  # in the same moment
    with pytest.raises(asyncio.CancelledError):
        await gone
    await asyncio.wait_for(next_one, 60)
