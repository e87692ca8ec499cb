"""STATUS and LIST from memory are what the disk says, whoever has changed it."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from storage import tree
from storage.account_files import AccountFiles
from storage.look import Loaded, look, status_of
from storage.mailbox import store
from storage.store import Store
from tests.house import Site


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AccountFiles:
    # no stamp is too young in a test, and a time that is set proves as much as one that has passed
    monkeypatch.setattr("storage.remembered.RACY", -(10**18))
    monkeypatch.setattr("storage.folder.RACY", -(10**18))
    found = AccountFiles(tmp_path, "taro@example.test")
    with found.writing():
        pass
    return found


def put(files: AccountFiles, name: str) -> None:
    path = files.maildir / "new" / name
    path.write_bytes(b"Subject: x\r\n\r\nx\r\n")
    touch(path.parent)


def touch(path: Path) -> None:
    """Give a directory another time, as if time had passed."""
    stat = os.stat(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def log(files: AccountFiles) -> None:
    """The same for the index's log."""
    touch(Path(files.remembered.log))


def test_a_status_is_remembered_until_something_changes(files: AccountFiles) -> None:
    assert files.remembered.status("INBOX") is None
    put(files, "1.a.host")
    first = status_of(files, "INBOX")
    second = status_of(files, "INBOX")  # the first one wrote to the index
    assert first == second and first.messages == first.unseen == 1
    assert files.remembered.status("INBOX") == second
    assert files.remembered.status("Sent") is None
    store(files, "INBOX", [1], "add", frozenset({"\\Seen"}))
    log(files)
    assert files.remembered.status("INBOX") is None
    assert status_of(files, "INBOX").unseen == 0
    assert files.remembered.status("INBOX") == status_of(files, "INBOX")


def test_another_program_is_noticed(files: AccountFiles) -> None:
    status_of(files, "INBOX")
    status_of(files, "INBOX")
    assert files.remembered.status("INBOX") is not None
    put(files, "2.b.host")
    assert files.remembered.status("INBOX") is None
    assert status_of(files, "INBOX").messages == 1


def test_a_listing_is_remembered_until_a_folder_comes_or_goes(files: AccountFiles) -> None:
    names = [info.name for info in tree.listing(files)]
    assert files.remembered.listing() is not None
    assert [info.name for info in tree.listing(files)] == names
    tree.create(files, "New")
    log(files)
    assert files.remembered.listing() is None
    assert "New" in [info.name for info in tree.listing(files)]
    shutil.rmtree(files.maildir / ".New")
    touch(files.maildir)
    assert files.remembered.listing() is None
    assert "New" not in [info.name for info in tree.listing(files)]


def test_a_young_stamp_proves_nothing(files: AccountFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.remembered.RACY", 10**18)
    assert files.remembered.stamp() is None
    status_of(files, "INBOX")
    tree.listing(files)
    assert files.remembered.status("INBOX") is None
    assert files.remembered.listing() is None


def test_subscriptions_are_remembered_until_they_change(files: AccountFiles) -> None:
    assert files.remembered.subscriptions() is None
    first = tree.subscriptions(files)
    assert files.remembered.subscriptions() is first
    tree.subscribe(files, "New", True)
    assert files.remembered.subscriptions() is None
    assert tree.subscriptions(files) == first | {"New"} == files.remembered.subscriptions()
    (files.dir / "account.json").unlink()
    assert files.remembered.subscriptions() is None


async def test_a_selected_mailbox_is_looked_at_again_only_where_something_may_have_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.remembered.RACY", -(10**18))
    monkeypatch.setattr("storage.folder.RACY", -(10**18))
    looks = []

    def counted(*args: Any) -> Loaded | None:
        looks.append(args)
        return look(*args)

    monkeypatch.setattr("storage.selected.look", counted)
    opened = await Store.open(site.settings)
    account = opened.account("taro@example.test")
    inbox = await account.open("INBOX")
    with opened.files(account.address) as files:
        for change in (log, lambda files: put(files, "1.a.host"), lambda files: put(files, "2.b.host")):
            await inbox.refresh()
            await inbox.refresh()  # what other programs did is in the index's log by now
            looks.clear()
            for others in (True, False, True):
                await inbox.refresh(others=others)
            assert await account.open("INBOX") is inbox and not looks
            change(files)
            await inbox.refresh()
            assert len(looks) == 1
    assert inbox.uids == (1, 2)
    await opened.close()
