"""mv, rsync and mutt put mail into Maildirs; who has the mailbox selected sees it within 5 seconds.

Holds of DESIGN "Other programs": foreign changes appear within 5 s in a selected mailbox; LF files are served
and counted as CRLF, and never rewritten; another program's `U=` is not believed, also where it is that of a
message that was expunged. The clients are in IDLE, over the real IMAP door.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage import store
from storage.selected import Mailbox
from tests.clients.daemons import needs
from tests.clients.terminal import in_terminal
from tests.house import House
from tests.promises.world import TARO, files_in, folder_of

OLD = b"Subject: old\r\n\r\nwas here\r\n"
TEXT = b"From: a@b.test\nSubject: theirs\n\nline\nline\n"


@dataclass
class Client:
    """A plain IMAP client that reads line by line."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def idle(cls, house: House, mailbox: str) -> "Client":
        client = cls(*await asyncio.open_connection(*await house.imap()))
        await client.until(b"* OK")
        for command in ("login taro@example.test tarosecret", f"select {mailbox}"):
            await client.ask(command)
        client.writer.write(b"i idle\r\n")
        await client.until(b"+ ")
        return client

    async def until(self, word: bytes, wait: float = 60) -> bytes:
        """The next line with that word."""
        async with asyncio.timeout(wait):
            while word not in (line := await self.reader.readline()):
                assert line, f"the server left before it said {word!r}"
        return line

    async def ask(self, command: str) -> bytes:
        """A command's whole answer."""
        self.writer.write(b"a " + command.encode() + b"\r\n")
        answer = b""
        async with asyncio.timeout(60):
            while not (line := await self.reader.readline()).startswith(b"a "):
                assert line, answer
                answer += line
        assert line.startswith(b"a OK"), line
        return answer

    async def fetch_last(self) -> bytes:
        self.writer.write(b"done\r\n")
        await self.until(b"i OK")
        return await self.ask("fetch * (uid flags rfc822.size body.peek[])")


@pytest.fixture
async def clients(house: House) -> AsyncIterator[dict[str, Client]]:
    """One in each mailbox; a message lies in INBOX and in Archive."""
    for name in ("INBOX", "Archive"):
        await house.put("taro", name, OLD)
    clients = {name: await Client.idle(house, name) for name in ("INBOX", "Archive", "Junk")}
    yield clients
    for client in clients.values():
        client.writer.close()


async def run(*command: str | Path) -> None:
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)


async def by_mv(data: Path) -> None:
    """As a script would that follows the rules of Maildir."""
    folder = folder_of(data)
    (folder / "tmp" / "theirs").write_bytes(TEXT.replace(b"\n", b"\r\n"))
    await run("mv", folder / "tmp" / "theirs", folder / "cur" / "1700000000.M1P2.host,U=1:2,F")


async def by_rsync(data: Path, backup: Path) -> None:
    """From a backup of Dovecot's, with its names and LF line ends."""
    (backup / "cur").mkdir(parents=True)
    (backup / "cur" / f"1700000000.M2P2.host,S={len(TEXT)},W={len(TEXT) + 5}:2,S").write_bytes(TEXT)
    await run("rsync", "-a", f"{backup}/", folder_of(data, "Archive"))


async def by_mutt(data: Path, home: Path) -> None:
    """A person opens an mbox and saves its only message into the Maildir."""
    (home / "mbox").write_bytes(b"From a@b.test Mon Feb  2 10:00:00 2026\n" + TEXT + b"\n")
    (home / "rc").write_text(
        f"set folder={home}\nset mbox_type=Maildir\nset confirmappend=no\n"
        "set delete=yes\nset move=no\nset wait_key=no\n"
        f'push "<copy-message>{folder_of(data, "Junk")}<enter><quit>"\n'
    )
    await asyncio.to_thread(in_terminal, ["neomutt", "-n", "-F", "rc", "-f", "mbox"], home)


