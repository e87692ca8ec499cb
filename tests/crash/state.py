"""What an account holds, looked at as the next process would; and what must be true of it after any crash."""

import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from storage import annotations, delivery, filename, leftovers, maildir, reconcile, sharing, tree
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.layout import folder_name
from storage.look import look as look_at
from storage.message import Message
from storage.quota import Limits, used_now
from storage.sharing import Sharing
from tests.alone import append as append_to

TARO, HANAKO = "taro@example.test", "hanako@example.test"
NONE: frozenset[str] = frozenset()


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@dataclass(frozen=True)
class Mailbox:
    mailboxid: str
    uidvalidity: int
    uidnext: int
    modseq: int
    messages: dict[int, tuple[bytes, frozenset[str]]]  # text and flags by UID
    words: dict[str, bytes]  # METADATA
    rights: dict[str, str]  # of whom SETACL named

    def texts(self) -> Counter[bytes]:
        return Counter(text for text, _ in self.messages.values())


Account = dict[str, Mailbox]  # by name
World = dict[str, Account]  # by address


class _Directory:
    @staticmethod
    def account(_: str) -> None:
        return None


class _Settings:
    def __init__(self, data: Path) -> None:
        self.data = data


@dataclass
class Place:
    """The data of a store, opened anew for whoever asks; to `delivery.deliver` it is the Store."""

    data: Path
    clock: Clock = field(default_factory=Clock)

    def open(self, address: str = TARO) -> AccountFiles:
        return AccountFiles(self.data, address, self.clock)

    @contextmanager
    def files(self, address: str = TARO) -> Iterator[AccountFiles]:
        files = self.open(address)
        try:
            yield files
        finally:
            files.close()

    def append(
        self, *texts: bytes, to: str = "INBOX", flags: frozenset[str] = NONE, address: str = TARO
    ) -> list[int]:
        with self.files(address) as files:
            return append(files, *texts, to=to, flags=flags)

    # What delivery.deliver asks of a Store.

    @property
    def settings(self) -> _Settings:
        return _Settings(self.data)

    def limits(self, _: str) -> Limits:
        return Limits()

    def publish(self, account: str, mailbox: str, modseq: int) -> None:
        pass

    def deliver(self, text: bytes, *addresses: str) -> list[delivery.Delivered]:
        targets = [delivery.Target(address) for address in addresses]
        return delivery.deliver(self, Message.of(text), "", targets, "trace")  # type: ignore[arg-type]

    @contextmanager
    def sharing(self) -> Iterator[Sharing]:
        """Who may use whose mailboxes: as a process says that was started just now."""
        directory = SimpleNamespace(
            account=lambda address: SimpleNamespace(address=address, file=SimpleNamespace(share={})),
            cache=SimpleNamespace(shares=lambda domain: []),
        )
        shared = Sharing(self.data, directory, self.files)  # type: ignore[arg-type]
        try:
            yield shared
        finally:
            shared.close()

    def accounts(self) -> list[str]:
        return [f"{path.name}@{path.parent.name}" for path in self.data.glob("mail/*/*")]

    def lose_indexes(self) -> None:
        for index in self.data.glob("mail/*/*/index.sqlite"):
            index.unlink()

    def copy_to(self, data: Path) -> "Place":
        shutil.copytree(self.data, data, symlinks=True)
        clock = Clock()
        clock.now = self.clock.now
        return Place(data, clock)

    def look(self) -> World:
        world = {}
        for address in self.accounts():
            with self.files(address) as files:
                world[address] = look(files)
        return world


def append(files: AccountFiles, *texts: bytes, to: str = "INBOX", flags: frozenset[str] = NONE) -> list[int]:
    with files.reading():
        pass
    return append_to(files, to, [Appended(Message.of(text), flags, 1_700_000_000) for text in texts])


def look(files: AccountFiles) -> Account:
    """Everything, as a client would see it that selects each mailbox in turn."""
    account = {}
    with files.reading():
        pass
    for info in tree.listing(files):
        if info.selectable:
            loaded = look_at(files, info.mailboxid, -1)
            assert loaded is not None, f"{info.name} is listed and cannot be selected"
            account[info.name] = Mailbox(
                info.mailboxid,
                loaded.folder.uidvalidity,
                loaded.folder.uidnext,
                loaded.folder.modseq,
                {
                    row.uid: (
                        reconcile.message_of(loaded.folder, row).read(),
                        loaded.folder.flags(row.flags),
                    )
                    for row in loaded.rows
                },
                annotations.read(files, info.name, TARO),
                loaded.folder.description().rest.get(sharing.ACL, {}),
            )
    return account


