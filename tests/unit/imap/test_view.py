"""A client that believes every EXISTS, EXPUNGE and FETCH knows the mailbox, and its numbers never lie."""

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from imap.manner import PLAIN, Manner
from imap.place import Place
from imap.view import View
from storage.columns import Columns
from storage.rows import Changes, Row
from storage.selected import Mailbox

HERE = Place(cast(Any, None), "INBOX", "INBOX")


class Shelf:
    """A mailbox in memory that keeps a full history."""

    def __init__(self) -> None:
        self.uids: tuple[int, ...] = ()
        self._rows: dict[int, Row] = {}
        self.modseq = 1
        self.uidnext = 1
        self.keywords: tuple[str, ...] = ()
        self.keywords_full = False
        self.first_recent = 1
        self.gone = False
        self.left: list[tuple[int, int]] = []
        self.released = 0

    @property
    def rows(self) -> Columns:
        return Columns.of([self._rows[uid] for uid in sorted(self._rows)])

    def arrive(self) -> None:
        self.modseq += 1
        uid = self.uidnext
        self.uidnext += 1
        self._rows[uid] = Row(uid, "base", "", self.modseq, 10, 0, self.modseq, "appended", True, False)
        self.uids = (*self.uids, uid)

    def flag(self, at: int, letters: str) -> None:
        if self.uids:
            self.modseq += 1
            uid = self.uids[at % len(self.uids)]
            self._rows[uid] = self._rows[uid]._replace(flags=letters, modseq=self.modseq)

    def expunge(self, at: int) -> None:
        if self.uids:
            self.modseq += 1
            uid = self.uids[at % len(self.uids)]
            del self._rows[uid]
            self.uids = tuple(one for one in self.uids if one != uid)
            self.left.append((self.modseq, uid))

    def changes_since(self, modseq: int, _: Sequence[int]) -> Changes:
        rows = [self._rows[uid] for uid in self.uids]
        return Changes(
            tuple(row.uid for row in rows if row.born > modseq),
            tuple(row.uid for row in rows if row.born <= modseq < row.modseq),
            tuple(sorted(uid for at, uid in self.left if at > modseq)),
            self.modseq,
        )

    async def claim_recent(self) -> int:
        first, self.first_recent = self.first_recent, self.uidnext
        return first

    def release(self) -> None:
        self.released += 1

    def watch(self, _callback: Callable[[], None]) -> Callable[[], None]:
        raise AssertionError("nobody is idle here")


class Client:
    """What a mail program makes of the responses: flags by message sequence number."""

    def __init__(self, shelf: Shelf) -> None:
        self.flags: list[str | None] = [shelf.rows[uid].flags for uid in shelf.uids]
        self.texts: list[bytes] = []

    def hear(self, lines: list[bytes]) -> None:
        for line in b"".join(lines).split(b"\r\n")[:-1]:
            self.texts.append(line)
            match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH|RECENT)(.*)", line)
            assert match, line
            number = int(match[1])
            if match[2] == b"EXISTS":
                assert number > len(self.flags), "EXISTS never lowers the count (RFC 9051 §7.4.1)"
                self.flags += [None] * (number - len(self.flags))
            elif match[2] == b"EXPUNGE":
                assert 1 <= number <= len(self.flags)
                del self.flags[number - 1]
            elif match[2] == b"FETCH":
                letters = {b"\\Seen": "S", b"\\Flagged": "F"}
                found = sorted(letters[name] for name in re.findall(rb"\\Seen|\\Flagged", match[3]))
                self.flags[number - 1] = "".join(found)

    def fetch(self, view: View) -> None:
        """Ask for the flags of what is new."""
        for at, uid in enumerate(view.uids):
            row = view.mailbox.rows.get(uid)
            if self.flags[at] is None and row is not None:
                self.flags[at] = row.flags


def shelf_with(count: int) -> Shelf:
    shelf = Shelf()
    for _ in range(count):
        shelf.arrive()
    return shelf


def view_of(shelf: Any, writable: bool = True, first_recent: int = 1 << 40) -> View:
    return View(cast(Mailbox, shelf), writable, first_recent, HERE)


steps = st.lists(
    st.one_of(
        st.just(("arrive",)),
        st.tuples(st.just("flag"), st.integers(0, 20), st.sampled_from(["", "F", "S", "FS"])),
        st.tuples(st.just("expunge"), st.integers(0, 20)),
        st.tuples(st.just("tell"), st.booleans()),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 6), steps)
