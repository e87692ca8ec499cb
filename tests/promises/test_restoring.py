"""What docs/operating.md says about backups is typed into a shell, while the account is in use.

Holds of DESIGN "A Maildir that describes itself" (a backup of the files is a whole backup) and "Other programs"
(a backup restored over a live account; `kwcmaild account restored`). The blocks of the page are those after
`<!-- run: name -->`; the lines that set paths get those of the test.
"""

import asyncio
import re
import shlex
import sys
from pathlib import Path

import pytest

from storage.account import Account
from storage.admin_mail import remove_mail
from storage.appending import Appended
from storage.message import Message
from storage.selected import Mailbox
from tests.clients.daemons import needs
from tests.house import House
from tests.promises.world import NONE, TARO

PAGE = (Path(__file__).resolve().parents[2] / "docs/operating.md").read_text()
DAY = 1_770_681_600  # 2026-02-10 00:00 UTC
Seen = dict[tuple[int, int], bytes]  # by UIDVALIDITY and UID


def block(name: str) -> str:
    found = re.search(rf"<!-- run: {name} -->\n((?:    .+\n)+)", PAGE)
    assert found, f"no block {name} in docs/operating.md"
    return found[1]


class Shell:
    """A shell of the operator's, with `kwcmaild` in its path and the page's variables set for this site."""

    def __init__(self, house: House, folder: Path) -> None:
        site = house.site.folder
        settings = site / "kwcmaild.yaml"
        (folder / "bin").mkdir()
        command = folder / "bin" / "kwcmaild"
        root = Path(__file__).resolve().parents[2]
        command.write_text(
            f'#!/bin/sh\ncd {root} && exec {sys.executable} -m kwcmaild "$@" -c {shlex.quote(str(settings))}\n'
        )
        command.chmod(0o755)
        values = {
            "DATA": site / "data",
            "BACKUP": folder / "backup",
            "ADDRESS": TARO,
            "NOW": site / "data/mail/example.test/taro",
            "THEN": folder / "backup/mail/example.test/taro",
        }
        for name in values:
            assert re.search(rf"^    {name}=", PAGE, re.MULTILINE), f"the page does not set {name}"
        self.head = f"set -eu; PATH={shlex.quote(str(command.parent))}:$PATH; TZ=UTC; export TZ\n"
        self.head += "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())

    async def run(self, text: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", self.head + text, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(process.communicate(), 300)
        assert process.returncode == 0, output.decode()
        return output.decode()


@pytest.fixture
def shell(house: House, tmp_path: Path) -> Shell:
    needs("rsync")
    return Shell(house, tmp_path)


def letter(name: str, hour: int, *flags: str) -> Appended:
    text = f"Message-ID: <{name}@example.com>\r\nSubject: {name}\r\n\r\n".encode()
    return Appended(Message.of(text), frozenset(flags), DAY + hour * 3600)


async def look(house: House, mailbox: Mailbox, seen: Seen) -> dict[str, frozenset[str]]:
    """Subjects and flags. A UID that was ever seen still is the message that it was."""
    await mailbox.refresh()
    assert not mailbox.gone
    found = {}
    for uid in mailbox.uids:
        message = mailbox.message(uid)
        assert message is not None
        text = await house.store.run(message.read)
        assert seen.setdefault((mailbox.uidvalidity, uid), text) == text, f"UID {uid} is another message"
        subject = text.partition(b"Subject: ")[2].split(b"\r\n")[0].decode()
        assert subject not in found, f"{subject} is there twice"
        found[subject] = mailbox._folder.flags(mailbox.rows[uid].flags)
    return found


async def filled(account: Account) -> tuple[Mailbox, Mailbox]:
    await account.create("Work")
    inbox, work = await account.open("INBOX"), await account.open("Work")
    await inbox.append([letter("one", 0, "$Old"), letter("offer-7", 1, "\\Seen"), letter("three", 2)])
    await work.append([letter("work-1", 0, "\\Flagged"), letter("work-2", 1, "$Job")])
    return inbox, work


async def test_one_message(house: House, shell: Shell) -> None:
    inbox, _ = await filled(house.store.account(TARO))
    seen: Seen = {}
    await look(house, inbox, seen)
    await shell.run(block("backup"))
    await inbox.remove([2])
    await shell.run(block("message"))
    assert await look(house, inbox, seen) == {"one": {"$Old"}, "three": NONE, "offer-7": {"\\Seen"}}
    assert inbox.uids == (1, 3, 4)
    assert inbox.rows[4].date == DAY + 3600


async def test_one_folder(house: House, shell: Shell) -> None:
    account = house.store.account(TARO)
    inbox, work = await filled(account)
    seen: Seen = {}
    before = await look(house, work, seen)
    await shell.run(block("backup"))
    await work.append([letter("work-3", 4)])
    await look(house, work, seen)
    await account.delete("Work")
    await shell.run(block("folder"))
    again = await account.open("Work")
    assert await look(house, again, seen) == before
    assert (again.uidvalidity, again.uids) == (work.uidvalidity, (1, 2)), "downloaded again"
    await again.append([letter("work-4", 5)])
    assert len(await look(house, again, seen)) == 3
    assert len(await look(house, inbox, seen)) == 3

    beside = block("folder").replace('Maildir/.Work"\n    rmdir', 'Maildir/.Work-restored"\n    rmdir')
    assert beside != block("folder")
    await shell.run(beside.replace("kwcmaild account restored", ": not needed here:"))
    other = await account.open("Work-restored")
    assert await look(house, other, seen) == before
    assert other.uidvalidity != again.uidvalidity
    assert len(await look(house, again, seen)) == 3


async def test_one_account(house: House, shell: Shell) -> None:
    account = house.store.account(TARO)
    inbox, _ = await filled(account)
    seen: Seen = {}
    then = await look(house, inbox, seen)
    await shell.run(block("backup"))
    await inbox.append([letter("after", 4, "$New")])
    await inbox.remove([2])
    await inbox.store([1], "add", frozenset({"\\Seen"}))
    await look(house, inbox, seen)

    output = await shell.run(block("account"))
    assert output == f"{TARO}: 5 messages, UIDs go on above all that were given out before\n"
    assert await look(house, inbox, seen) == then
    await shell.run(block("newer"))
    now = await look(house, inbox, seen)
    assert now == {**then, "after": {"$New"}}
    await inbox.append([letter("and on", 6, "$Newer")])
    assert await look(house, inbox, seen) == {**now, "and on": {"$Newer"}}
    assert inbox.uids[-1] > 1_000_000
    quota = await account.quota()
    assert quota.messages == 7


async def test_the_whole_store(house: House, shell: Shell) -> None:
    """All is lost but the backup, and `account restored` is run for everybody there is."""
    (house.site.folder / "domains/example.test/accounts/hanako.yaml").unlink()
    inbox, _ = await filled(house.store.account(TARO))
    seen: Seen = {}
    then = await look(house, inbox, seen)
    validity = inbox.uidvalidity
    await shell.run(block("backup"))
    inbox.release()
    remove_mail(house.settings.data, TARO)
    await shell.run('rm -r "$DATA"/*; cp -a "$BACKUP"/. "$DATA"')
    output = await shell.run(block("every account"))
    assert output.startswith(f"{TARO}: 5 messages")
    again = await house.store.account(TARO).open("INBOX")
    assert await look(house, again, seen) == then
    assert again.uidvalidity == validity
