"""What users moved into Junk and out of it, by how rows came."""

import pytest

from storage.account_files import AccountFiles
from storage.moved import Moved, kept, moved
from storage.selected import Mailbox
from tests.house import DOMAIN, House

ADDRESS = f"taro@{DOMAIN}"


async def seen(house: House, since: int = 0) -> list[tuple[str, bool]]:
    found: list[Moved] = await house.store.account(ADDRESS).do(moved, since)
    return [(each.message.read().partition(b":")[0].decode(), each.junk) for each in found]


async def box(house: House, name: str) -> Mailbox:
    opened: Mailbox = await house.store.account(ADDRESS).open(name)
    await opened.refresh()
    return opened


async def put(house: House, mailbox: str, name: str) -> None:
    await house.put("taro", mailbox, f"{name}: x\r\n\r\n".encode())


async def test_moves_and_copies_count_and_what_came_otherwise_does_not(house: House) -> None:
    await put(house, "Junk", "Appended")
    for name in ("Moved", "Copied", "Filed"):
        await put(house, "INBOX", name)
    inbox = await box(house, "INBOX")
    await inbox.move([1], "Junk")
    await inbox.copy([2], "Junk")
    await inbox.move([3], "Archive")
    assert await seen(house) == [("Moved", True), ("Copied", True)]
    junk = await box(house, "Junk")
    first = next(row for row in junk.rows.values() if row.uid == 2)
    assert await seen(house, since=first.born) == [("Copied", True)]
    await junk.move([1, 2], "INBOX")
    assert sorted(await seen(house)) == [("Appended", False), ("Copied", True), ("Moved", False)]


@pytest.mark.parametrize("trash", ["Trash", "ゴミ箱", "Deleted Items"])
async def test_who_empties_junk_says_nothing(house: House, trash: str) -> None:
    await put(house, "INBOX", "Spam")
    await put(house, trash, "Old")
    await (await box(house, "INBOX")).move([1], "Junk")
    await (await box(house, "Junk")).move([1], trash)
    assert await seen(house) == []


async def test_an_index_made_anew_says_nothing(house: House) -> None:
    await put(house, "INBOX", "Spam")
    await (await box(house, "INBOX")).move([1], "Junk")
    assert await seen(house) == [("Spam", True)]

    def forget(files: AccountFiles) -> None:
        with files.writing() as db:
            db.execute("UPDATE rows SET came = 'found'")

    await house.store.account(ADDRESS).do(forget)
    assert await seen(house) == []


async def test_kept_is_what_was_read_and_what_was_answered_first(house: House) -> None:
    for flags in ([], ["\\Seen"], ["\\Seen", "\\Answered"], ["\\Seen", "\\Deleted"], ["\\Seen"]):
        await house.put("taro", "INBOX", f"{' '.join(flags) or 'none'}: x\r\n\r\n".encode(), flags)
    found: list[Moved] = await house.store.account(ADDRESS).do(kept, 2)
    inbox = await box(house, "INBOX")
    assert [each.base for each in found] == [inbox.rows[uid].base for uid in (3, 5)]
    assert not any(each.junk for each in found)