def test_a_client_that_believes_what_it_is_told_is_right(count: int, actions: list[tuple[Any, ...]]) -> None:
    shelf = shelf_with(count)
    view = view_of(shelf)
    client = Client(shelf)
    for action in actions:
        if action[0] == "tell":
            known = view.uids
            client.hear(view.updates(action[1], PLAIN))
            assert len(view.uids) == len(client.flags)
            if not action[1]:
                assert view.uids[: len(known)] == known, "no number moves while EXPUNGE may not be sent"
        else:
            getattr(shelf, action[0])(*action[1:])
        for number, uid in enumerate(view.uids, 1):
            assert view.number(uid) == number
    client.hear(view.updates(True, PLAIN))
    client.fetch(view)
    assert view.uids == shelf.uids
    assert client.flags == [shelf.rows[uid].flags for uid in shelf.uids]
    assert not view.moved
    assert view.updates(True, PLAIN) == []


def test_expunges_are_told_from_the_highest() -> None:
    shelf = shelf_with(5)
    view = view_of(shelf)
    for at in (0, 0, 2):
        shelf.expunge(at)
    assert view.updates(False, PLAIN) == []
    assert view.uids == (1, 2, 3, 4, 5)
    shelf.arrive()
    assert view.updates(False, PLAIN) == [b"* 6 EXISTS\r\n* 0 RECENT\r\n"]
    assert view.updates(True, PLAIN) == [b"* 5 EXPUNGE\r\n", b"* 2 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n"]
    assert view.uids is shelf.uids, "the shared tuple, not a copy"


def test_what_the_client_was_shown_is_not_told_again() -> None:
    shelf = shelf_with(2)
    view = view_of(shelf)
    shelf.flag(0, "S")
    view.told([(1, shelf.rows[1].modseq)])
    shelf.flag(1, "F")
    assert view.updates(True, PLAIN) == [b"* 2 FETCH (FLAGS (\\Flagged))\r\n"]
    shelf.flag(0, "S")
    view.told([(1, shelf.rows[1].modseq)])
    shelf.flag(0, "")
    assert view.updates(True, Manner(modseq=True), True) == [
        b"* 1 FETCH (FLAGS () UID 1 MODSEQ (%d))\r\n" % shelf.modseq
    ]


def test_new_keywords_are_named_before_they_are_used() -> None:
    shelf = shelf_with(1)
    view = view_of(shelf)
    shelf.keywords = ("Work",)
    shelf.flag(0, "a")
    assert view.updates(True, PLAIN) == [
        b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)\r\n",
        b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work \\*)] Kept\r\n",
        b"* 1 FETCH (FLAGS (Work))\r\n",
    ]
    shelf.keywords_full = True
    assert b"\\*" not in view.permanent_flags()


async def test_recent() -> None:
    shelf = shelf_with(2)
    first = await View.open(cast(Mailbox, shelf), True, HERE)
    second = await View.open(cast(Mailbox, shelf), True, HERE)
    assert (first.count_recent(), second.count_recent()) == (2, 0)
    shelf.arrive()
    assert first.updates(True, PLAIN) == [b"* 3 EXISTS\r\n* 3 RECENT\r\n"]
    assert second.updates(True, PLAIN) == [b"* 3 EXISTS\r\n* 1 RECENT\r\n"]
    await first.close()
    third = await View.open(cast(Mailbox, shelf), True, HERE)
    assert third.count_recent() == 0
    assert shelf.released == 1


async def test_looking_read_only_claims_nothing() -> None:
    shelf = shelf_with(2)
    looker = await View.open(cast(Mailbox, shelf), False, HERE)
    assert looker.count_recent() == 2
    shelf.arrive()
    looker.updates(True, PLAIN)
    await looker.close()
    assert (await View.open(cast(Mailbox, shelf), True, HERE)).count_recent() == 3


def test_nobody_is_said_to_know_what_was_not_told() -> None:
    """RFC 7162 §3.2.8: with the HIGHESTMODSEQ of CLOSE a client would never ask for it again."""
    for change in (Shelf.arrive, lambda shelf: shelf.flag(0, "S"), lambda shelf: shelf.expunge(0)):
        shelf = Shelf()
        shelf.arrive()
        shelf.arrive()
        view = View(cast(Mailbox, shelf), True, 1, HERE)
        shelf.expunge(0)
        assert view.knows_all_but([1]) and not view.knows_all_but([])
        change(shelf)
        assert not view.knows_all_but([1])
