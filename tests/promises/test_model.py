"""Anything may happen in any order, and two clients in two processes see what a plain model says.

Holds of DESIGN "Store": *A Maildir that describes itself* (no UID, flag, keyword, INTERNALDATE, EMAILID or
UIDVALIDITY changes when an index is deleted between any two steps; no UID is given out twice; MODSEQ only
grows, also with the clock set back; the UIDVALIDITY of a name never comes back, also after an account was
deleted and made again), *Index* (a cache), *Quota* (the running number is the sum), *Bus* (`changes_since`
is enough to follow a mailbox), *Other programs* (what they put in, flag, delete or rename is taken in, in the
order of its times).

The model is a dictionary. Each process has a client that never asks for everything again: it believes
`changes_since`; and a phone that comes by now and then asks for what has a higher MODSEQ than it knows.
KWCMAILD_PROMISES=2000 looks at so many random histories in place of a few fixed ones.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storage import filename, history, maildir, packed
from storage.admin_mail import remove_mail
from storage.appending import Appended
from storage.delivery import Target
from storage.errors import MailboxExists, MailboxHasChildren, MailboxMissing, MailboxProtected, NameRefused
from storage.message import Message
from storage.rows import Row
from storage.selected import Mailbox
from storage.store import Store
from tests.promises.world import NONE, TARO, Clock, files_in, folder_of, lose_index, settings_at

T = TypeVar("T")
HISTORIES = int(os.environ.get("KWCMAILD_PROMISES", "0"))
SPECIAL = {"Trash": "\\Trash"}
NAMES = st.sampled_from(["INBOX", "Trash", "Work", "Work/a", "Old", "Old/a.b"])
FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "$Work", "$Home"]))
PICK = st.integers(0, 1000)  # of what there is at that moment


@dataclass
class Letter:
    """A message in a mailbox, as the model knows it."""

    text: bytes
    flags: frozenset[str]
    date: int
    emailid: str | None = None  # what it was first seen with

    def again(self) -> "Letter":
        return Letter(self.text, self.flags, self.date, self.emailid)


@dataclass
class Box:
    """A mailbox of the model. `highest` is the highest UID ever seen in it."""

    letters: dict[int, Letter] = field(default_factory=dict)
    identity: tuple[str, int] | None = None  # MAILBOXID and UIDVALIDITY
    highest: int = 0
    modseq: int = 0
    synced: tuple[int, dict[int, frozenset[str]]] | None = None  # what a phone last saw, at which MODSEQ
    rebuilt: bool = False  # since then: all rows are as new
    strangers: list[Letter] = field(
        default_factory=list
    )  # put in by another program; their UIDs are not known

    def put(self, uid: int, letter: Letter) -> None:
        assert uid > self.highest, f"UID {uid} was given out, and {self.highest} before it"
        self.letters[uid] = letter
        self.highest = uid


@dataclass
class Client:
    """Has a mailbox selected, and knows of it what it was told."""

    mailbox: Mailbox
    modseq: int
    flags: dict[int, frozenset[str]]

    @classmethod
    def select(cls, mailbox: Mailbox) -> "Client":
        return cls(mailbox, mailbox.modseq, {uid: _flags(mailbox, uid) for uid in mailbox.uids})

    def follow(self) -> None:
        changes = self.mailbox.changes_since(self.modseq, tuple(self.flags))
        for uid in changes.gone:
            self.flags.pop(uid, None)
        for uid in (*changes.arrived, *changes.changed):
            self.flags[uid] = _flags(self.mailbox, uid)
        self.modseq = changes.modseq


def _flags(mailbox: Mailbox, uid: int) -> frozenset[str]:
    return mailbox._folder.flags(mailbox.rows[uid].flags)


class Histories(RuleBasedStateMachine):
    """Two processes (`Store`s) over one account."""

    def __init__(self) -> None:
        super().__init__()
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(dir=base, prefix="kwcmaild-promises-"))
        self.settings = settings_at(self.folder)
        self.data = self.settings.data
        self.clock = Clock()
        self.loop = asyncio.new_event_loop()
        self.stores = [self.wait(Store.open(self.settings, self.clock)) for _ in range(2)]
        self.clients: list[dict[str, Client]] = [{}, {}]
        self.texts = 0
        self.validities: dict[int, str] = {}  # every UIDVALIDITY ever seen, and whose it was
        self.boxes: dict[str, Box] = {}
        self.new_account()

    def teardown(self) -> None:
        for store in self.stores:
            self.wait(store.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 60))

    def new_account(self) -> None:
        self.boxes = {"INBOX": Box(), **{name: Box() for name in SPECIAL}}

    # ---- what is at hand

    def text(self) -> bytes:
        self.texts += 1
        return b"Subject: %d\r\n\r\n%b\r\n" % (self.texts, b"x" * (self.texts % 7))

    def mailbox(self, who: int, name: str) -> Mailbox | None:
        """Selected by the client of that process, as long as it is there."""
        client = self.clients[who].get(name)
        if client is not None and not client.mailbox.gone and client.mailbox.name == name:
            return client.mailbox
        try:
            mailbox = self.wait(self.stores[who].account(TARO).open(name))
        except MailboxMissing:
            assert name not in self.boxes
            return None
        self.clients[who][name] = Client.select(mailbox)
        return mailbox

    def some(self, box: Box, picks: list[int]) -> list[int]:
        uids = list(box.letters)
        return sorted({uids[pick % len(uids)] for pick in picks}) if uids else []

    def at(self, who: int, name: str) -> tuple[Mailbox, Box] | None:
        box = self.boxes.get(name)
        mailbox = self.mailbox(who, name)
        if box is None:
            assert mailbox is None, f"{name} is there again"
            return None
        assert mailbox is not None
        return mailbox, box

    # ---- what clients and senders do

    @rule(who=st.integers(0, 1), count=st.integers(1, 3), name=NAMES, flags=FLAGS)
    def append(self, who: int, count: int, name: str, flags: frozenset[str]) -> None:
        if (at := self.at(who, name)) is not None:
            letters = [Letter(self.text(), flags, 1_700_000_000 + self.texts) for _ in range(count)]
            appended = [Appended(Message.of(each.text), flags, each.date) for each in letters]
            for uid, letter in zip(self.wait(at[0].append(appended)), letters, strict=True):
                at[1].put(uid, letter)

    @rule(who=st.integers(0, 1))
    def deliver(self, who: int) -> None:
        text, target = self.text(), Target(TARO)
        (delivered,) = self.wait(self.stores[who].deliver(Message.of(text), "", [target], "t"))
        assert delivered.uid is not None, delivered.status
        whole = b"Return-Path: <>\r\nDelivered-To: %b\r\n%b" % (TARO.encode(), text)
        self.boxes["INBOX"].put(delivered.uid, Letter(whole, NONE, int(self.clock.now)))

    @rule(
        who=st.integers(0, 1),
        name=NAMES,
        picks=st.lists(PICK, min_size=1, max_size=3),
        op=st.sampled_from(["set", "add", "remove"]),
        flags=FLAGS,
    )
    def store(self, who: int, name: str, picks: list[int], op: str, flags: frozenset[str]) -> None:
        if (at := self.at(who, name)) is not None:
            uids = self.some(at[1], picks)
            self.wait(at[0].store(uids, op, flags))
            for letter in (at[1].letters[uid] for uid in uids):
                old = letter.flags
                letter.flags = flags if op == "set" else old | flags if op == "add" else old - flags

    @rule(who=st.integers(0, 1), name=NAMES, whole=st.booleans(), picks=st.lists(PICK, max_size=3))
    def expunge(self, who: int, name: str, whole: bool, picks: list[int]) -> None:
        if (at := self.at(who, name)) is not None:
            uids = self.some(at[1], picks)
            wanted = [
                uid
                for uid, letter in at[1].letters.items()
                if "\\Deleted" in letter.flags and (whole or uid in uids)
            ]
            assert self.wait(at[0].expunge(None if whole else uids)) == wanted
            for uid in wanted:
                del at[1].letters[uid]

    @rule(who=st.integers(0, 1), name=NAMES)
    def remove_highest(self, who: int, name: str) -> None:
        """The one whose UID must never come again."""
        if (at := self.at(who, name)) is not None and at[1].letters:
            highest = max(at[1].letters)
            assert self.wait(at[0].remove([highest])) == [highest]
            del at[1].letters[highest]

    @rule(
        who=st.integers(0, 1),
        name=NAMES,
        to=NAMES,
        move=st.booleans(),
        picks=st.lists(PICK, min_size=1, max_size=3),
    )
    def copy_or_move(self, who: int, name: str, to: str, move: bool, picks: list[int]) -> None:
        if (at := self.at(who, name)) is None:
            return
        uids = self.some(at[1], picks)
        work = at[0].move if move else at[0].copy
        if to not in self.boxes:
            if uids or not move:
                with pytest.raises(MailboxMissing):
                    self.wait(work(uids, to))
            return
        copied = self.wait(work(uids, to))
        assert [old for old, _ in copied.pairs] == uids
        target = self.boxes[to]
        if target.identity is not None:
            assert copied.uidvalidity == target.identity[1]
        for old, new in copied.pairs:
            target.put(new, at[1].letters[old].again())
            if move:
                del at[1].letters[old]

    @rule(name=NAMES)
    def a_phone_comes_by(self, name: str) -> None:
        """RFC 7162 §3.1.4: from then on it asks for what has a higher MODSEQ."""
        if (at := self.at(0, name)) is not None:
            at[1].synced = (at[0].modseq, {uid: letter.flags for uid, letter in at[1].letters.items()})
            at[1].rebuilt = False

    # ---- folders

    def below(self, name: str) -> list[str]:
        return [each for each in self.boxes if each == name or each.startswith(name + "/")]

    @rule(who=st.integers(0, 1), name=NAMES)
    def create(self, who: int, name: str) -> None:
        work = self.stores[who].account(TARO).create(name)
        if name in self.boxes:
            with pytest.raises(MailboxExists):
                self.wait(work)
        else:
            self.wait(work)
            self.boxes[name] = Box()

    @rule(who=st.integers(0, 1), name=NAMES)
    def delete(self, who: int, name: str) -> None:
        work = self.stores[who].account(TARO).delete(name)
        if name == "INBOX":
            with pytest.raises(MailboxProtected):
                self.wait(work)
        elif name not in self.boxes:
            with pytest.raises(MailboxHasChildren if self.below(name) else MailboxMissing):
                self.wait(work)
        else:
            self.wait(work)
            del self.boxes[name]

    @rule(who=st.integers(0, 1), old=NAMES, new=NAMES)
    def rename(self, who: int, old: str, new: str) -> None:
        work = self.stores[who].account(TARO).rename(old, new)
        error: type[Exception] | None = None
        if new == "INBOX" or (old == "INBOX" and new in self.boxes):
            error = MailboxExists
        elif new.startswith(old + "/"):
            error = NameRefused
        elif old != "INBOX" and not self.below(old):
            error = MailboxMissing
        elif old != "INBOX" and self.below(new):
            error = MailboxExists
        if error is not None:
            with pytest.raises(error):
                self.wait(work)
            return
        self.wait(work)
        if old != "INBOX":
            for name in self.below(old):
                self.boxes[new + name[len(old) :]] = self.boxes.pop(name)
            return
        box = self.boxes[new] = Box()  # RFC 9051 §6.3.6: INBOX stays, its messages go
        for number, (_, letter) in enumerate(sorted(self.boxes["INBOX"].letters.items()), 1):
            box.put(number, letter)
        self.boxes["INBOX"].letters.clear()

    @rule()
    def account_deleted_and_made_again(self) -> None:
        remove_mail(self.data, TARO)
        self.new_account()
        self.clients = [{}, {}]

    # ---- what happens to the files

    @rule(all_of_it=st.booleans())
    def lose_the_index(self, all_of_it: bool) -> None:
        lose_index(self.data)
        for box in self.boxes.values():
            box.rebuilt = True
        for file in folder_of(self.data).parent.glob("index.sqlite*") if all_of_it else ():
            file.unlink()

    @rule(who=st.integers(0, 1))
    def process_starts_again(self, who: int) -> None:
        self.wait(self.stores[who].close())
        self.stores[who] = self.wait(Store.open(self.settings, self.clock))
        self.clients[who] = {}

    @rule(by=st.sampled_from([-1_000_000.0, -1.0, 5.0, 200_000.0]))
    def clock_is_set(self, by: float) -> None:
        self.clock.now += by

    @precondition(lambda self: folder_of(self.data).exists())
    @rule(
        name=NAMES,
        files=st.lists(
            st.tuples(
                st.booleans(), st.sampled_from(["", ",S=3", ",U=1", ",S=2,U=7,W=9"]), st.integers(0, 2)
            ),
            min_size=1,
            max_size=3,
        ),
    )
    def another_program_puts_files_in(self, name: str, files: list[tuple[bool, str, int]]) -> None:
        """They get their UIDs in the order of their times, and of their names where those are the same."""
        folder = folder_of(self.data, name)
        if name not in self.boxes or not folder.exists():
            return
        found = []
        for seen, theirs, second in files:
            text, date = self.text(), 1_700_000_000 + second
            temporary = folder / "tmp" / f"{self.texts:06}.P1.host{theirs}"
            temporary.write_bytes(text.replace(b"\r\n", b"\n") if seen else text)
            os.utime(temporary, (date, date))
            place = folder / "cur" / f"{temporary.name}:2,S" if seen else folder / "new" / temporary.name
            temporary.rename(place)
            found.append((date, place.name, Letter(text, frozenset({"\\Seen"}) if seen else NONE, date)))
        self.boxes[name].strangers = [letter for _, _, letter in sorted(found, key=lambda each: each[:2])]

    @precondition(lambda self: folder_of(self.data).exists())
    @rule(name=NAMES, pick=PICK, gone=st.booleans())
    def another_program_flags_or_deletes(self, name: str, pick: int, gone: bool) -> None:
        folder = folder_of(self.data, name)
        files = files_in(folder) if name in self.boxes and folder.exists() else []
        files = [file for file in files if ",U=" in file.name and ".KW" in file.name]
        if files:
            file = files[pick % len(files)]
            uid = filename.parse(file.name).uid or 0
            if gone:
                file.unlink()
                del self.boxes[name].letters[uid]
            else:
                file.rename(folder / "cur" / (file.name.partition(":")[0] + ":2,F"))
                self.boxes[name].letters[uid].flags = frozenset({"\\Flagged"})

    # ---- what must be so after each step

    @invariant()
    def both_clients_see_what_the_model_says(self) -> None:
        for who in range(2):
            names = {
                info.name for info in self.wait(self.stores[who].account(TARO).mailboxes()) if info.selectable
            }
            assert names == self.boxes.keys()
            for name in self.clients[who].keys() - self.boxes.keys():
                del self.clients[who][name]
            for name, box in self.boxes.items():
                self.see(who, name, box)
            use = self.wait(self.stores[who].account(TARO).quota())
            letters = [letter for box in self.boxes.values() for letter in box.letters.values()]
            assert (use.bytes, use.messages) == (sum(len(each.text) for each in letters), len(letters))

    def see(self, who: int, name: str, box: Box) -> None:
        mailbox = self.mailbox(who, name)
        assert mailbox is not None
        self.wait(mailbox.refresh())
        if mailbox.gone or mailbox.name != name:
            mailbox = self.mailbox(who, name)
            assert mailbox is not None and mailbox.name == name
            self.wait(mailbox.refresh())
        client = self.clients[who][name]
        client.follow()
        assert tuple(client.flags) == mailbox.uids == tuple(sorted(mailbox.rows))
        self.number(mailbox, box)
        assert client.flags == {uid: letter.flags for uid, letter in box.letters.items()}
        for uid, letter in box.letters.items():
            self.compare(mailbox.rows[uid], letter)
        assert self.read(mailbox) == {uid: letter.text for uid, letter in box.letters.items()}
        if box.synced is not None:
            modseq, flags = box.synced
            news = {uid for uid, letter in box.letters.items() if flags.get(uid) != letter.flags}
            assert news <= {uid for uid, row in mailbox.rows.items() if row.modseq > modseq}
            born = {uid for uid, row in mailbox.rows.items() if row.born > modseq}
            arrived = mailbox.rows.keys() - flags.keys()
            assert born >= arrived if box.rebuilt else born == arrived, "by a move, a copy, or however"
        assert mailbox.uidnext > box.highest
        assert mailbox.modseq >= box.modseq >= 0
        assert all(row.modseq <= mailbox.modseq for row in mailbox.rows.values())
        box.modseq = mailbox.modseq

    def number(self, mailbox: Mailbox, box: Box) -> None:
        """Who it is; and the UID of a message that another program put in."""
        identity = (mailbox.mailboxid, mailbox.uidvalidity)
        if box.identity is None:
            assert self.validities.setdefault(mailbox.uidvalidity, mailbox.mailboxid) == mailbox.mailboxid
            assert mailbox.uidvalidity == max(self.validities) or mailbox.name in ("INBOX", *SPECIAL)
            box.identity = identity
        assert box.identity == identity
        for uid, found in zip(sorted(mailbox.rows.keys() - box.letters.keys()), box.strangers, strict=True):
            box.put(uid, found)
        box.strangers = []

    def compare(self, row: Row, letter: Letter) -> None:
        assert row.size == len(letter.text)
        assert row.date == letter.date or letter.date == int(self.clock.now)
        letter.date = row.date
        letter.emailid = letter.emailid or row.base
        assert row.base == letter.emailid

    def read(self, mailbox: Mailbox) -> dict[int, bytes]:
        messages = self.wait(mailbox.messages(mailbox.uids))
        return {uid: each.read() for uid, each in zip(mailbox.uids, messages, strict=True) if each}


def test_two_clients_see_what_a_plain_model_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maildir, "SPECIAL_MAILBOXES", SPECIAL)  # fewer folders, more histories
    monkeypatch.setattr(history, "REMEMBERED", 2)  # so that most clients ask for what is forgotten
    monkeypatch.setattr(packed, "FEW", 1)  # so that every process that starts finds packed rows
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES or 12,
            stateful_step_count=30,
            deadline=None,
            derandomize=not HISTORIES,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
