"""The store's edge: shared loaded mailboxes, delivery to many, hints between processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.appending import Appended
from storage.bus import Bus, Hint, Topic
from storage.delivery import Target
from storage.errors import MailboxExists, MailboxMissing, NameRefused
from storage.message import Message
from storage.selected import Mailbox
from storage.store import Store
from tests.house import Site

TEXT = b"Subject: hello\r\n\r\nbody\r\n"
TARO = "taro@example.test"
HANAKO = "hanako@example.test"


@pytest.fixture
async def store(site: Site) -> AsyncIterator[Store]:
    store = await Store.open(site.settings)
    yield store
    await store.close()


@pytest.fixture
async def other(site: Site) -> AsyncIterator[Store]:
    """Another process's store over the same data."""
    store = await Store.open(site.settings)
    yield store
    await store.close()


async def moved_on(mailbox: Mailbox) -> None:
    event = asyncio.Event()
    unwatch = mailbox.watch(event.set)
    await asyncio.wait_for(event.wait(), 60)
    unwatch()


async def read(store: Store, mailbox: Mailbox, uid: int) -> bytes:
    (message,) = await mailbox.messages([uid])
    assert message is not None
    return await store.run(message.read)


async def test_one_recipient_is_named_in_the_copy_and_many_share_one_file_that_names_nobody(
    store: Store,
) -> None:
    (one,) = await store.deliver(
        Message.of(TEXT), "a@b.test", [Target(TARO, original="Taro@example.test")], "t"
    )
    both = await store.deliver(Message.of(TEXT), "", [Target(TARO), Target(HANAKO)], "t")
    assert [d.status.code for d in (one, *both)] == ["2.0.0"] * 3
    mine = await store.account(TARO).open("INBOX")
    hers = await store.account(HANAKO).open("INBOX")
    assert mine.uids == (1, 2)
    named = b"Return-Path: <a@b.test>\r\nDelivered-To: Taro@example.test\r\n" + TEXT
    assert await read(store, mine, 1) == named
    assert await read(store, mine, 2) == await read(store, hers, 1) == b"Return-Path: <>\r\n" + TEXT
    row = hers.rows[1]
    path = store.settings.data / "mail/example.test/hanako/Maildir/new" / f"{row.base},S={row.size},U=1"
    assert os.stat(path).st_nlink == 2
    assert not list((store.settings.data / "spool").iterdir())
    assert (await mine.summaries([1], "envelope"))[0][1].startswith(b'(NIL "hello" ')


async def test_sessions_share_one_state_and_learn_what_changed(store: Store) -> None:
    account = store.account(TARO)
    one, two = await account.open("inbox"), await account.open("INBOX")
    assert one is two
    start = one.modseq
    await one.append(
        [Appended(Message.of(TEXT), frozenset({"\\Seen"}), 0), Appended(Message.of(TEXT), frozenset(), 0)]
    )
    assert one.changes_since(start).arrived == (1, 2)
    middle = one.modseq
    view = one.uids
    await one.store([2], "add", frozenset({"\\Deleted"}))
    assert await one.expunge() == [2]
    await one.store([1], "remove", frozenset({"\\Seen"}))
    changes = one.changes_since(middle)
    assert (changes.arrived, changes.changed, changes.gone) == ((), (1,), (2,))
    assert view == (1, 2)
    assert one.uids == (1,)
    assert one.changes_since(start).arrived == (1,)


