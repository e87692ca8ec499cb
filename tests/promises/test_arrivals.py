"""What arrives is new to whoever knew the mailbox before, and in which order strangers come in.

Holds of DESIGN "Bus" (`changes_since`) and "Other programs". The same in any order with everything else:
test_model.py.
"""

import asyncio
import os
from pathlib import Path

import pytest

from storage.delivery import Target
from storage.message import Message
from storage.selected import Appended, Mailbox
from storage.store import Store
from tests.promises.world import NONE, TARO, Clock, files_in, folder_of, settings_at

OLD = Appended(Message.of(b"Subject: old\r\n\r\n"), NONE, 0)


@pytest.mark.parametrize("how", ["move", "copy", "move here", "copy here", "deliver", "append"])
async def test_whoever_was_away_is_told_of_what_came_meanwhile(ground: Path, clock: Clock, how: str) -> None:
    """The state that answers was loaded after it came: only the rows can say when they were born."""
    settings = settings_at(ground)
    store = await Store.open(settings, clock)
    account = store.account(TARO)
    for name in ("INBOX", "Archive"):
        await account.append(name, [OLD, OLD])
    to = "INBOX" if "here" in how else "Archive"
    target, inbox = await account.open(to), await account.open("INBOX")
    away, known = target.modseq, set(target.uids)
    if "move" in how or "copy" in how:
        await (inbox.move if "move" in how else inbox.copy)([1], to)
    elif how == "deliver":
        (delivered,) = await store.deliver(OLD.message, "", [Target(TARO, to)], "t")
        assert delivered.status.ok
    else:
        await target.append([OLD])
    for each in (inbox, target):
        each.release()
    await store.close()
    store = await Store.open(settings, clock)
    target = await store.account(TARO).open(to)
    changes = target.changes_since(away, tuple(known))
    assert changes.arrived == (3,)
    assert changes.changed == ()
    target.release()
    await store.close()


async def test_strangers_get_uids_in_the_order_of_their_times_and_names(ground: Path, clock: Clock) -> None:
    store = await Store.open(settings_at(ground), clock)
    inbox = await store.account(TARO).open("INBOX")
    await inbox.append([OLD])
    folder = folder_of(ground / "data")
    for name, second in (("b", 5), ("z", 1), ("c", 5), ("a", 9), ("y", 1)):
        path = folder / "tmp" / f"{name}.host"
        path.write_bytes(b"Subject: %b\r\n\r\n" % name.encode())
        os.utime(path, (1_700_000_000 + second,) * 2)
        path.rename(folder / ("cur" if name in "bz" else "new") / f"{name}.host")
    assert len(files_in(folder)) == 6
    await inbox.refresh()
    assert await subjects(inbox) == ["old", "y", "z", "b", "c", "a"]
    inbox.release()
    await store.close()


async def subjects(mailbox: Mailbox) -> list[str]:
    found = await mailbox.messages(mailbox.uids)
    texts = await asyncio.gather(*(asyncio.to_thread(each.read) for each in found if each is not None))
    return [text.partition(b"Subject: ")[2].split(b"\r\n")[0].decode() for text in texts]