async def test_mv_rsync_and_mutt_are_seen_within_5_seconds(
    house: House, clients: dict[str, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each by the first look after it: a busy machine may be late with a look, and not with what it finds."""
    data = house.settings.data
    ways = {"INBOX": by_mv(data)}
    if shutil.which("rsync"):
        ways["Archive"] = by_rsync(data, tmp_path / "backup")
    if shutil.which("neomutt"):
        home = tmp_path / "home"
        home.mkdir()
        ways["Junk"] = by_mutt(data, home)

    looks = 0

    def counted(look: Callable[[list[Mailbox]], list[Mailbox]]) -> Callable[[list[Mailbox]], list[Mailbox]]:
        def count(mailboxes: list[Mailbox]) -> list[Mailbox]:
            nonlocal looks
            looks += 1
            return look(mailboxes)

        return count

    monkeypatch.setattr(store, "_disturbed", counted(store._disturbed))
    monkeypatch.setattr(store, "_behind", counted(store._behind))
    assert store.OTHERS_EVERY <= 5

    async def seen(name: str) -> bytes:
        mailbox = await house.store.account(TARO).open(name)
        known, found_by = len(mailbox.uids), []
        unwatch = mailbox.watch(lambda: found_by.append(looks) if len(mailbox.uids) > known else None)
        await ways[name]
        before = looks
        await clients[name].until(b" EXISTS")
        assert found_by[0] - before <= 1, "the first look did not find it"
        unwatch()
        mailbox.release()
        return await clients[name].fetch_last()

    answers = dict(zip(ways, await asyncio.gather(*map(seen, ways)), strict=True))
    whole = TEXT.replace(b"\n", b"\r\n")
    for name, answer in answers.items():
        if name != "Junk":  # mutt adds Status fields of its own
            assert b"RFC822.SIZE %d " % len(whole) in answer and whole in answer
        assert b"Subject: theirs\r\n" in answer
        uid = int(answer.partition(b"UID ")[2].split()[0])
        assert uid == (1 if name == "Junk" else 2)
    assert b"\\Flagged" in answers["INBOX"]
    if "Archive" in ways:
        assert b"\\Seen" in answers["Archive"]
        assert TEXT in [path.read_bytes() for path in files_in(folder_of(data, "Archive"))], "rewritten"
    for program in ("rsync", "neomutt"):
        needs(program)  # said at the end: what is installed was tried


async def test_mutt_flags_and_deletes_in_a_selected_mailbox(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mutt opens the Maildir itself, beside the server."""
    needs("neomutt")
    monkeypatch.setattr("storage.store.OTHERS_EVERY", 0.2)  # the 5 seconds are held above
    await house.put("taro", "INBOX", b"Subject: keep\r\n\r\n", ["$Work"])
    await house.put("taro", "INBOX", b"Subject: drop\r\n\r\n")
    client = await Client.idle(house, "INBOX")
    (tmp_path / "rc").write_text(
        f"set folder={tmp_path}\nset mark_old=no\nset delete=yes\nset move=no\nset wait_key=no\nset trash=''\n"
        'push "<search>~s keep<enter><flag-message><search>~s drop<enter><delete-message><sync-mailbox><quit>"\n'
    )
    folder = folder_of(house.settings.data)
    await asyncio.to_thread(in_terminal, ["neomutt", "-n", "-F", "rc", "-f", str(folder)], tmp_path)
    await client.until(b"* 2 EXPUNGE")
    answer = await client.fetch_last()
    assert b"UID 1 " in answer and b"\\Flagged" in answer and b"$Work" in answer
    client.writer.close()


async def test_the_uid_of_another_message_is_not_believed(house: House) -> None:
    """A file with the UID of an expunged message in its name, and one with that of a message that is there."""
    for _ in range(3):
        await house.put("taro", "INBOX", OLD)
    account = house.store.account("taro@example.test")
    inbox = await account.open("INBOX")
    await inbox.remove([2])
    folder = folder_of(house.settings.data)
    base = inbox.rows[1].base
    for name in ("1700000000.M1.host,S=9,U=2:2,", "1700000000.KW00ff.other,S=9,U=2:2,", f"{base},S=9,U=3:2,"):
        (folder / "cur" / name).write_bytes(b"Subject: theirs\r\n\r\n")
    await inbox.refresh()
    assert inbox.uids == (1, 3, 4, 5, 6)
    for uid in (1, 3):
        assert await house.store.run(inbox.message(uid).read) == OLD
    inbox.release()
