"""Messages come, change and go in a Maildir that describes itself; the index is a cache of it."""

import json
import os
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import arriving, describe, filename, leftovers, mailbox, maildir, quota, reconcile, records, tree
from storage import folder as folders
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.errors import KeywordsFull, MailboxExists, MailboxMissing, OverQuota
from storage.look import Loaded, gone_since, look
from storage.message import Message
from storage.quota import Limits
from storage.rows import Row
from tests.alone import append as append_to
from tests.open_files import open_files

TEXT = b"Subject: hello\r\n\r\nbody\r\n"
NONE: frozenset[str] = frozenset()


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(tmp_path: Path, clock: Clock) -> AccountFiles:
    return AccountFiles(tmp_path, "taro@example.test", clock)


@pytest.fixture
def again(tmp_path: Path, clock: Clock) -> Callable[[], AccountFiles]:
    """The same account as another process has it open."""
    return lambda: AccountFiles(tmp_path, "taro@example.test", clock)


def append(
    account: AccountFiles, *texts: bytes, name: str = "INBOX", flags: frozenset[str] = NONE
) -> list[int]:
    with account.reading():
        pass
    messages = [Appended(Message.of(text), flags, 1_700_000_000) for text in texts]
    return append_to(account, name, messages)


def state(account: AccountFiles, name: str = "INBOX") -> Loaded:
    with account.reading() as db:
        mailboxid = folders.load(db, account.maildir, name).mailboxid
    loaded = look(account, mailboxid, -1)
    assert loaded is not None
    return loaded


def rows(account: AccountFiles, name: str = "INBOX") -> dict[int, Row]:
    return {row.uid: row for row in state(account, name).rows}


def text_of(account: AccountFiles, uid: int, name: str = "INBOX") -> bytes:
    loaded = state(account, name)
    row = next(row for row in loaded.rows if row.uid == uid)
    return reconcile.message_of(loaded.folder, row).read()


def names(account: AccountFiles, folder: str = "") -> set[str]:
    path = account.maildir / folder
    return {name for place in ("new", "cur") for name in os.listdir(path / place)}


def lose_index(account: AccountFiles) -> None:
    (account.dir / "index.sqlite").unlink()


def test_a_new_account_has_the_special_mailboxes(account: AccountFiles) -> None:
    with account.reading():
        pass
    infos = {info.name: info.special_use for info in tree.listing(account)}
    assert infos == {
        "INBOX": None,
        "Archive": "\\Archive",
        "Drafts": "\\Drafts",
        "Junk": "\\Junk",
        "Sent": "\\Sent",
        "Trash": "\\Trash",
    }


def test_a_message_says_size_uid_and_date_in_its_file(account: AccountFiles) -> None:
    assert append(account, TEXT) == [1]
    (name,) = names(account)
    assert name.endswith(f",S={len(TEXT)},U=1")
    assert filename.parse(name).ours
    assert text_of(account, 1) == TEXT
    assert rows(account)[1].date == 1_700_000_000
    assert not os.listdir(account.maildir / "tmp")


def test_flags_are_in_the_name_and_survive_the_index(account: AccountFiles) -> None:
    append(account, TEXT, TEXT)
    mailbox.store(account, "INBOX", [2], "add", frozenset({"\\Seen", "$Work"}))
    before = rows(account)
    assert before[2].flags == "Sa"
    lose_index(account)
    after = rows(account)
    assert {uid: row[:3] for uid, row in after.items()} == {uid: row[:3] for uid, row in before.items()}
    assert state(account).folder.keywords == ("$Work",)
    assert min(row.modseq for row in after.values()) > max(row.modseq for row in before.values())


def test_no_uid_is_given_twice_after_the_highest_was_expunged_and_the_index_lost(
    account: AccountFiles,
) -> None:
    append(account, TEXT, TEXT)
    validity = state(account).folder.uidvalidity
    mailbox.expunge(account, "INBOX", [2], flagged_only=False)
    lose_index(account)
    assert append(account, TEXT)[0] > 2
    assert state(account).folder.uidvalidity == validity
    assert 1 in rows(account)


