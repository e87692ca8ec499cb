"""A sender that is told to come back repeats the whole mail: what that can cost, and what not.

Holds of DESIGN "Order of writes", *Promises*: if at least one recipient was stored the answer is 250, and those
that failed are in the queue before it. Where the queue has no room either the answer is temporary; then who has a
copy gets one more for each attempt, which nobody can take back, and nobody gets none.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from storage import status
from storage.delivery import Delivered, Target
from storage.errors import DiskFull
from storage.message import Message
from storage.queue.admin import QueueAdmin
from storage.queue.queue import Queue
from storage.queue.queued import Addressee, Parcel, Select
from tests.attacks.talk import Talk
from tests.house import House
from tests.promises.world import HANAKO, TARO

ATTEMPTS = 3
Deliver = Callable[[Message, str, Sequence[Target], str], Awaitable[list[Delivered]]]


@pytest.fixture
async def sender(house: House) -> AsyncIterator[Talk]:
    talk = await Talk.open(await house.smtp())
    await talk.ask(b"EHLO sender.example", b"250 ")
    yield talk
    talk.writer.close()


async def send(talk: Talk) -> bytes:
    await talk.ask(b"MAIL FROM:<a@sender.example>", b"250 ")
    for address in (TARO, HANAKO):
        await talk.ask(b"RCPT TO:<%b>" % address.encode(), b"250 ")
    await talk.ask(b"DATA", b"354")
    return await talk.ask(b"Subject: again\r\n\r\n.", b"")


def without_hanako(house: House) -> Deliver:
    """`Store.deliver`, on a disk that has no room for her."""
    deliver = house.store.deliver

    async def stand_in(
        message: Message, reverse_path: str, targets: Sequence[Target], trace: str
    ) -> list[Delivered]:
        stored = await deliver(message, reverse_path, [t for t in targets if t.address == TARO], trace)
        return [*stored, *(Delivered(t, status.DISK_FULL) for t in targets if t.address == HANAKO)]

    return stand_in


async def copies(house: House, address: str) -> int:
    return (await house.store.account(address).status("INBOX")).messages


async def test_no_room_for_one_mailbox_and_none_in_the_queue(
    house: House, sender: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: Any, **__: Any) -> list[str]:
        raise DiskFull("no room for the queue")

    with monkeypatch.context() as full:
        full.setattr(house.store, "deliver", without_hanako(house))
        full.setattr(Queue, "add_together", no_room)
        for _ in range(ATTEMPTS - 1):
            assert (await send(sender)).startswith(b"452 4.3.1")
        assert await copies(house, HANAKO) == 0
        assert await copies(house, TARO) == ATTEMPTS - 1, "at most once for each attempt"
    assert (await send(sender)).startswith(b"250")
    assert (await copies(house, TARO), await copies(house, HANAKO)) == (ATTEMPTS, 1)


async def test_room_in_the_queue_is_enough(
    house: House, sender: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then nobody repeats anything."""
    monkeypatch.setattr(house.store, "deliver", without_hanako(house))
    assert (await send(sender)).startswith(b"250")
    assert await copies(house, TARO) == 1
    queue = Queue(house.settings.data / "queue")
    (listed,) = QueueAdmin(queue).list(Select())
    assert [each.address for each in listed.recipients] == [HANAKO]
    queue.close()


async def test_two_mails_of_one_are_queued_together_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up at the second file: the first is not sent, for the sender will repeat both."""
    queue = Queue(house.settings.data / "queue", small=0)  # each is a file at once
    written: list[int] = []
    write_to = Message.write_to

    def full_at_the_second(self: Message, fd: int) -> None:
        written.append(fd)
        if len(written) > 1:
            raise OSError(28, "No space left on device")
        write_to(self, fd)

    monkeypatch.setattr(Message, "write_to", full_at_the_second)
    parcels = [Parcel(Message.of(b"x"), "a@b.example", [Addressee(f"{n}@c.example")]) for n in range(2)]
    with pytest.raises(DiskFull):
        queue.add_all(parcels, "t")
    assert len(written) == 2
    assert list(QueueAdmin(queue).list(Select())) == []
    assert not list(queue.directory.glob("*.eml"))
    queue.close()
