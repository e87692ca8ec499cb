"""Many accounts in use, few of them open.

Holds of DESIGN "Index": at most 500 are open in a process. An index costs three descriptors (database, log,
its shared memory) and the lock one. The folders have no special mailboxes here, so that making them is quick;
KWCMAILD_PROMISES_ACCOUNTS=10000 uses so many.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from storage import maildir
from storage.delivery import Target
from storage.message import Message
from storage.store import THREADS, Store
from tests.open_files import open_files
from tests.promises.world import settings_at

ACCOUNTS = int(os.environ.get("KWCMAILD_PROMISES_ACCOUNTS", "640"))
TEXT = b"Subject: hello\r\n\r\n"


async def test_at_most_500_indexes_are_open(ground: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maildir, "SPECIAL_MAILBOXES", {})
    settings = settings_at(ground)
    assert settings.storage.open_indexes == 500
    store = await Store.open(settings)
    names = [f"user{number}@example.test" for number in range(ACCOUNTS)]
    chosen = random.Random(7)
    most, told = 0, dict.fromkeys(names, 0)
    for first in range(0, ACCOUNTS, THREADS):
        some = names[first : first + THREADS] + chosen.sample(names[: first + 1], k=min(8, first + 1))
        answers = await asyncio.gather(
            *(store.deliver(Message.of(TEXT), "", [Target(name)], "t") for name in some)
        )
        for name, (delivered,) in zip(some, answers, strict=True):
            assert delivered.status.ok
            told[name] += 1
        most = max(most, len(open_files(ground / "data" / "mail")))
    assert 4 * 500 <= most <= 4 * (500 + THREADS), "one that is in use is not closed, the others are"
    for name in [names[0], names[-1], *chosen.sample(names, k=30)]:
        assert (await store.account(name).status("INBOX")).messages == told[name]
    await store.close()
    assert not open_files(ground / "data")