@pytest.mark.parametrize("block", [0, 1, 1000])
def test_after_a_power_cut_that_took_commits_no_uid_comes_again_and_nobody_is_told_half_of_what_went(
    account: AccountFiles, again: Callable[[], AccountFiles], monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """The index is as it was before a message came and was expunged; somebody had seen it."""
    monkeypatch.setattr(describe, "UID_BLOCK", block)
    append(account, TEXT, TEXT)
    account.close()
    index = account.dir / "index.sqlite"
    was = index.read_bytes()
    (seen,) = append(account, TEXT)
    folder = state(account).folder
    mailbox.expunge(account, "INBOX", [seen], flagged_only=False)
    account.close()
    index.write_bytes(was)
    for name, module in list(sys.modules.items()):
        if name.startswith("storage.") and hasattr(module, "BOOT"):
            monkeypatch.setattr(module, "BOOT", "after the power cut")
    after = again()
    assert min(append(after, TEXT)) > seen
    assert gone_since(after, folder.mailboxid, folder.modseq) is None  # it cannot know
    assert state(after).folder.modseq > folder.modseq


def test_modseq_goes_on_with_the_clock_set_back_and_the_index_lost(
    account: AccountFiles, clock: Clock
) -> None:
    append(account, TEXT)
    first = rows(account)[1].modseq
    clock.now -= 1_000_000
    append(account, TEXT)
    second = rows(account)[2].modseq
    lose_index(account)
    assert first < second < rows(account)[1].modseq


def test_store_sets_adds_removes_and_refuses_what_changed_since(account: AccountFiles) -> None:
    append(account, TEXT, TEXT)
    mailbox.store(account, "INBOX", [1, 2], "set", frozenset({"\\Seen", "\\Flagged"}))
    mailbox.store(account, "INBOX", [1], "remove", frozenset({"\\Seen"}))
    at = rows(account)[2].modseq
    stored = mailbox.store(account, "INBOX", [1, 2, 99], "add", frozenset({"\\Deleted"}), at)
    assert stored.changed == (2,)
    assert stored.refused == (1,)
    assert [row.flags for row in rows(account).values()] == ["F", "FST"]


def test_a_change_that_changes_nothing_costs_no_modseq(account: AccountFiles) -> None:
    append(account, TEXT, flags=frozenset({"\\Seen"}))
    before = state(account).folder.modseq
    assert mailbox.store(account, "INBOX", [1], "add", frozenset({"\\Seen"})).changed == ()
    assert state(account).folder.modseq == before


def test_the_27th_keyword_is_refused(account: AccountFiles) -> None:
    append(account, TEXT)
    mailbox.store(account, "INBOX", [1], "add", frozenset(f"k{n}" for n in range(26)))
    with pytest.raises(KeywordsFull):
        mailbox.store(account, "INBOX", [1], "add", frozenset({"one-more"}))
    assert mailbox.store(account, "INBOX", [1], "remove", frozenset({"K3"})).changed == (1,)


def test_expunge_takes_only_what_is_flagged_deleted(account: AccountFiles) -> None:
    append(account, TEXT, TEXT, TEXT)
    mailbox.store(account, "INBOX", [1, 3], "add", frozenset({"\\Deleted"}))
    assert mailbox.expunge(account, "INBOX", [1, 2]) == [1]
    assert mailbox.expunge(account, "INBOX", None) == [3]
    assert list(rows(account)) == [2]
    assert len(names(account)) == 1


def test_copy_links_and_move_renames(account: AccountFiles) -> None:
    append(account, TEXT, TEXT)
    mailbox.store(account, "INBOX", [1], "add", frozenset({"\\Seen", "work"}))
    copied = mailbox.copy(account, "INBOX", [1], "Archive", Limits())
    assert copied.pairs == ((1, 1),)
    moved = mailbox.move(account, "INBOX", [1, 2], "Archive")
    assert moved.pairs == ((1, 2), (2, 3))
    assert names(account) == set()
    archive = rows(account, "Archive")
    assert archive[1].base == archive[2].base != archive[3].base
    assert state(account, "Archive").folder.flags(archive[1].flags) == {"\\Seen", "work"}
    assert os.stat(next((account.maildir / ".Archive" / "cur").glob("*U=1,*"))).st_nlink == 2


def test_a_message_on_its_way_has_its_new_name_on_the_disk_before_the_old_one_is_gone_there(
    account: AccountFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a rename between two folders is not one thing: in both after a power cut, never in none."""
    append(account, TEXT)
    mailbox.store(account, "INBOX", [1], "add", frozenset({"\\Seen"}))
    synced: list[Path] = []
    monkeypatch.setattr(mailbox, "sync_dir", synced.append)
    mailbox.move(account, "INBOX", [1], "Sent")
    assert synced == [account.maildir / ".Sent" / "cur", account.maildir / "cur"]


def test_quota_is_a_running_number_and_trash_has_grace(account: AccountFiles) -> None:
    append(account, *[TEXT] * 10)
    size = 10 * len(TEXT)
    with account.reading() as db:
        assert quota.used_now(db) == (size, 10)
    full = Limits(bytes=size)
    with pytest.raises(OverQuota):
        mailbox.copy(account, "INBOX", [1], "Sent", full)
    assert names(account, ".Sent") == set()
    with pytest.raises(OverQuota):
        mailbox.copy(account, "INBOX", [1, 2], "Sent", Limits(messages=11))
    mailbox.copy(account, "INBOX", [1], "Trash", full)
    with pytest.raises(OverQuota):
        mailbox.copy(account, "INBOX", [2], "Trash", full)
    mailbox.move(account, "INBOX", [2, 3], "Trash")
    with account.reading() as db:
        assert quota.used_now(db) == (size + len(TEXT), 11)
    lose_index(account)
    with account.reading() as db:
        assert quota.used_now(db) == (size + len(TEXT), 11)
    mailbox.expunge(account, "Trash", [1, 2], flagged_only=False)
    with account.reading() as db:
        assert quota.used_now(db) == (size - len(TEXT), 9)


@pytest.mark.parametrize("what", ["store", "expunge", "copy", "move"])
def test_a_message_that_is_renamed_at_the_last_moment_is_looked_up_again(
    account: AccountFiles, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    append(account, TEXT)
    real = reconcile.row_paths

    def meanwhile(folder: folders.Folder, wanted: list[Row]) -> list[str]:
        paths = real(folder, wanted)
        if wanted and paths[0].endswith(f"new/{(name := min(names(account)))}"):
            monkeypatch.setattr(reconcile, "row_paths", real)
            os.rename(paths[0], folder.path / "cur" / f"{name}:2,F")  # another program flags it
        return paths

    monkeypatch.setattr(reconcile, "row_paths", meanwhile)
    if what == "store":
        mailbox.store(account, "INBOX", [1], "add", frozenset({"\\Seen"}))
    elif what == "expunge":
        assert mailbox.expunge(account, "INBOX", [1], flagged_only=False) == [1]
    elif what == "copy":
        mailbox.copy(account, "INBOX", [1], "Sent", Limits())
    else:
        mailbox.move(account, "INBOX", [1], "Sent")
    flags = {name: [row.flags for row in rows(account, name).values()] for name in ("INBOX", "Sent")}
    assert (
        flags
        == {
            "store": {"INBOX": ["FS"], "Sent": []},
            "expunge": {"INBOX": [], "Sent": []},
            "copy": {"INBOX": ["F"], "Sent": ["F"]},
            "move": {"INBOX": [], "Sent": ["F"]},
        }[what]
    )


def test_all_or_none_of_several_messages_are_appended(account: AccountFiles) -> None:
    with account.reading():
        pass
    messages = [Appended(Message.of(TEXT), NONE, 0)] * 3
    with pytest.raises(OverQuota):
        append_to(account, "INBOX", messages, Limits(messages=2))
    assert names(account) == set()
    assert not os.listdir(account.maildir / "tmp")


def test_a_crash_between_rename_and_row_is_mended_at_the_next_lock(
    account: AccountFiles, again: Callable[[], AccountFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    append(account, TEXT)

    def die(*_: object) -> None:
        raise KeyboardInterrupt  # as a kill would: nothing after it runs

    monkeypatch.setattr(arriving, "_record", die)
    monkeypatch.setattr(arriving, "_undo", lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        append(account, b"Subject: two\r\n\r\n")
    monkeypatch.undo()
    after = again()
    found = rows(after)
    assert text_of(after, 2) == b"Subject: two\r\n\r\n"
    assert found[2].came == "found"
    assert append(after, TEXT)[0] > 2


def test_a_row_without_a_file_is_expunged_and_a_changed_name_wins(account: AccountFiles) -> None:
    append(account, TEXT, TEXT)
    one = next((account.maildir / "new").glob("*U=1"))
    two = next((account.maildir / "new").glob("*U=2"))
    one.unlink()
    two.rename(account.maildir / "cur" / (two.name + ":2,SF"))
    assert {uid: row.flags for uid, row in rows(account).items()} == {2: "FS"}


def test_foreign_files_get_fresh_uids_and_lf_is_served_as_crlf(account: AccountFiles) -> None:
    append(account, TEXT)
    new = account.maildir / "new"
    (new / "1700000000.M1P2.host,U=1").write_bytes(b"Subject: x\n\nline\n")
    (new / "1700000001.M1P3.host,S=9,W=10:2,S").write_bytes(TEXT)
    found = rows(account)
    assert [row.uid for row in found.values()] == [1, 2, 3]
    lf = next(row for row in found.values() if row.lf)
    assert text_of(account, lf.uid) == b"Subject: x\r\n\r\nline\r\n"
    assert lf.size == len(b"Subject: x\r\n\r\nline\r\n")
    lose_index(account)
    assert {uid: (row.base, row.size, row.lf) for uid, row in rows(account).items()} == {
        uid: (row.base, row.size, row.lf) for uid, row in found.items()
    }


def test_a_uid_of_ours_is_not_believed_where_it_was_shown_with_another_message(account: AccountFiles) -> None:
    append(account, TEXT, TEXT)
    kept = next((account.maildir / "new").glob("*U=1"))
    shutil.copy(kept, account.dir / "backup")
    mailbox.expunge(account, "INBOX", [1], flagged_only=False)
    shutil.copy(account.dir / "backup", kept)  # put back by a restore
    assert [row.uid for row in rows(account).values()] == [2, 3]


def test_a_message_is_found_under_its_new_name_by_a_reader(account: AccountFiles) -> None:
    append(account, TEXT)
    loaded = state(account)
    message = reconcile.message_of(loaded.folder, loaded.rows[0])
    file = next((account.maildir / "new").iterdir())
    file.rename(account.maildir / "cur" / (file.name + ":2,S"))
    assert message.read() == TEXT
    next((account.maildir / "cur").iterdir()).unlink()
    with pytest.raises(FileNotFoundError):
        message.read()


def test_a_mailbox_made_again_has_another_uidvalidity(account: AccountFiles) -> None:
    append(account, TEXT)
    tree.create(account, "仕事")
    first = state(account, "仕事").folder
    tree.delete(account, "仕事")
    tree.create(account, "仕事")
    second = state(account, "仕事").folder
    assert second.uidvalidity > first.uidvalidity
    assert second.mailboxid != first.mailboxid
    assert second.uidnext == 1


def test_an_account_made_again_has_another_uidvalidity(account: AccountFiles, clock: Clock) -> None:
    append(account, TEXT)
    first = state(account).folder.uidvalidity
    shutil.rmtree(account.dir)
    clock.now -= 1000
    append(account, TEXT)
    assert state(account).folder.uidvalidity > first
    assert not [path for path in open_files(account.dir) if path.endswith(" (deleted)")]


def test_rename_takes_the_tree_along_and_is_finished_after_a_crash(
    account: AccountFiles, again: Callable[[], AccountFiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    append(account, TEXT)
    tree.create(account, "a.b/c")
    tree.create(account, "a.b")
    append(account, TEXT, name="a.b/c")
    validity = state(account, "a.b/c").folder.uidvalidity
    real = os.rename
    calls = 0

    def die_at_the_second(old: Path, new: Path) -> None:
        nonlocal calls
        calls += ".a%2Eb" in str(old)
        if calls == 2:
            raise KeyboardInterrupt
        real(old, new)

    monkeypatch.setattr(maildir.os, "rename", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        tree.rename(account, "a.b", "z")
    monkeypatch.undo()
    after = again()
    assert state(after, "z/c").folder.uidvalidity == validity
    assert list(rows(after, "z/c")) == [1]
    assert {info.name for info in tree.listing(after)} >= {"z", "z/c"}
    assert not {"a.b", "a.b/c"} & {info.name for info in tree.listing(after)}


def test_writers_of_one_mailbox_share_their_turns_and_lose_nothing(
    account: AccountFiles, again: Callable[[], AccountFiles]
) -> None:
    append(account, TEXT)
    other = again()
    uids: list[int] = []

    def work(files: AccountFiles) -> None:
        for _ in range(10):
            uids.extend(append(files, TEXT))

    threads = [threading.Thread(target=work, args=(files,)) for files in [account, other] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(uids) == list(range(2, 82))
    assert list(rows(account)) == list(range(1, 82))
    assert len(names(account)) == 81


def test_a_restored_backup_leaves_a_million_uids_out(account: AccountFiles) -> None:
    append(account, TEXT)
    assert account.restored() == 1
    assert append(account, TEXT)[0] > 1_000_000
    assert 1 in rows(account)


def test_a_missing_mailbox_is_said_to_be_missing(account: AccountFiles) -> None:
    append(account, TEXT)
    with pytest.raises(MailboxMissing):
        append(account, TEXT, name="none")
    with pytest.raises(MailboxMissing):
        mailbox.copy(account, "INBOX", [1], "none", Limits())
    assert not os.listdir(account.maildir / "tmp")


def test_a_rebuilt_index_says_what_the_files_say(
    account: AccountFiles, again: Callable[[], AccountFiles]
) -> None:
    append(account, TEXT, TEXT, flags=frozenset({"\\Seen", "work"}))
    other = again()
    before = rows(other)
    assert account.rebuild() == 2
    after = rows(other)  # the other process opens the new index
    assert {uid: row[:3] for uid, row in after.items()} == {uid: row[:3] for uid, row in before.items()}


def test_a_damaged_index_costs_one_call_and_is_made_again(
    account: AccountFiles, again: Callable[[], AccountFiles]
) -> None:
    append(account, *[TEXT] * 60)
    mailbox.store(account, "INBOX", [7], "add", frozenset({"\\Seen"}))
    account.close()  # the write-ahead log is in the file now
    index = account.dir / "index.sqlite"
    with index.open("r+b") as file:
        file.seek(4096)  # all pages but the first
        file.write(b"\xa5" * (index.stat().st_size - 4096))
    other = again()
    with pytest.raises(sqlite3.DatabaseError):
        rows(other)
    found = rows(other)
    assert list(found) == list(range(1, 61))
    assert found[7].flags == "S"


def test_a_folder_made_by_another_program_is_never_written_over(
    account: AccountFiles, again: Callable[[], AccountFiles]
) -> None:
    append(account, TEXT)
    tree.create(account, "a")
    append(account, TEXT, name="a")
    for name in (".b", ".c"):
        for place in ("cur", "new", "tmp"):
            (account.maildir / name / place).mkdir(parents=True)
        (account.maildir / name / "new" / "1700000000.M1P2.host").write_bytes(TEXT)
    with pytest.raises(MailboxExists):
        tree.rename(account, "a", "b")
    with pytest.raises(MailboxExists):
        tree.create(account, "c")
    for name in ("a", "b", "c"):
        assert len(rows(again(), name)) == 1


def test_a_rename_cut_off_keeps_the_old_name_where_the_new_one_was_taken_meanwhile(
    account: AccountFiles, again: Callable[[], AccountFiles]
) -> None:
    append(account, TEXT)
    tree.create(account, "a")
    tree.create(account, "b")
    append(account, TEXT, name="a")
    intent = {**maildir.load_account(account.dir), "rename": ["a", "b"]}
    (account.dir / "account.json").write_text(json.dumps(intent))
    lose_index(account)
    assert [len(rows(again(), name)) for name in ("a", "b")] == [1, 0]
    assert "rename" not in maildir.load_account(account.dir)


def test_a_failed_commit_leaves_no_transaction_open(account: AccountFiles) -> None:
    append(account, TEXT)
    with account.writing() as db:
        db.execute("CREATE TEMP TABLE full (n UNIQUE)")
        db.execute("INSERT INTO full VALUES (1)")
        with pytest.raises(sqlite3.IntegrityError), records.transaction(db):
            db.execute("INSERT OR ROLLBACK INTO full VALUES (1)")  # SQLite rolls back by itself, as when full
        assert not db.in_transaction
    assert append(account, TEXT) == [2]


def test_leftovers_go_when_they_are_old(account: AccountFiles) -> None:
    append(account, TEXT)
    tmp = account.maildir / ".Sent" / "tmp" / "1700000000.KW1.host"
    tmp.write_bytes(TEXT)
    for path in (account.dir / "making-x", account.dir / "deleted-x", account.data / "spool"):
        path.mkdir()
    for path in (account.data / "spool" / "x", account.maildir / ".mailbox.json.1.new"):
        path.touch()
    assert leftovers.sweep(account.data, lambda: time.time() + leftovers.OLD - 60) == 0
    assert leftovers.sweep(account.data, lambda: time.time() + leftovers.OLD + 60) == 5
    assert not tmp.exists()
    assert list(rows(account)) == [1]
