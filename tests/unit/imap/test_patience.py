"""A command that takes long says so, in between and never in the middle of a response (RFC 9585)."""

import asyncio

from tests.house import House
from tests.wire import Wire


async def test_long_work_is_told(house: House) -> None:
    address = await house.imap()
    house.imap_door.still_every = 0.01
    wire = await Wire.open(address, "taro")
    await house.put("taro", "INBOX", b"a: b\r\n\r\nc\r\n")
    await wire.do(b"SELECT INBOX")
    account = house.store.account("taro@example.test")
    held, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        def work(files: object) -> None:
            with account.store.files(account.address) as open_files, open_files.writing():
                loop.call_soon_threadsafe(held.set)
                asyncio.run_coroutine_threadsafe(done.wait(), loop).result(60)

        await account.do(work)

    loop = asyncio.get_running_loop()
    holding = asyncio.create_task(hold())
    await held.wait()
    tag = wire.begin(b"COPY 1 Archive")
    assert await wire.line() == b'* OK [INPROGRESS ("%b" NIL NIL)] Still working\r\n' % tag
    done.set()
    lines = await wire.until(tag)
    assert b"COPYUID" in lines[-1]
    await holding
    house.imap_door.still_every = 60
    assert len(await wire.do(b"NOOP")) == 1
    wire.close()
