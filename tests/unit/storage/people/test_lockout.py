"""Three counts of failures and the locks they bring about."""

import sqlite3
from pathlib import Path

import pytest

from config.settings import Auth
from storage.people.lockout import KNOWN_FOR, MOST_FAILURES, Lockout, network

TARO, HANAKO = "taro@example.test", "hanako@example.test"
OFFICE, ABROAD = "192.0.2.7", "198.51.100.9"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of a hundred guesses have the same 16 bits now and then; under this key these here do not."""
    monkeypatch.setattr("storage.people.lockout.secrets.token_bytes", lambda octets: b"k" * octets)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lockout(tmp_path: Path, clock: Clock) -> Lockout:
    return Lockout(tmp_path / "state", Auth(), clock)


def guess(lockout: Lockout, account: str, peer: str, times: int, word: str = "guess") -> None:
    for number in range(times):
        lockout.failed(account, peer, f"{word}{number}")


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", "local"),
        ("::1", "local"),
        ("::ffff:127.0.0.1", "local"),
        ("", "local"),
    ],
)
def test_what_counts_as_one_address(peer: str, expected: str) -> None:
    assert network(peer) == expected


def test_ten_wrong_passwords_lock_that_account_from_that_address_only(lockout: Lockout, clock: Clock) -> None:
    guess(lockout, TARO, ABROAD, 9)
    assert lockout.locked(TARO, ABROAD) is None
    made = lockout.failed(TARO, ABROAD, "the tenth")
    assert made is not None
    assert (made.kind, made.failures, made.until) == ("pair", 10, clock.now + 900)
    assert lockout.locked(TARO, ABROAD) == made
    assert lockout.locked(TARO, OFFICE) is None
    assert lockout.locked(HANAKO, ABROAD) is None


def test_a_lock_ends_by_itself_and_counting_starts_from_nothing(lockout: Lockout, clock: Clock) -> None:
    guess(lockout, TARO, ABROAD, 10)
    clock.now += 901
    assert lockout.locked(TARO, ABROAD) is None
    guess(lockout, TARO, ABROAD, 9, "again")
    assert lockout.locked(TARO, ABROAD) is None
    lockout.failed(TARO, ABROAD, "again, the tenth")
    assert lockout.locked(TARO, ABROAD) is not None


def test_lock_for_zero_ends_by_an_administrator_only(tmp_path: Path, clock: Clock) -> None:
    lockout = Lockout(tmp_path, Auth(lock_for=0), clock)
    guess(lockout, TARO, ABROAD, 10)
    clock.now += 10 * 365 * 86_400
    lock = lockout.locked(TARO, ABROAD)
    assert lock is not None
    assert lock.until is None
    assert lockout.unlock(TARO) == [lock]
    assert lockout.locked(TARO, ABROAD) is None


def test_a_phone_with_an_old_password_locks_nobody_out(lockout: Lockout, clock: Clock) -> None:
    for number in range(500):
        lockout.failed(TARO, OFFICE, "last year's")
        lockout.failed(TARO, f"203.0.113.{number % 250}", "last year's")  # and on its way
        clock.now += 5
    assert lockout.locks() == []


def test_failures_of_long_ago_do_not_count(lockout: Lockout, clock: Clock) -> None:
    for number in range(40):
        lockout.failed(TARO, ABROAD, f"guess{number}")
        clock.now += 401  # nine in an hour
    assert lockout.locks() == []


def test_a_success_forgets_the_pairs_failures(lockout: Lockout) -> None:
    guess(lockout, TARO, OFFICE, 9)
    lockout.succeeded(TARO, OFFICE, "imap")
    guess(lockout, TARO, OFFICE, 9, "later")
    assert lockout.locked(TARO, OFFICE) is None


def test_one_password_tried_on_many_accounts_locks_the_address(lockout: Lockout) -> None:
    for number in range(100):
        assert lockout.locked(TARO, ABROAD) is None
        lockout.failed(f"user{number}@example.test", ABROAD, "Summer2024")
    lock = lockout.locked(TARO, ABROAD)
    assert lock is not None
    assert lock.kind == "address"
    assert lockout.locked(TARO, OFFICE) is None


def test_ipv6_counts_by_64(lockout: Lockout) -> None:
    for number in range(10):
        lockout.failed(TARO, f"2001:db8:0:1::{number:x}", f"guess{number}")
    assert lockout.locked(TARO, "2001:db8:0:1:ffff::1") is not None
    assert lockout.locked(TARO, "2001:db8:0:2::1") is None


def test_a_proxy_on_this_machine_is_not_locked_for_everybody(lockout: Lockout) -> None:
    for number in range(150):
        lockout.failed(f"user{number}@example.test", "127.0.0.1", "Summer2024")
    assert lockout.locked(TARO, "127.0.0.1") is None
    guess(lockout, TARO, "127.0.0.1", 10)
    assert lockout.locked(TARO, "127.0.0.1") is not None


def test_many_machines_on_one_account_lock_it_where_it_is_not_known(lockout: Lockout, clock: Clock) -> None:
    lockout.succeeded(TARO, OFFICE, "imap")
    for number in range(100):
        lockout.failed(TARO, f"203.0.113.{number}", f"guess{number}")
    lock = lockout.locked(TARO, ABROAD)
    assert lock is not None
    assert lock.kind == "account"
    assert lockout.locked(TARO, OFFICE) is None
    assert lockout.locked(HANAKO, ABROAD) is None


def test_an_address_is_known_for_thirty_days(lockout: Lockout, clock: Clock) -> None:
    lockout.succeeded(TARO, OFFICE, "imap")
    clock.now += KNOWN_FOR + 1
    for number in range(100):
        lockout.failed(TARO, f"203.0.113.{number}", f"guess{number}")
    assert lockout.locked(TARO, OFFICE) is not None


def test_unlock_lets_in_again_also_from_an_address_that_is_locked(lockout: Lockout) -> None:
    for number in range(100):
        lockout.failed(TARO if number == 50 else f"user{number}@example.test", OFFICE, f"guess{number}")
    assert lockout.locked(TARO, OFFICE) is not None
    assert [lock.kind for lock in lockout.unlock(TARO)] == ["address"]
    assert lockout.locked(TARO, OFFICE) is None
    assert lockout.locks() == []


def test_who_is_known_is_locked_all_the_same_by_what_fails_from_there(lockout: Lockout) -> None:
    """Only the lock of the whole account is not for him."""
    lockout.succeeded(TARO, OFFICE, "imap")
    guess(lockout, TARO, OFFICE, 10)
    lock = lockout.locked(TARO, OFFICE)
    assert lock is not None and lock.kind == "pair"


def test_who_logged_in_thirty_days_ago_is_known_no_more_though_that_is_still_written(
    lockout: Lockout, clock: Clock
) -> None:
    lockout.succeeded(TARO, OFFICE, "imap")
    clock.now += KNOWN_FOR - 10
    for number in range(100):
        lockout.failed(TARO, f"203.0.113.{number}", f"guess{number}")
    assert lockout.locked(TARO, OFFICE) is None
    clock.now += 11
    lock = lockout.locked(TARO, OFFICE)
    assert lock is not None and lock.kind == "account"


def test_an_address_that_was_unlocked_begins_from_nothing(lockout: Lockout) -> None:
    for number in range(1000):
        if lockout.failed(f"u{number}@example.test", ABROAD, "one for all") is not None:
            break
    lockout.failed(TARO, ABROAD, "one for all")
    assert [lock.kind for lock in lockout.unlock(TARO)] == ["address"]
    assert lockout.failed(HANAKO, ABROAD, "one for all") is None


def test_counts_are_shared_by_processes(tmp_path: Path, clock: Clock) -> None:
    doors = [Lockout(tmp_path, Auth(), clock) for _ in range(3)]
    for number in range(10):
        doors[number % 3].failed(TARO, ABROAD, f"guess{number}")
        doors[(number + 1) % 3].failed(TARO, ABROAD, f"guess{number}")  # the same guess at another door
    assert all(door.locked(TARO, ABROAD) for door in doors)


def test_no_password_is_written_down(lockout: Lockout, tmp_path: Path) -> None:
    lockout.failed(TARO, ABROAD, "almost right 123")
    lockout.close()
    for file in (tmp_path / "state").iterdir():
        assert b"almost" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / "state" / "logins.sqlite") as connection:
        marks = [mark for (mark,) in connection.execute("SELECT mark FROM failure")]
    assert [len(mark) for mark in marks] == [2]


def test_last_logins_are_told_the_latest_first(lockout: Lockout, clock: Clock) -> None:
    lockout.succeeded(TARO, OFFICE, "imap")
    clock.now += 60
    lockout.succeeded(TARO, OFFICE, "imap")  # within the hour: not written again
    lockout.succeeded(TARO, ABROAD, "pop3")
    assert [(seen.net, seen.protocol, seen.at) for seen in lockout.seen(TARO)] == [
        (ABROAD, "pop3", clock.now),
        (OFFICE, "imap", clock.now - 60),
    ]
    lockout.forget(TARO)
    assert lockout.seen(TARO) == []


def test_the_table_is_bounded(lockout: Lockout, clock: Clock, tmp_path: Path) -> None:
    lockout.failed(TARO, ABROAD, "x")
    with sqlite3.connect(tmp_path / "state" / "logins.sqlite") as connection:
        connection.executemany(
            "INSERT INTO failure VALUES ('flood', ?, x'0000', ?)",
            ((str(number), clock.now - 1 + number * 1e-6) for number in range(MOST_FAILURES + 50)),
        )
    connection.close()
    guess(lockout, HANAKO, OFFICE, 5)  # five rows later than the flood
    Lockout(tmp_path / "state", Auth(), clock).failed(HANAKO, OFFICE, "a process that tidies first")
    with sqlite3.connect(tmp_path / "state" / "logins.sqlite") as connection:
        (count,) = connection.execute("SELECT count(*) FROM failure").fetchone()
        (kept,) = connection.execute("SELECT count(*) FROM failure WHERE account = ?", (HANAKO,)).fetchone()
    assert count <= MOST_FAILURES
    assert kept == 6


def test_a_damaged_state_file_is_put_aside(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "logins.sqlite").write_bytes(b"this is no database at all" * 100)
    lockout = Lockout(tmp_path, Auth(), clock)
    guess(lockout, TARO, ABROAD, 10)
    assert lockout.locked(TARO, ABROAD) is not None
    assert len(list(tmp_path.glob("logins.sqlite.damaged-*"))) == 1