async def test_a_mailbox_that_stays_selected_remembers_a_bounded_number_of_changes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who was away the whole time is told all the same, by what he knew."""
    monkeypatch.setattr("storage.history.REMEMBERED", 4)
    mailbox = await store.account(TARO).open("INBOX")
    message = Appended(Message.of(TEXT), frozenset(), 0)
    await mailbox.append([message] * 3)
    start, known = mailbox.modseq, mailbox.uids
    for _ in range(30):
        (uid,) = await mailbox.append([message])
        await mailbox.store([uid], "add", frozenset({"\\Seen"}))
        await mailbox.remove([uid])
    await mailbox.remove([2])
    lately = mailbox.modseq
    await mailbox.remove([1])
    history = mailbox._history
    for log in (history._arrived, history._changed, history._expunged):
        assert len(log) <= 2 * 3 + 4
    changes = mailbox.changes_since(start, known)
    assert (changes.arrived, changes.changed, changes.gone) == ((), (), (1, 2))
    assert mailbox.changes_since(lately, known).gone == (1,)


async def test_another_process_is_told_by_a_hint(store: Store, other: Store) -> None:
    mailbox = await store.account(TARO).open("INBOX")
    waiting = asyncio.ensure_future(moved_on(mailbox))
    await asyncio.sleep(0)
    await other.deliver(Message.of(TEXT), "", [Target(TARO)], "t")
    await waiting
    assert mailbox.uids == (1,)


async def test_another_programs_file_is_seen_at_a_look(store: Store) -> None:
    mailbox = await store.account(TARO).open("INBOX")
    maildir = store.settings.data / "mail/example.test/taro/Maildir"
    (maildir / "tmp/x").write_bytes(b"Subject: mutt\n\n")
    os.rename(maildir / "tmp/x", maildir / "cur/123.x.host:2,F")
    await mailbox.refresh()
    assert [mailbox.rows[uid].flags for uid in mailbox.uids] == ["F"]
    assert await read(store, mailbox, 1) == b"Subject: mutt\r\n\r\n"


async def test_an_index_deleted_under_a_session_changes_nothing_that_it_was_told(store: Store) -> None:
    account = store.account(TARO)
    mailbox = await account.open("INBOX")
    await mailbox.append([Appended(Message.of(TEXT), frozenset(), 0)] * 3)
    seen = mailbox.modseq
    for file in (store.settings.data / "mail/example.test/taro").glob("index.sqlite*"):
        file.unlink()
    await mailbox.refresh()
    assert mailbox.uids == (1, 2, 3)
    assert mailbox.changes_since(seen).gone == ()
    assert mailbox.changes_since(seen).arrived == ()
    await mailbox.append([Appended(Message.of(TEXT), frozenset(), 0)])
    assert mailbox.uids[:3] == (1, 2, 3) and mailbox.uids[3] > 3


async def test_a_deleted_mailbox_is_gone_under_its_session(store: Store) -> None:
    account = store.account(TARO)
    await account.create("Work")
    with pytest.raises(MailboxExists):
        await account.create("Work/")
    mailbox = await account.open("Work")
    await account.delete("Work")
    await mailbox.refresh()
    assert mailbox.gone
    with pytest.raises(MailboxMissing):
        await account.open("Work")
    await account.create("Work")
    assert not (await account.open("Work")).gone


async def test_rename_of_inbox_moves_its_messages(store: Store) -> None:
    account = store.account(TARO)
    inbox = await account.open("INBOX")
    await inbox.append([Appended(Message.of(TEXT), frozenset(), 0)] * 2)
    await account.rename("INBOX", "2024/old")
    assert inbox.uids == ()
    assert (await account.status("2024/old")).messages == 2
    assert any(info.name == "2024" and not info.selectable for info in await account.mailboxes())


async def test_status_counts(store: Store) -> None:
    account = store.account(TARO)
    inbox = await account.open("INBOX")
    await inbox.append([Appended(Message.of(TEXT), frozenset({"\\Seen"}), 0)])
    await inbox.append([Appended(Message.of(TEXT), frozenset({"\\Deleted"}), 0)])
    status = await account.status("INBOX")
    assert (status.messages, status.unseen, status.deleted, status.recent) == (2, 1, 1, 2)
    assert (status.uidnext, status.size) == (3, 2 * len(TEXT))
    assert await inbox.claim_recent() == 1
    assert await inbox.claim_recent() == 3
    quota = await account.quota()
    assert (quota.bytes, quota.messages) == (2 * len(TEXT), 2)


@pytest.mark.parametrize(
    "name", ["", "/", "a//b", "a/../b", "..", "x\0y", "a\r\nb", "x" * 300, "/".join("a" * 30)]
)
async def test_odd_mailbox_names_are_refused(store: Store, name: str) -> None:
    with pytest.raises(NameRefused):
        await store.account(TARO).create(name)


@pytest.mark.parametrize(
    "name", ["a.b", "%2E", ".hidden", "日本語/フォルダ", "a b", "~", "INBOX/sub", "*", "cur"]
)
async def test_names_come_back_as_they_were_given(store: Store, name: str) -> None:
    account = store.account(TARO)
    await account.create(name)
    assert name in {info.name for info in await account.mailboxes()}
    for file in (store.settings.data / "mail/example.test/taro").glob("index.sqlite*"):
        file.unlink()
    assert name in {info.name for info in await account.mailboxes()}


async def test_a_large_message_goes_through_the_spool_file(store: Store) -> None:
    spool = store.spool(10_000_000)
    line = b"x" * 76 + b"\r\n"
    await spool.write(b"Subject: big\r\n\r\n")
    for _ in range(20):
        await spool.write(line * 1000)
    message = await spool.finish()
    assert isinstance(message.source, Path)
    (delivered,) = await store.deliver(message, "", [Target(TARO)], "t")
    await spool.discard()
    assert delivered.status.ok
    inbox = await store.account(TARO).open("INBOX")
    text = await read(store, inbox, 1)
    assert text.endswith(b"Subject: big\r\n\r\n" + line * 20_000)
    assert len(text) == inbox.rows[1].size
    assert not list((store.settings.data / "spool").iterdir())


async def test_a_spool_past_its_limit_keeps_nothing(store: Store) -> None:
    spool = store.spool(300_000)
    for _ in range(20):
        await spool.write(b"x" * 100_000)
    assert spool.too_big
    assert not list((store.settings.data / "spool").iterdir())


async def test_a_full_mailbox_and_a_broken_disk_are_statuses(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage.quota import Limits

    monkeypatch.setattr(store, "limits", lambda _: Limits(bytes=10))
    (full,) = await store.deliver(Message.of(TEXT), "", [Target(TARO)], "t")
    assert full.status.code == "4.2.2"
    monkeypatch.undo()

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("storage.arriving.os.rename", no_space)
    (disk,) = await store.deliver(Message.of(TEXT), "", [Target(TARO)], "t")
    assert disk.status.code == "4.3.1"
    monkeypatch.undo()
    assert (await store.account(TARO).status("INBOX")).messages == 0


async def test_a_burst_meets_a_full_socket_and_everybody_still_hears(tmp_path: Path) -> None:
    heard: dict[tuple[str, str], int] = {}
    done = asyncio.Event()

    def receive(hint: Hint) -> None:
        heard[hint.account, hint.mailbox] = hint.modseq
        if len(heard) == 3000 and set(heard.values()) == {2}:
            done.set()

    listener, sender = Bus(tmp_path), Bus(tmp_path)
    listener.listen(receive)
    sender.attach(asyncio.get_running_loop())
    for modseq in (1, 2):
        for number in range(3000):
            sender.publish(Hint(f"a{number}@example.test", "INBOX", modseq))
    await asyncio.wait_for(done.wait(), 60)
    listener.close()
    sender.publish(Hint("a@example.test", "INBOX", 3))  # nobody is there any more
    sender.close()


async def test_summaries_are_those_of_the_mailbox_after_the_index_was_made_anew(store: Store) -> None:
    account = store.account(TARO)
    await account.create("Aaa")
    inbox, aaa = await account.open("INBOX"), await account.open("Aaa")
    for mailbox, subject in ((inbox, b"one"), (aaa, b"two")):
        await mailbox.append([Appended(Message.of(b"Subject: " + subject + b"\r\n\r\n"), frozenset(), 0)])
    await account.rename("Aaa", "Zzz")  # the order in which a new index numbers the mailboxes
    await account.create("Bbb")
    for file in (store.settings.data / "mail/example.test/taro").glob("index.sqlite*"):
        file.unlink()
    await account.mailboxes()
    assert b'"two"' in (await aaa.summaries([1], "envelope"))[0][1]
    assert b'"one"' in (await inbox.summaries([1], "envelope"))[0][1]


async def test_each_hears_of_what_it_wants_to(tmp_path: Path) -> None:
    heard: dict[Topic, list[Hint]] = {topic: [] for topic in Topic}
    listeners = {topic: Bus(tmp_path) for topic in Topic}
    for topic, bus in listeners.items():
        bus.listen(heard[topic].append, topic)
    sender = Bus(tmp_path)
    came, moved, queued = (
        Hint("a@example.test", "INBOX", 7),
        Hint("a@example.test", "Junk", 0),
        Hint("", "queue", 0),
    )
    for hint in (came, moved, queued):
        sender.publish(hint)
    async with asyncio.timeout(60):
        while sum(map(len, heard.values())) < 6:
            await asyncio.sleep(0)
    assert heard == {
        Topic.MAIL: [came, moved],
        Topic.MOVED: [moved],
        Topic.QUEUE: [queued],
        Topic.SOON: [came, moved],  # who sends has no loop, and cannot gather
    }
    for bus in (*listeners.values(), sender):
        bus.close()
