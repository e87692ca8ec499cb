"""The full-text index finds what a scan of the messages finds, no less and no more, whatever state it is in."""

import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.account_files import AccountFiles
from storage.columns import Columns
from storage.look import look, name_of
from storage.mailbox import expunge, move
from storage.mime.text import fold
from storage.records import transaction
from storage.rows import Row
from storage.search import fulltext
from storage.search.feed import feed
from storage.search.find import Finder, Said
from storage.search.words import query, tokens
from tests.unit.storage.mime.test_parts import HOSTILE

ADDRESS = "taro@example.test"

TEXT = st.text(alphabet='会議請求書ガｶﾞがﾞー々〇ab1AＡ.@- \r\n\t\u3000\x00\x1f\x7f😀한글Яé"*', max_size=30)
NEEDLE = st.text(alphabet='会議請求書ガｶﾞー〇abA1.@- 😀한글é"*', min_size=1, max_size=6)


@given(TEXT, st.data())
def test_a_text_has_the_tokens_of_every_piece_of_it(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    start = data.draw(st.integers(0, len(folded)))
    stop = data.draw(st.integers(start, len(folded)))
    asked = query(folded[start:stop])
    if asked is None:
        return
    found = tokens(folded)
    for one in asked.split(" AND "):
        token = one.rstrip("*")[1:-1].replace('""', '"')
        if one.endswith("*"):
            assert any(word.startswith(token) for word in found)
        else:
            assert token in found


@pytest.mark.parametrize(
    ("needle", "asked"),
    [
        ("会議", '"会議"'),
        ("請求書", '"請求" AND "求書"'),
        ("ガ", '"ガ"*'),
        ("invoice", '"inv" AND "nvo" AND "voi" AND "oic" AND "ice"'),
        ("第3回", '"第"* AND "回"*'),
        ("会議 abc", '"会議" AND "abc"'),
        ("ab", None),
        ("a b c", None),
        ('a"b', '"a""b"'),
    ],
)
def test_query(needle: str, asked: str | None) -> None:
    assert query(needle) == asked


def mail(subject: str, body: str) -> bytes:
    head = "From: a@example.test\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return f"{head}Subject: {subject}\r\n\r\n{body}".encode()


def scan(messages: dict[int, bytes], question: Said) -> set[int]:
    """What is found without an index: by what a search reads of each message."""
    from imap.search import Scope, confirm
    from imap.search_grammar import Program, Text
    from storage.message import Message

    rows = Columns.of(
        Row(uid, f"m{uid}", "", 1, len(data), 0, 1, "", True, False) for uid, data in messages.items()
    )
    program = Program(Text(question.text, question.with_header))
    scope = Scope(tuple(messages), rows, (), 0, 0)
    return set(confirm(program, scope, [(uid, Message.of(data)) for uid, data in messages.items()]).found)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.builds(mail, TEXT.map(lambda text: fold(text)), TEXT) | HOSTILE, min_size=1, max_size=5),
    st.lists(NEEDLE, min_size=1, max_size=4),
    st.integers(0, 5),
)
def test_the_index_finds_what_a_scan_finds(drawn: list[bytes], needles: list[str], taken_in: int) -> None:
    messages = dict(enumerate(drawn, 1))
    questions = [Said(text, head) for needle in needles if (text := fold(needle)) for head in (True, False)]
    rows = [Row(uid, f"m{uid}", "", 1, len(data), 0, 1, "", True, False) for uid, data in messages.items()]
    with tempfile.TemporaryDirectory() as folder:
        with closing(fulltext.open_for_writing(Path(folder))) as db, transaction(db):
            fulltext.add(db, {f"m{uid}": fulltext.read(messages[uid]) for uid in list(messages)[:taken_in]})
        found = Finder().find(Path(folder), Columns.of(rows).all(), questions)
    for question, one in zip(questions, found, strict=True):
        assert one.unknown == frozenset(list(messages)[taken_in:])
        assert one.found == scan(messages, question) - one.unknown


