"""A Maildir as Dovecot 2.3 writes it becomes an account's: what a mail program knew of it stays true."""

import bz2
import gzip
import lzma
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import dovecot, records, tree
from storage.account_files import AccountFiles

TARO = "taro@example.test"
TEXT = b"From: a@b.test\nSubject: x\n\ntext\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """INBOX with UIDs 2 and 3 and one that Dovecot has not seen, and a mailbox in Japanese."""
    source = tmp_path / "old"
    folder = source / ".&TxqLcA-.2024"
    for each in (source, folder):
        for place in ("cur", "new", "tmp"):
            (each / place).mkdir(parents=True)
    put(source / "cur/1795439156.M373421P19832.vm,S=54,W=59:2,FSab")
    put(source / "new/1795439156.M648819P19835.vm,S=54,W=59")
    put(source / "new/1795439160.M1P1.vm")
    put(folder / "cur/1795439157.M151440P19840.vm,S=29,W=33:2,S")
    (source / "dovecot-uidlist").write_text(
        "3 V1795439156 N4 Gcef10b0b343a046b764d000083ecc375\n"
        "2 :1795439156.M373421P19832.vm,S=54,W=59\n3 W59 :1795439156.M648819P19835.vm,S=54,W=59\n"
    )
    (folder / "dovecot-uidlist").write_text(
        "3 V1795439999 N78 Gx\n77 :1795439157.M151440P19840.vm,S=29,W=33:2,S\n"
    )
    (source / "dovecot-keywords").write_text("0 $Forwarded\n1 Work\n")
    (source / "subscriptions").write_text("V\t2\n\n&TxqLcA-\t2024\nGone\n")
    return source


def put(path: Path) -> None:
    path.write_bytes(TEXT)
    os.utime(path, (1_700_000_000, 1_700_000_000))


@pytest.fixture
def files(tmp_path: Path) -> Iterator[AccountFiles]:
    with closing(AccountFiles(tmp_path / "data", TARO)) as files:
        yield files


def found(files: AccountFiles) -> dict[str, list[tuple[int, str, int]]]:
    with files.reading() as db:
        return {
            name: [(row.uid, row.flags, row.date) for row in records.read_rows(db, files.folder(db, name).id)]
            for name in ("INBOX", "会議/2024")
        }


def test_uids_flags_and_dates_stay(source: Path, files: AccountFiles) -> None:
    before = sorted(path for path in source.rglob("*"))
    assert dovecot.bring(source, files.dir).messages == 4
    date = 1_700_000_000
    expected = {"INBOX": [(2, "FSab", date), (3, "", date), (4, "", date)], "会議/2024": [(77, "S", date)]}
    files.rebuild()
    assert found(files) == expected
    files.rebuild()
    assert found(files) == expected
    with files.reading() as db:
        inbox, meeting = files.folder(db, "INBOX"), files.folder(db, "会議/2024")
    assert (inbox.uidvalidity, inbox.keywords) == (1_795_439_156, ("$Forwarded", "Work"))
    assert (meeting.uidvalidity, meeting.uidnext >= 78) == (1_795_439_999, True)
    assert inbox.description().uid_first and not meeting.description().uid_first
    assert tree.subscriptions(files) == {"INBOX", "会議/2024"}
    assert sorted(path for path in source.rglob("*")) == before


def test_mail_that_is_there_is_not_touched(source: Path, files: AccountFiles) -> None:
    dovecot.bring(source, files.dir)
    with pytest.raises(dovecot.NotBrought, match="is there already"):
        dovecot.bring(source, files.dir)


def test_what_is_no_maildir_and_what_has_no_name_here(
    source: Path, files: AccountFiles, tmp_path: Path
) -> None:
    with pytest.raises(dovecot.NotBrought, match="is no Maildir"):
        dovecot.bring(tmp_path, files.dir)
    (source / ".&AAA-" / "cur").mkdir(parents=True)
    with pytest.raises(dovecot.NotBrought, match="cannot be called"):
        dovecot.bring(source, files.dir)
    assert not (files.dir / "Maildir").exists()
    (source / ".&AAA-" / "cur").rmdir()
    (source / ".&AAA-").rmdir()
    assert dovecot.bring(source, files.dir).messages == 4


PACKED = {
    "gzip": gzip.compress(TEXT),
    "bzip2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
}


@pytest.mark.parametrize("how", PACKED)
def test_what_the_zlib_plugin_compressed_is_a_message_again(
    how: str, source: Path, files: AccountFiles
) -> None:
    (source / "new/1795439160.M1P1.vm").write_bytes(PACKED[how])
    dovecot.bring(source, files.dir)
    assert [path.read_bytes() for path in (files.maildir / "new").iterdir()] == [TEXT, TEXT]


@pytest.mark.parametrize(
    ("begin", "why"),
    [
        (b"\x28\xb5\x2f\xfd..", "zstd"),
        (b"CRYPTED\x03\x07..", "encrypted"),
        (PACKED["gzip"][:20], "damaged"),
    ],
    ids=["zstd", "mail-crypt", "half of a gzip"],  # gzip writes the time
)
def test_a_message_that_cannot_be_read_is_named(
    begin: bytes, why: str, source: Path, files: AccountFiles
) -> None:
    file = source / "new/1795439160.M1P1.vm"
    file.write_bytes(begin)
    with pytest.raises(dovecot.NotBrought, match=f"{re.escape(str(file))} is .*{why}"):
        dovecot.bring(source, files.dir)
    assert not list(files.dir.glob("*"))


@pytest.mark.parametrize(
    ("folder", "why"),
    [("Work/2024", "LAYOUT=fs"), (".INBOX", "both called INBOX"), (".inbox", "both called")],
)
def test_a_mailbox_that_would_be_left_behind_is_named(
    folder: str, why: str, source: Path, files: AccountFiles
) -> None:
    (source / folder / "cur").mkdir(parents=True)
    with pytest.raises(dovecot.NotBrought, match=why):
        dovecot.bring(source, files.dir)
    assert not files.dir.exists()


def test_mailboxes_that_are_downloaded_again_are_told(source: Path, files: AccountFiles) -> None:
    assert dovecot.bring(source, files.dir) == (4, 2, ())
    shutil.rmtree(files.maildir)
    (source / ".&TxqLcA-.2024/dovecot-uidlist").unlink()
    (source / ".Empty/cur").mkdir(parents=True)
    assert dovecot.bring(source, files.dir) == (4, 3, ("会議/2024",))