def check_sound(place: Place, before: World) -> World:
    """Look, and hold what was seen against what must be true whatever was going on. Returns it."""
    now = place.look()
    _nothing_left_behind(place)
    for address, account in now.items():
        with place.files(address) as files:
            _files_are_rows(files, account)
            _use_is_the_sum(files)
            _same_uids(before.get(address, {}), account)
            assert "rename" not in maildir.load_account(files.dir), "a RENAME is still meant to be done"
            assert (files.dir / "lock").read_bytes()[:1] in (b"", b"0"), "still dirty after a look"
    return now


def _nothing_left_behind(place: Place) -> None:
    """Two days later."""
    leftovers.sweep(place.data, lambda: time.time() + 48 * 3600)
    known = re.compile(
        r"account\.json|lock|index\.sqlite(-wal|-shm)?|Maildir(/\.[^/]+)?(/(cur|new|tmp|mailbox\.json|maildirfolder))?"
        r"|Maildir(/\.[^/]+)?/(cur|new)/[^/]+"
    )
    for account in place.data.glob("mail/*/*"):
        found = [str(path.relative_to(account)) for path in account.rglob("*")]
        assert not [path for path in found if not known.fullmatch(path)], "left behind"
    assert not list(place.data.glob("spool/*"))


def _files_are_rows(files: AccountFiles, account: Account) -> None:
    for name, mailbox in account.items():
        path = files.maildir / folder_name(name)
        found = [
            filename.parse(file.name).uid for place in ("new", "cur") for file in (path / place).iterdir()
        ]
        assert sorted(map(str, found)) == sorted(map(str, mailbox.messages)), (
            f"files and rows of {name} differ"
        )


def _use_is_the_sum(files: AccountFiles) -> None:
    with files.reading() as db:
        rows = db.execute("SELECT COALESCE(SUM(size), 0), COUNT(*) FROM rows").fetchone()
        assert used_now(db) == rows, "the quota's number is not the sum"
        for _, messages, size, count, total in db.execute(
            "SELECT name, messages, bytes, (SELECT COUNT(*) FROM rows WHERE mailbox = id),"
            " (SELECT COALESCE(SUM(size), 0) FROM rows WHERE mailbox = id) FROM mailboxes"
        ):
            assert (messages, size) == (count, total)


def _same_uids(before: Account, now: Account) -> None:
    """A UID means the same message as before, and one that did not exist is a new one."""
    known = {mailbox.mailboxid: mailbox for mailbox in before.values()}
    for name, mailbox in now.items():
        old = known.get(mailbox.mailboxid)
        if old is None:
            continue
        assert mailbox.uidvalidity == old.uidvalidity
        assert mailbox.modseq >= old.modseq
        for uid, (text, _) in mailbox.messages.items():
            if uid in old.messages:
                assert old.messages[uid][0] == text, f"UID {uid} of {name} means another message"
            else:
                assert uid >= old.uidnext, f"UID {uid} of {name} is below UIDNEXT and is a new message"


def check_goes_on(place: Place, *seen: World) -> None:
    """The account takes mail and folders, and gives out no UID and no MODSEQ that anybody has seen."""
    for address in place.accounts():
        with place.files(address) as files:
            names = [info.name for info in tree.listing(files) if info.selectable]
            fresh = {name: append(files, b"Subject: goes on\r\n\r\n", to=name)[0] for name in names}
            for name, mailbox in look(files).items():
                same = [m for world in seen for m in world.get(address, {}).values()]
                same = [m for m in same if m.mailboxid == mailbox.mailboxid]
                assert fresh[name] > max((uid for m in same for uid in m.messages), default=0)
                assert fresh[name] >= max((m.uidnext for m in same), default=1)
                assert mailbox.modseq > max((m.modseq for m in same), default=0)
            tree.create(files, "goes on")


def check_index_is_a_cache(place: Place) -> None:
    """No client learns that the index was lost."""
    before = place.look()
    place.lose_indexes()
    after = check_sound(place, before)
    for address, account in before.items():
        assert _kept(account) == _kept(after[address])


def _kept(account: Account) -> dict[str, tuple[object, ...]]:
    return {name: (m.mailboxid, m.uidvalidity, m.messages, m.words, m.rights) for name, m in account.items()}


Check = Callable[[World, World, list[str], bool], None]