class Account:
    """An account on the disk, written to as another program would."""

    def __init__(self, folder: Path) -> None:
        self.files = AccountFiles(folder, ADDRESS)
        with self.files.writing():
            pass
        self.finder = Finder()
        self._count = 0

    def put(self, *messages: bytes, mailbox: str = "") -> None:
        for data in messages:
            self._count += 1
            (self.files.maildir / mailbox / "new" / f"1700000000.m{self._count}.host").write_bytes(data)

    def rows(self, name: str = "INBOX") -> list[Row]:
        with self.files.reading() as db:
            mailboxid = db.execute("SELECT mailboxid FROM mailboxes WHERE name = ?", (name,)).fetchone()[0]
            assert name_of(db, mailboxid) == name
        loaded = look(self.files, mailboxid, -1)
        assert loaded is not None
        return loaded.rows

    def find(self, text: str, name: str = "INBOX", with_header: bool = True) -> tuple[set[int], set[int]]:
        part = Columns.of(self.rows(name)).all()
        (found,) = self.finder.find(self.files.dir, part, [Said(fold(text), with_header)])
        return set(found.found), set(found.unknown)


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path)


def test_what_is_not_there_is_not_known(account: Account) -> None:
    account.put(mail("会議", "x"))
    assert account.find("会議") == (set(), {1})


def test_messages_are_taken_in_some_at_a_time(account: Account) -> None:
    account.put(*(mail(f"会議{number}", "資料") for number in range(7)))
    account.rows()
    assert feed(account.files, most=3).more
    assert account.find("会議") != (set(range(1, 8)), set())
    while feed(account.files, most=3).more:
        pass
    assert account.find("会議") == (set(range(1, 8)), set())
    assert account.find("資料", with_header=False) == (set(range(1, 8)), set())
    assert account.find("会議", with_header=False) == (set(), set())
    assert feed(account.files).taken == 0
    account.put(mail("遅れた会議", "x"))
    assert account.find("会議") == (set(range(1, 8)), {8})
    assert feed(account.files).taken == 1
    assert account.find("れた") == ({8}, set())


def test_a_turn_does_not_begin_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a lost index all rows have one MODSEQ: a hundred thousand are not looked at for each few."""
    account.put(*(mail(f"会議{number}", "資料") for number in range(40)))
    assert len({row.modseq for row in account.rows()}) == 1
    seen: list[str] = []
    known = fulltext.known

    def watched(db: sqlite3.Connection, bases: Iterable[str]) -> dict[str, tuple[int, bool]]:
        some = list(bases)
        seen.extend(some)
        return known(db, some)

    monkeypatch.setattr(fulltext, "known", watched)
    while feed(account.files, most=3).more:
        pass
    assert len(seen) <= 2 * 40
    assert account.find("会議") == (set(range(1, 41)), set())


def test_a_mailbox_of_an_earlier_time_is_taken_in_again(account: Account) -> None:
    """A backup of the messages was put back, and not of this file, which has seen more, and forgotten some."""
    account.put(*(mail(f"会議{number}", "資料") for number in range(5)))
    row = account.rows()[2]
    assert feed(account.files).taken == 5
    with closing(fulltext.open_for_writing(account.files.dir)) as db, transaction(db):
        fulltext.forget(db, [row.base])
        db.execute("UPDATE progress SET modseq = modseq + 1000000")
    assert account.find("会議") == ({1, 2, 4, 5}, {3})
    assert feed(account.files).taken == 1
    assert account.find("会議") == ({1, 2, 3, 4, 5}, set())


def test_time_ends_a_turn(account: Account) -> None:
    account.put(*(mail("x", "y") for _ in range(300)))
    account.rows()
    times = iter(range(1000))
    fed = feed(account.files, most=1000, seconds=1, clock=lambda: float(next(times)))
    assert fed.more and 0 < fed.taken < 300


def test_moving_costs_nothing_and_is_found(account: Account) -> None:
    account.put(mail("会議", "x"), mail("昼食", "x"))
    account.rows()
    feed(account.files)
    move(account.files, "INBOX", [1], "Archive")
    assert account.find("会議", "Archive") == ({1}, set())
    assert feed(account.files).taken == 0


def test_what_passes_through_leaves_nothing_behind(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox may be loaded for months: what was once looked for in it is not remembered as long."""
    monkeypatch.setattr("storage.search.find.SPARE", 2)
    for turn in range(6):
        account.put(mail("会議", "x"), mail("昼食", "x"), mail("会議", "x"))
        account.rows()
        feed(account.files)
        first = 3 * turn + 1
        assert account.find("会議") == ({first, first + 2}, set())
        assert len(account.finder._numbers) <= 2 * 3 + 2
        expunge(account.files, "INBOX", [first, first + 1, first + 2], flagged_only=False)


