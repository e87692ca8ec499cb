"""When a message came into its mailbox is known after the index was lost, and kept by a change of flags."""

from imap.dates import saved_at
from storage.filename import key, parse
from tests.house import House, Site

MAIL = b"Subject: one\r\n\r\nbody\r\n"


async def saved(house: House, name: str) -> int | None:
    mailbox = await house.store.account("taro@example.test").open(name)
    try:
        (row,) = mailbox.rows.values()
        return saved_at(row)
    finally:
        mailbox.release()


async def test_it_outlives_the_index(site: Site) -> None:
    house = await House(site).open()
    clock = 1_800_000_000.0
    house.store.clock = lambda: clock
    await house.put("taro", "INBOX", MAIL)
    came = await saved(house, "INBOX")
    clock += 1000
    inbox = await house.store.account("taro@example.test").open("INBOX")
    await inbox.copy(inbox.uids, "Archive")
    clock += 1000
    await inbox.move(inbox.uids, "Trash")
    inbox.release()
    trash = await house.store.account("taro@example.test").open("Trash")
    clock += 1000
    await trash.store(trash.uids, "add", frozenset({"\\Seen", "$Forwarded"}))
    trash.release()
    before = [await saved(house, name) for name in ("Archive", "Trash")]
    assert came == 1_800_000_000 and before == [came + 1000, came + 2000]
    await house.close()
    for file in (site.folder / "data/mail/example.test/taro").glob("index.sqlite*"):
        file.unlink()
    house = await House(site).open()
    assert [await saved(house, name) for name in ("Archive", "Trash")] == before
    await house.close()


def test_names() -> None:
    name = key("1700000000.KW0a.host", 10, 5, 1_800_000_000)
    assert name == "1700000000.KW0a.host,S=10,U=5,D=1800000000"
    assert parse(name + ":2,S").saved == 1_800_000_000
    assert parse(key("1700000000.KW0a.host", 10, 5)).saved == 0
