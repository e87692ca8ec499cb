"""Small state: shared, its damage survived, and not root's where the service is not."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from storage.sharing import Sharing
from storage.state.panel import Panel
from storage.state.statedb import StateDb

SCRIPTS = ("CREATE TABLE note (text TEXT)",)


def notes(db: StateDb) -> list[str]:
    return [row[0] for row in db.query("SELECT text FROM note ORDER BY rowid")]


def add(db: StateDb, text: str) -> None:
    with db.transaction() as transaction:
        transaction.execute("INSERT INTO note VALUES (?)", (text,))


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    db = StateDb(tmp_path / "state" / "x.sqlite", SCRIPTS)
    add(db, "one")
    with pytest.raises(ZeroDivisionError), db.transaction() as transaction:
        transaction.execute("INSERT INTO note VALUES ('two')")
        _ = 1 / 0
    assert notes(db) == ["one"]


def test_ten_who_open_a_new_file_at_once_make_it_once(tmp_path: Path) -> None:
    ready = threading.Barrier(10)

    def work(number: int) -> None:
        ready.wait(60)
        add(StateDb(tmp_path / "x.sqlite", SCRIPTS), str(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(int, notes(StateDb(tmp_path / "x.sqlite", SCRIPTS)))) == list(range(10))


def test_who_opens_a_file_while_another_makes_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself does not, where both begin the write-ahead log."""
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("storage.state.statedb.BUSY_SECONDS", 0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            notes(StateDb(path, SCRIPTS))
        monkeypatch.undo()
        monkeypatch.setattr(time, "sleep", lambda _: other.execute("ROLLBACK"))
        assert notes(StateDb(path, SCRIPTS)) == []


def test_a_file_is_lifted_to_the_newest_version(tmp_path: Path) -> None:
    add(StateDb(tmp_path / "x.sqlite", SCRIPTS), "old")
    db = StateDb(tmp_path / "x.sqlite", (*SCRIPTS, "ALTER TABLE note ADD COLUMN at INTEGER DEFAULT 7"))
    assert db.query("SELECT text, at FROM note") == [("old", 7)]


def damage(path: Path) -> None:
    db = StateDb(path, SCRIPTS)
    with db.transaction() as transaction:
        transaction.executemany("INSERT INTO note VALUES (?)", [("x" * 1000,)] * 100)
    db.query("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    db.close()


def test_of_two_that_find_the_damage_the_second_leaves_alone_what_the_first_began(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    first, second = StateDb(path, SCRIPTS), StateDb(path, SCRIPTS)
    assert notes(first) == notes(second) == []
    damage(path)
    with pytest.raises(sqlite3.DatabaseError):
        first.query("SELECT count(text) FROM note")
    add(first, "anew")
    with pytest.raises(sqlite3.DatabaseError):  # it still has the old file open
        second.query("SELECT count(text) FROM note")
    assert notes(second) == ["anew"]
    assert len(list(tmp_path.glob("x.sqlite.damaged-*[0-9]"))) == 1
    first.close()
    second.close()


def test_a_file_that_cannot_be_looked_at_is_not_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.sqlite"
    first, second = StateDb(path, SCRIPTS), StateDb(path, SCRIPTS)
    assert notes(first) == notes(second) == []
    damage(path)
    with pytest.raises(sqlite3.DatabaseError):
        first.query("SELECT count(text) FROM note")
    add(first, "anew")

    def busy(_: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(second, "_set_up", busy)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            second.query("SELECT count(text) FROM note")
    assert notes(second) == ["anew"]
    first.close()
    second.close()


def test_damage_found_in_the_middle_costs_one_call(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    damage(path)
    another = StateDb(path, SCRIPTS)
    with pytest.raises(sqlite3.DatabaseError):
        another.query("SELECT count(text) FROM note")
    add(another, "anew")
    assert notes(another) == ["anew"]
    assert len(list(tmp_path.glob("x.sqlite.damaged-*[0-9]"))) == 1


def test_a_second_connection_of_a_process_leaves_the_first_its_locks(tmp_path: Path) -> None:
    """Else another process, when it closes, takes the log away, and what is written here is seen by nobody."""
    path = tmp_path / "x.sqlite"
    db = StateDb(path, SCRIPTS)
    add(db, "one")
    second = StateDb(path, SCRIPTS)
    assert notes(second) == ["one"]
    second.close()
    elsewhere = (
        "import contextlib, sqlite3, sys\n"
        "with contextlib.closing(sqlite3.connect(sys.argv[1], isolation_level=None)) as db:\n"
        "    db.execute('INSERT INTO note VALUES (?)', (sys.argv[2],))\n"
        "    print(*[text for (text,) in db.execute('SELECT text FROM note ORDER BY rowid')])\n"
    )

    def another_process(text: str) -> str:
        run = [sys.executable, "-c", elsewhere, str(path), text]
        return subprocess.run(run, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    assert another_process("two") == "one two"
    add(db, "three")
    assert another_process("four") == "one two three four"
    assert notes(db) == ["one", "two", "three", "four"]


def test_what_must_outlive_a_power_cut_is_fsynced(tmp_path: Path) -> None:
    """Who was let in or shut out, and by whom what was given."""
    panel = Panel(tmp_path, time.time)
    sharing = Sharing(tmp_path, None, None)  # type: ignore[arg-type]
    full = [(2,)]
    assert panel.db.query("PRAGMA synchronous") == sharing._db.query("PRAGMA synchronous") == full
    assert StateDb(tmp_path / "x.sqlite", SCRIPTS).query("PRAGMA synchronous") == [(1,)]
    panel.close()
    sharing.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_whom_the_data_belongs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12346)
    db = StateDb(data / "state" / "x.sqlite", SCRIPTS)
    add(db, "x")
    made = [data / "state", *(data / "state").iterdir()]
    assert len(made) == 4
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(12345, 12346)}
    assert {path.stat().st_mode & 0o077 for path in made} == {0}


def test_as_many_pages_stay_in_memory_as_are_said(tmp_path: Path) -> None:
    db = StateDb(tmp_path / "small.sqlite", SCRIPTS, pages=64)
    assert db.query("PRAGMA cache_size") == [(-64,)]
    db.close()
