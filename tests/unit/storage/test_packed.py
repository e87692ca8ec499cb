"""The packed form of a mailbox, and what came after it, are its rows: after any changes, crash and rebuild."""

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage import folder as folders
from storage import mailbox, packed, records, tree
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.look import Loaded, look
from storage.message import Message
from storage.quota import Limits
from storage.rows import Row
from storage.store import Store
from tests.alone import append
from tests.house import Site

TARO = "taro@example.test"
TEXT = b"Subject: hello\r\n\r\nbody\r\n"
NONE: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "FEW", 0)


def load(files: AccountFiles, name: str = "INBOX") -> Loaded:
    with files.reading() as db:
        mailboxid = folders.load(db, files.maildir, name).mailboxid
    loaded = look(files, mailboxid, -1)
    assert loaded is not None
    return loaded


def rows(files: AccountFiles, name: str = "INBOX") -> list[Row]:
    with files.reading() as db:
        return records.read_rows(db, folders.load(db, files.maildir, name).id)


def pack(files: AccountFiles, loaded: Loaded) -> None:
    assert loaded.columns is not None
    packed.write(files, loaded.folder.mailboxid, loaded.folder.modseq, loaded.columns.packed())


class Account:
    """One account, what may happen to it, and a copy of its index from some time ago."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder, self.chance = folder, chance
        self.files = AccountFiles(folder, TARO)
        with self.files.reading():
            pass
        tree.create(self.files, "Work")
        self.held: list[Loaded] = []
        self.append()

    def some(self) -> list[int]:
        uids = [row.uid for row in rows(self.files)]
        return sorted(self.chance.sample(uids, min(len(uids), 2)))

    def append(self) -> None:
        flags = frozenset(self.chance.sample(["\\Seen", "\\Deleted", "$Work"], 1))
        append(self.files, "INBOX", [Appended(Message.of(TEXT), flags, 7)] * self.chance.randint(1, 4))

    def flag(self) -> None:
        mailbox.store(self.files, "INBOX", self.some(), "add", frozenset({"\\Flagged"}))

    def expunge(self) -> None:
        mailbox.expunge(self.files, "INBOX", self.some(), flagged_only=False)

    def move(self) -> None:
        mailbox.move(self.files, "INBOX", self.some(), "Work")

    def copy(self) -> None:
        mailbox.copy(self.files, "Work", [row.uid for row in rows(self.files, "Work")][:2], "INBOX", Limits())

    def another_program(self) -> None:
        file = self.files.maildir / "new" / f"{self.chance.getrandbits(40)}.P1.host"
        file.write_bytes(TEXT)

    def pack(self) -> None:
        pack(self.files, load(self.files))

    def hold(self) -> None:
        """A process has loaded it, and packs what it has when it comes to it."""
        self.held.append(load(self.files))

    def pack_late(self) -> None:
        if self.held:
            pack(self.files, self.held.pop(0))

    def save(self) -> None:
        self.files.close()
        shutil.copy(self.files.dir / "index.sqlite", self.folder / "saved")

    def lose_power(self) -> None:
        """Commits since are lost, and it is another boot."""
        if not (self.folder / "saved").exists():
            return
        self.lose_index()
        shutil.copy(self.folder / "saved", self.files.dir / "index.sqlite")
        with self.files.writing() as db:
            db.execute("UPDATE mailboxes SET boot = 'another'")

    def die(self) -> None:
        """Killed in the middle of its work on INBOX."""
        self.files.close()
        self.files = AccountFiles(self.folder, TARO)
        with self.files.writing() as db, pytest.raises(ZeroDivisionError):
            folder = self.files.folder(db, "INBOX")
            with self.files.half_done(folder):
                for name in os.listdir(folder.path / "new")[:1]:
                    os.unlink(folder.path / "new" / name)
                raise ZeroDivisionError

    def lose_index(self) -> None:
        for path in self.files.dir.glob("index.sqlite*"):
            path.unlink()


HAPPENINGS: list[Callable[[Account], None]] = [
    Account.append, Account.flag, Account.expunge, Account.move, Account.copy, Account.another_program,
    Account.pack, Account.hold, Account.pack_late, Account.save, Account.lose_power, Account.die,
    Account.lose_index, Account.pack, Account.pack,
]  # fmt: skip


@pytest.fixture
def ground() -> Iterator[Path]:
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base, prefix="kwcmaild-packed-") as folder:
        yield Path(folder)


@settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.sampled_from(HAPPENINGS), max_size=14), st.integers(0, 1 << 30))
@example([Account.append] * 3 + [Account.hold, Account.expunge, Account.lose_index, Account.pack_late], 1)
@example(
    [
        Account.append,
        Account.save,
        Account.append,
        Account.hold,
        Account.expunge,
        Account.lose_power,
        Account.pack_late,
    ],
    1,
)
def test_packed_and_what_came_after_are_the_rows(
    ground: Path, happenings: list[Callable[[Account], None]], seed: int
) -> None:
    with tempfile.TemporaryDirectory(dir=ground) as folder:
        account = Account(Path(folder), random.Random(seed))
        for happens in happenings:
            happens(account)
            loaded = load(account.files)
            assert loaded.rows == rows(account.files)
            assert loaded.folder.messages == len(loaded.rows)
        account.files.close()


def test_what_was_packed_is_read_and_only_the_rest_is_looked_for(ground: Path) -> None:
    with closing(AccountFiles(ground, TARO)) as files:
        with files.reading():
            pass
        append(files, "INBOX", [Appended(Message.of(TEXT), NONE, 7)] * 5)
        assert load(files).loose == 5
        pack(files, load(files))
        assert load(files).loose == 0
        mailbox.store(files, "INBOX", [2], "add", frozenset({"\\Seen"}))
        mailbox.expunge(files, "INBOX", [4], flagged_only=False)
        loaded = load(files)
        assert (loaded.loose, loaded.rows) == (2, rows(files))
        with files.writing() as db:
            db.execute("UPDATE packed SET rows = zeroblob(50)")
        assert load(files).loose == 4, "one by one"


def test_what_is_older_than_what_is_packed_is_not_kept(ground: Path) -> None:
    with closing(AccountFiles(ground, TARO)) as files:
        with files.reading():
            pass
        append(files, "INBOX", [Appended(Message.of(TEXT), NONE, 7)] * 2)
        old = load(files)
        append(files, "INBOX", [Appended(Message.of(TEXT), NONE, 7)] * 2)
        pack(files, load(files))
        pack(files, old)
        assert load(files).loose == 0
        mailbox.expunge(files, "INBOX", [1], flagged_only=False)
        files.rebuild()
        assert load(files).loose == 3, "the index was made anew"
        pack(files, old)  # what a process had from the one before
        assert load(files).rows == rows(files) and len(rows(files)) == 3


async def test_a_process_packs_what_it_has_loaded_when_much_has_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "FEW", 3)
    store = await Store.open(site.settings)
    inbox = await store.account(TARO).open("INBOX")
    with closing(AccountFiles(site.settings.data, TARO)) as files:
        await inbox.append([Appended(Message.of(TEXT), NONE, 7)] * 3)
        assert load(files).loose == 3, "few"
        await inbox.append([Appended(Message.of(TEXT), NONE, 7)] * 2)
        async with asyncio.timeout(60):
            while load(files).loose:
                await asyncio.sleep(0.01)
        inbox.release(keep=False)
        again = await store.account(TARO).open("INBOX")
        assert again.uids == (1, 2, 3, 4, 5) and again.rows.all().rows() == rows(files)
    await store.close()
