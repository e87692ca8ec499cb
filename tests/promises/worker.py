"""A process of its own over a store.

`python -m tests.promises.worker FOLDER deliver NAME COUNT`, or `… FOLDER expunge COUNT`. What was done is told on
standard output, a JSON line each, after it was done. The expunger reads what it takes away.
"""

import asyncio
import json
import sys
from pathlib import Path

from storage.delivery import Target
from storage.message import Message
from storage.store import Store
from tests.promises.world import TARO, settings_at


async def deliver(store: Store, name: str, count: int) -> None:
    for number in range(count):
        text = f"Subject: {name} {number}\r\n\r\n".encode()
        (delivered,) = await store.deliver(Message.of(text), "", [Target(TARO)], name)
        assert delivered.status.ok, delivered.status
        print(json.dumps([delivered.uid, f"{name} {number}"]), flush=True)


async def expunge(store: Store, count: int) -> None:
    """Every other message of those that are there, the highest UID too, until so many are gone."""
    inbox = await store.account(TARO).open("INBOX")
    news = asyncio.Event()
    inbox.watch(news.set)
    taken = 0
    while taken < count:
        news.clear()
        for uid in inbox.uids[::-2][: count - taken]:
            message = inbox.message(uid)
            assert message is not None
            subject = (await store.run(message.read)).partition(b"Subject: ")[2].split(b"\r\n")[0]
            assert await inbox.remove([uid]) == [uid]
            print(json.dumps([uid, subject.decode()]), flush=True)
            taken += 1
        if len(inbox.uids) < 2 and taken < count:
            await news.wait()
    inbox.release()


async def main(folder: str, role: str, *rest: str) -> None:
    store = await Store.open(settings_at(Path(folder)))
    try:
        await (deliver(store, rest[0], int(rest[1])) if role == "deliver" else expunge(store, int(rest[0])))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
