"""What was expunged is remembered for 90 days; who asks about earlier times is told all the same.

Holds of DESIGN "A Maildir that describes itself": where a client's MODSEQ is older than the oldest expunged row
kept, everything below UIDNEXT that does not exist counts as vanished (RFC 7162 §3.2.6 allows it), so that neither
the index grows for ever nor a client keeps what is gone.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import mailbox
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.look import Loaded, gone_since, look
from storage.message import Message
from storage.reconcile import EXPUNGED_KEPT
from storage.store import Store
from tests.alone import append
from tests.promises.world import NONE, TARO, Clock, settings_at

DAY = 86_400
TEXT = b"Subject: hello\r\n\r\n"


@pytest.fixture
def files(ground: Path, clock: Clock) -> Iterator[AccountFiles]:
    """An account with five messages in INBOX."""
    with closing(AccountFiles(settings_at(ground).data, TARO, clock)) as files:
        with files.reading():
            pass
        append(files, "INBOX", [Appended(Message.of(TEXT), NONE, 0)] * 5)
        yield files


def expunge(files: AccountFiles, uid: int) -> int:
    """The mailbox's MODSEQ after it."""
    assert mailbox.expunge(files, "INBOX", [uid], flagged_only=False) == [uid]
    return reconciled(files).folder.modseq


def reconciled(files: AccountFiles) -> Loaded:
    """Everything, after a look at the files: as every SELECT does that follows a change."""
    with files.writing() as db:
        files.reconcile(db, files.folder(db, "INBOX"))
    return seen(files, -1)


def seen(files: AccountFiles, since: int, floor: int = 0) -> Loaded:
    with files.reading() as db:
        (mailboxid,) = db.execute("SELECT mailboxid FROM mailboxes WHERE name = 'INBOX'").fetchone()
    loaded = look(files, mailboxid, since, floor)
    assert loaded is not None
    return loaded


def remembered(files: AccountFiles) -> list[int]:
    with files.reading() as db:
        return [uid for (uid,) in db.execute("SELECT uid FROM expunged ORDER BY uid")]


def test_expunged_rows_go_after_90_days_and_the_floor_says_so(files: AccountFiles, clock: Clock) -> None:
    begin = reconciled(files).folder
    first = expunge(files, 1)
    clock.now += EXPUNGED_KEPT - DAY
    second = expunge(files, 2)
    assert remembered(files) == [1, 2]
    told = seen(files, begin.modseq, begin.floor)
    assert (told.gone, told.whole) == ([1, 2], False), "younger than that, by name"
    clock.now += 3 * DAY
    now = reconciled(files).folder
    assert remembered(files) == [2], "pruned"
    assert begin.floor < now.floor == first < second, "complete above it"
    told = seen(files, first, now.floor)
    assert (told.gone, told.whole) == ([2], False)


def test_who_asks_from_below_the_floor_is_given_everything_that_exists(
    files: AccountFiles, clock: Clock
) -> None:
    begin = reconciled(files).folder
    expunge(files, 1)
    clock.now += EXPUNGED_KEPT + 2 * DAY
    expunge(files, 3)
    assert remembered(files) == [3]
    told = seen(files, begin.modseq, begin.floor)
    assert told.whole
    assert [row.uid for row in told.rows] == [2, 4, 5]
    assert told.folder.uidnext == 6, "what is below and not named has vanished"
    mailboxid, floor = told.folder.mailboxid, told.folder.floor
    assert gone_since(files, mailboxid, begin.modseq) is None, "it cannot name them all"
    assert gone_since(files, mailboxid, floor) == (3,)


def test_a_year_of_coming_and_going_leaves_three_months_of_it(files: AccountFiles, clock: Clock) -> None:
    for uid in range(6, 66):
        clock.now += 5.5 * DAY
        append(files, "INBOX", [Appended(Message.of(TEXT), NONE, 0)])
        expunge(files, uid)
    assert remembered(files) == list(range(66 - 17, 66)), "of the last 88 days"


def test_a_clock_that_was_set_back_forgets_nothing_too_early(files: AccountFiles, clock: Clock) -> None:
    begin = reconciled(files).folder
    clock.now += 365 * DAY
    expunge(files, 1)
    clock.now -= 365 * DAY
    expunge(files, 2)
    clock.now += EXPUNGED_KEPT - DAY
    reconciled(files)
    assert remembered(files) == [1, 2]
    told = seen(files, begin.modseq, begin.floor)
    assert (told.gone, told.whole) == ([1, 2], False)


async def test_a_session_is_told_though_the_rows_were_pruned_under_it(ground: Path, clock: Clock) -> None:
    """Its process has heard of nothing: all hints were lost, for three months."""
    store = await Store.open(settings_at(ground), clock)
    account = store.account(TARO)
    inbox = await account.open("INBOX")
    await inbox.append([Appended(Message.of(TEXT), NONE, 0)] * 5)
    known, modseq = inbox.uids, inbox.modseq
    with closing(AccountFiles(store.settings.data, TARO, clock)) as files:
        expunge(files, 1)
        clock.now += EXPUNGED_KEPT + 2 * DAY
        expunge(files, 3)
        assert remembered(files) == [3]
    await inbox.refresh()
    assert inbox.changes_since(modseq, known).gone == (1, 3)
    assert inbox.uids == (2, 4, 5)
    inbox.release()
    await store.close()


async def test_a_mailbox_loaded_later_knows_what_is_gone_by_what_the_asker_knew(
    ground: Path, clock: Clock
) -> None:
    """However old the MODSEQ of a client that comes back (RFC 7162 §3.2.5): rows say what is there."""
    store = await Store.open(settings_at(ground), clock)
    inbox = await store.account(TARO).open("INBOX")
    await inbox.append([Appended(Message.of(TEXT), NONE, 0)] * 5)
    known, modseq = inbox.uids, inbox.modseq
    await inbox.remove([2])
    await inbox.store([4], "add", frozenset({"\\Seen"}))
    inbox.release()
    await store.close()
    clock.now += EXPUNGED_KEPT + 2 * DAY
    store = await Store.open(settings_at(ground), clock)
    inbox = await store.account(TARO).open("INBOX")
    await inbox.append([Appended(Message.of(TEXT), NONE, 0)])
    changes = inbox.changes_since(modseq, known)
    assert (changes.arrived, changes.changed, changes.gone) == ((6,), (4,), (2,))
    inbox.release()
    await store.close()
