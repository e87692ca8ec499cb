"""Where the file system has no more links for a file, a copy stands for one.

Holds of DESIGN "Hard links": EMLINK or EXDEV means a copy. (One file for many recipients, which names nobody:
tests/unit/storage/test_store.py.)
"""

import errno
import os
from pathlib import Path

import pytest

from storage.appending import Appended
from storage.delivery import Target
from storage.message import Message
from storage.store import Store
from tests.promises.world import HANAKO, TARO, files_in, folder_of, settings_at

TEXT = b"Subject: hello\r\n\r\n" + b"x" * 3000 + b"\r\n"


@pytest.mark.parametrize("code", [errno.EMLINK, errno.EXDEV, errno.EPERM])
async def test_a_copy_stands_for_a_link(ground: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def no_link(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_link)
    settings = settings_at(ground)
    store = await Store.open(settings)
    delivered = await store.deliver(Message.of(TEXT), "", [Target(TARO), Target(HANAKO)], "t")
    assert all(each.status.ok for each in delivered)
    files = [files_in(folder_of(settings.data, "INBOX", who))[0] for who in (TARO, HANAKO)]
    assert files[0].read_bytes() == files[1].read_bytes() == b"Return-Path: <>\r\n" + TEXT

    inbox = await store.account(TARO).open("INBOX")
    (uid,) = await inbox.append([Appended(Message.of(TEXT), frozenset({"\\Seen"}), 1_700_000_000)])
    copied = await inbox.copy([uid], "Archive")
    (copy,) = files_in(folder_of(settings.data, "Archive"))
    assert copied.pairs == ((uid, 1),) and copy.read_bytes() == TEXT
    assert copy.stat().st_nlink == 1 and copy.stat().st_mtime == 1_700_000_000
    for folder in ("INBOX", "Archive"):
        assert not list((folder_of(settings.data, folder) / "tmp").iterdir())
    assert not list((settings.data / "spool").iterdir())
    inbox.release()
    await store.close()