def test_what_is_no_more_is_forgotten(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.search.feed.SURPLUS", 0)
    account.put(*(mail(f"会議{number}", "x" * 40_000) for number in range(6)))
    account.rows()
    feed(account.files)
    expunge(account.files, "INBOX", [1, 2, 3, 4], flagged_only=False)
    assert feed(account.files, most=3).more
    assert not feed(account.files, most=3).more
    with closing(fulltext.open_for_writing(account.files.dir)) as db:
        assert db.execute("SELECT COUNT(*) FROM texts").fetchone() == (2,)
        assert db.execute("SELECT COUNT(*) FROM words WHERE words MATCH ?", ('"会議"',)).fetchone() == (2,)
        db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    assert account.find("会議") == ({5, 6}, set())


def test_made_afresh_where_it_is_deleted_damaged_or_old(account: Account) -> None:
    account.put(mail("会議", "x"))
    account.rows()
    for spoil in ("delete", "damage", "old"):
        feed(account.files)
        assert account.find("会議") == ({1}, set())
        path = account.files.dir / fulltext.FILE
        if spoil == "delete":
            fulltext.remove(account.files.dir)
        elif spoil == "damage":
            path.write_bytes(b"not a database at all" * 100)
        else:
            with closing(sqlite3.connect(path)) as db:
                db.execute("PRAGMA user_version = 0")
        assert account.find("会議") == (set(), {1})
    assert feed(account.files).taken == 1
    assert fulltext.count(account.files.dir) == 1
    assert fulltext.size(account.files.dir) > 0


def test_what_is_remembered_of_an_index_is_not_believed_of_the_next_one(account: Account) -> None:
    """Which may well have the same inode, and takes the messages in in another order, and not all at once."""
    account.put(*(mail(f"会議{number}", "x") for number in range(6)))
    account.rows()
    feed(account.files)
    assert account.find("会議") == ({1, 2, 3, 4, 5, 6}, set())
    for _ in range(10):
        path = account.files.dir / fulltext.FILE
        inode = path.stat().st_ino
        fulltext.remove(account.files.dir)
        with closing(fulltext.open_for_writing(account.files.dir)):
            pass
        assert account.find("会議") == (set(), {1, 2, 3, 4, 5, 6})
        feed(account.files)
        assert account.find("会議") == ({1, 2, 3, 4, 5, 6}, set())
        if path.stat().st_ino == inode:
            return
    pytest.skip("this file system does not use an inode again")


def test_of_a_very_long_text_its_file_has_the_last_word(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fulltext, "KEPT", 200)
    account.put(mail("会議", "start " + "x " * 200 + " the end"))
    account.rows()
    feed(account.files)
    assert account.find("start") == ({1}, set())
    assert account.find("the end") == (set(), {1})


def test_a_message_that_went_meanwhile(account: Account) -> None:
    account.put(mail("一", "x"), mail("会議", "x"))
    assert len(account.rows()) == 2
    next(path for path in (account.files.maildir / "new").iterdir() if ",U=1" in path.name).unlink()
    assert feed(account.files).taken == 1
    assert account.find("会議")[0] == {2}


def test_the_index_gets_the_summaries_that_it_has_not(account: Account) -> None:
    account.put(mail("会議", "x"))
    account.rows()
    feed(account.files)
    with account.files.reading() as db:
        assert db.execute("SELECT subject FROM heads").fetchall() == [("会議",)]


def test_bodies_of_any_kind_are_read() -> None:
    html = "<p>会<b>議</b></p>"
    data = f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}".encode()
    assert "会議" in fulltext.read(data).body and "会<b>議" in fulltext.read(data).body


@given(HOSTILE)
def test_any_octets_are_read(data: bytes) -> None:
    document = fulltext.read(data)
    assert document.whole and "\n" not in document.head
