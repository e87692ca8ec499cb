"""Mail by folder and age: what is counted is what is deleted, and what came meanwhile stays."""

from pathlib import Path

import pytest

from storage import mailbox, tree
from storage.account_files import AccountFiles
from storage.appending import Appended
from storage.errors import MailboxMissing
from storage.mail_data import Old, folders_in_use, old
from storage.message import Message
from tests.alone import append

DAY = 86_400
NOW = 1_800_000_000


@pytest.fixture
def account(tmp_path: Path) -> AccountFiles:
    files = AccountFiles(tmp_path, "taro@example.test", lambda: float(NOW))
    with files.reading():
        pass
    return files


def put(account: AccountFiles, name: str, *ages: int) -> None:
    """Messages of 30 octets each, so many days old."""
    text = b"Subject: x\r\n\r\n" + b"y" * 16
    append(account, name, [Appended(Message.of(text), frozenset(), NOW - age * DAY) for age in ages])


def test_use_of_each_folder(account: AccountFiles) -> None:
    put(account, "INBOX", 400, 10, 0)
    tree.create(account, "仕事/2026")
    put(account, "仕事/2026", 5)
    use = {each.name: each for each in folders_in_use(account)}
    assert next(iter(use)) == "INBOX"
    assert (use["INBOX"].messages, use["INBOX"].octets) == (3, 90)
    assert (use["INBOX"].oldest, use["INBOX"].newest) == (NOW - 400 * DAY, NOW)
    assert (use["仕事/2026"].messages, use["仕事/2026"].octets) == (1, 30)
    assert (use["Trash"].messages, use["Trash"].oldest, use["Trash"].special_use) == (0, None, "\\Trash")
    assert "仕事" not in use  # a bare parent holds nothing


def test_what_is_counted_is_what_is_deleted(account: AccountFiles) -> None:
    put(account, "INBOX", 400, 100, 31, 30, 1)
    found = old(account, "INBOX", NOW - 30 * DAY)
    assert (len(found.uids), found.octets) == (3, 90)
    put(account, "INBOX", 0)
    for piece in found.pieces(2):
        assert len(mailbox.expunge(account, "INBOX", piece, flagged_only=False)) == len(piece)
    (inbox,) = [each for each in folders_in_use(account) if each.name == "INBOX"]
    assert (inbox.messages, inbox.oldest) == (3, NOW - 30 * DAY)
    assert old(account, "INBOX", NOW - 30 * DAY) == Old("INBOX", 0, ())
    assert len(old(account, "INBOX", None).uids) == 3


def test_what_another_program_left_counts(account: AccountFiles) -> None:
    put(account, "INBOX", 1)
    (account.maildir / "new" / "1.other.host").write_bytes(b"Subject: z\r\n\r\n")
    assert len(old(account, "INBOX", None).uids) == 2


def test_a_folder_that_is_not_there(account: AccountFiles) -> None:
    with pytest.raises(MailboxMissing):
        old(account, "nowhere", None)
