"""Two processes deliver into one mailbox while a third expunges and a fourth watches.

Holds of DESIGN "Order of writes" (UIDs become visible in order; every acknowledged message is there once) and
"Quota" (the running number is the sum), with the lock between processes and not between threads.
"""

import asyncio
import json
import sys
from pathlib import Path

from storage.store import Store
from tests.promises.world import TARO, settings_at

ROOT = Path(__file__).resolve().parents[2]
EACH = 120
GONE = 100

Told = list[tuple[int, str]]  # UID and subject, in the order in which it was done


async def work(folder: Path, *arguments: str) -> Told:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.promises.worker", str(folder), *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        told, _ = await asyncio.wait_for(process.communicate(), 120)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    return [(uid, subject) for uid, subject in map(json.loads, told.splitlines())]


async def test_two_deliver_into_a_mailbox_while_a_third_expunges(ground: Path) -> None:
    settings = settings_at(ground)
    store = await Store.open(settings)
    inbox = await store.account(TARO).open("INBOX")
    views = [inbox.uids]
    inbox.watch(lambda: views.append(inbox.uids))
    one, two, expunged = await asyncio.gather(
        work(ground, "deliver", "one", str(EACH)),
        work(ground, "deliver", "two", str(EACH)),
        work(ground, "expunge", str(GONE)),
    )
    await inbox.refresh()

    delivered = dict(one) | dict(two)
    assert len(delivered) == 2 * EACH, "a UID was given out twice"
    for told in (one, two):
        assert [uid for uid, _ in told] == sorted(uid for uid, _ in told)
    gone = dict(expunged)
    assert len(gone) == GONE and gone.items() <= delivered.items()
    left = {}
    for uid in inbox.uids:
        message = inbox.message(uid)
        assert message is not None
        left[uid] = message.read().partition(b"Subject: ")[2].split(b"\r\n")[0].decode()
    assert left == {uid: subject for uid, subject in delivered.items() if uid not in gone}

    shown: set[int] = set()
    highest = 0
    for view in views:
        fresh = [uid for uid in view if uid not in shown]
        assert all(uid > highest for uid in fresh), "a UID was shown after a higher one"
        shown.update(fresh)
        highest = max([highest, *fresh])
    use = await store.account(TARO).quota()
    assert (use.messages, use.bytes) == (len(left), sum(row.size for row in inbox.rows.values()))
    inbox.release()
    await store.close()
