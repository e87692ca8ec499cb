"""Others' mailboxes: no command reaches them without the right, whoever's files gave it; rights end at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from config import edit
from imap.door import ImapDoor
from imap.state import SELECTED
from imap.table import COMMANDS
from storage import admin_deleted
from storage.people.directory_cache import Name
from tests.house import DOMAIN, House, Site, put
from tests.wire import Wire

MAIL = b"Subject: secret\r\n\r\nbody\r\n"
THEIRS = b'"Other Users/taro/Work"'
NONE = b"NO [NONEXISTENT]"
# Every command that takes the name of a mailbox, and the rights without which it does nothing.
NAMING = {
    "SELECT": (b"SELECT %b", "r"),
    "EXAMINE": (b"EXAMINE %b", "r"),
    "CREATE": (b'CREATE "Other Users/taro/Work/new"', "k"),
    "DELETE": (b"DELETE %b", "x"),
    "RENAME": (b'RENAME %b "Other Users/taro/Target/new"', "x"),
    "STATUS": (b"STATUS %b (MESSAGES)", "r"),
    "APPEND": (b"APPEND %b {4+}\r\nbody", "i"),
    "GETQUOTAROOT": (b"GETQUOTAROOT %b", "r"),
    "SETACL": (b"SETACL %b hanako lrswitexka", "a"),
    "DELETEACL": (b"DELETEACL %b anyone", "a"),
    "GETACL": (b"GETACL %b", "a"),
    "LISTRIGHTS": (b"LISTRIGHTS %b anyone", "a"),
    "MYRIGHTS": (b"MYRIGHTS %b", "l"),
    "GETMETADATA": (b"GETMETADATA %b /shared/comment", "l"),
    "SETMETADATA": (b'SETMETADATA %b (/shared/comment "x")', "w"),
    "REPLACE": (b"REPLACE 1 %b {4+}\r\nbody", "i"),
    "UID REPLACE": (b"UID REPLACE 1 %b {4+}\r\nbody", "i"),
    "COPY": (b"COPY 1 %b", "i"),
    "UID COPY": (b"UID COPY 1 %b", "i"),
    "MOVE": (b"MOVE 1 %b", "i"),
    "UID MOVE": (b"UID MOVE 1 %b", "i"),
}
# Names in these are only compared, or remembered in the client's own account, and reach nothing.
HARMLESS = {"NOTIFY", "ESEARCH", "LIST", "LSUB", "XLIST", "SUBSCRIBE", "UNSUBSCRIBE"}
NAMELESS = {
    "CAPABILITY", "NOOP", "LOGOUT", "ID", "STARTTLS", "AUTHENTICATE", "LOGIN", "ENABLE", "NAMESPACE", "IDLE",
    "GETQUOTA", "SETQUOTA", "UNAUTHENTICATE", "COMPRESS",
}  # fmt: skip


def test_every_command_is_tried() -> None:
    """A new command that takes a name has to be written down here."""
    rows = {row.name for row in COMMANDS if row.states != SELECTED}
    assert rows - NAMING.keys() - HARMLESS - NAMELESS == set()


@pytest.fixture
async def hanako(house: House) -> AsyncIterator[Wire]:
    await house.put("taro", "Work", MAIL)
    await house.put("hanako", "INBOX", MAIL)
    wire = await Wire.open(await house.imap(), "hanako")
    await wire.do(b"SELECT INBOX")
    yield wire
    wire.close()


async def grant(house: House, rights: str, who: str = "hanako@example.test", name: str = "Work") -> None:
    await house.store.run(house.store.sharing.grant, "taro@example.test", name, who, lambda _: rights)


def written(house: House, local: str) -> None:
    """As a program of ours says it: the file counts at once, though it is young."""
    text = (house.site.folder / f"domains/{DOMAIN}/accounts/{local}.yaml").read_text()
    house.store.directory.write(Name("account", DOMAIN, local), text, edit.digest(text))


async def refusal(wire: Wire, command: str) -> bytes:
    text = NAMING[command][0]
    return (await wire.do(text % THEIRS if b"%b" in text else text))[-1]


async def test_without_a_right_there_is_no_mailbox(house: House, hanako: Wire) -> None:
    for command in NAMING:
        await hanako.do(b"SELECT INBOX")
        await grant(house, "")
        assert NONE in await refusal(hanako, command), command
        if command == "MYRIGHTS":
            continue  # any right will do
        everything = "".join(sorted(set("lrswipkxtea") - set(NAMING[command][1]) - {"l"}))
        await grant(house, everything)
        await hanako.do(b"SELECT INBOX")
        assert NONE in await refusal(hanako, command), f"{command} with {everything}: it still cannot be seen"


@pytest.mark.parametrize("command", [name for name, (_, needed) in NAMING.items() if needed != "l"])
async def test_each_right_is_needed(house: House, hanako: Wire, command: str) -> None:
    if command == "RENAME":
        await house.put("taro", "Target", MAIL)
        await grant(house, "l", name="Target")
        await grant(house, "lx")
        assert b"NO [NOPERM]" in await refusal(hanako, command), "the new name lies where it may make none"
        await grant(house, "lk", name="Target")
    for right in NAMING[command][1]:
        await grant(house, "".join(sorted(set("lrswipkxtea") - {right})))
        assert b"NO [NOPERM]" in await refusal(hanako, command)
    await grant(house, "l" + NAMING[command][1] + ("te" if "MOVE" in command else ""))
    assert b" OK " in await refusal(hanako, command)


async def test_names_of_others_are_listed_only_with_the_right_to_see(house: House, hanako: Wire) -> None:
    await grant(house, "rswipkxtea")
    for command in (
        b'LIST "" *',
        b'LIST "Other Users/" *',
        b'LIST (SUBSCRIBED) "" *',
        b'LSUB "" *',
        b'XLIST "" *',
    ):
        assert b"Other Users" not in b"".join(await hanako.do(command))
    await grant(house, "l")
    assert any(line.endswith(THEIRS) for line in await hanako.do(b'LIST "" *'))
    assert b"STATUS" not in b"".join((await hanako.do(b'LIST "" "Other*" RETURN (STATUS (MESSAGES))'))[:-1])


async def test_a_search_in_many_mailboxes_passes_over_what_may_not_be_read(
    house: House, hanako: Wire
) -> None:
    search = b"ESEARCH IN (mailboxes (INBOX " + THEIRS + b") subtree " + THEIRS + b") RETURN (COUNT) ALL"
    for rights in ("", "lswipkxtea"):
        await grant(house, rights)
        lines = await hanako.do(search)
        assert len(lines) == 2 and b"Other Users" not in b"".join(lines)
    await grant(house, "lr")
    assert b"Other Users" in b"".join(await hanako.do(search))


async def test_the_account_file_gives_rights_too(site: Site, house: House, hanako: Wire) -> None:
    site.write_account(
        "taro", more="share: {Work: {hanako: lr, anyone: s}, INBOX: {hanako@elsewhere.test: lr}}\n"
    )
    written(house, "taro")
    assert (await hanako.do(b"MYRIGHTS " + THEIRS))[0].endswith(b" lrs")
    assert NONE in (await hanako.do(b'SELECT "Other Users/taro/INBOX"'))[-1]
    await grant(house, "w")
    assert (await hanako.do(b"MYRIGHTS " + THEIRS))[0].endswith(b" lrsw")
    taro = await Wire.open(house.servers[0].address, "taro")
    await taro.do(b"DELETEACL Work hanako")
    await taro.do(b"SETACL Work anyone -s")
    got = (await taro.do(b"GETACL Work"))[0]
    assert b"hanako@example.test lr" in got and b"anyone s" in got, (
        "what the file says is not for IMAP to change"
    )
    assert any(line.endswith(THEIRS) for line in await hanako.do(b'LIST "" "Other Users/*"'))
    taro.close()


async def test_a_successor_finds_nothing_of_the_one_before(site: Site, house: House, hanako: Wire) -> None:
    """Neither rights nor private words in others' mailboxes; who is undeleted finds both."""
    directory = house.store.directory
    await grant(house, "lr")
    await hanako.do(b"SETMETADATA " + THEIRS + b' (/private/comment "hers")')
    asked = b"GETMETADATA " + THEIRS + b" /private/comment"
    assert b'"hers"' in (await hanako.do(asked))[0]
    await house.store.run(admin_deleted.delete, directory, "hanako@example.test")
    site.write_account("hanako")
    written(house, "hanako")
    other = await Wire.open(house.servers[0].address, "hanako")
    assert NONE in (await other.do(b"SELECT " + THEIRS))[-1]
    await grant(house, "lr")
    assert b"/private/comment NIL" in (await other.do(asked))[0]
    other.close()


async def test_nobody_reaches_across_domains(site: Site, house: House) -> None:
    other = site.folder / "domains/other.test/accounts"
    other.mkdir(parents=True)
    put((other.parent / "domain.yaml"), "capacity: 100G\n")
    put((other / "jiro.yaml"), (site.folder / "domains/example.test/accounts/taro.yaml").read_text())
    await house.put("taro", "Work", MAIL)
    await grant(house, "lrswipkxtea", "anyone")
    await grant(house, "lrswipkxtea", "jiro@other.test")  # as only a program that writes the file could
    wire = await Wire.open(await house.imap())
    assert b" OK " in (await wire.do(b"LOGIN jiro@other.test tarosecret"))[-1]
    for name in (THEIRS, b'"Other Users/taro@example.test/Work"', b'"Other Users/../example.test/taro/Work"'):
        assert NONE in (await wire.do(b"SELECT " + name))[-1]
    assert b"Work" not in b"".join(await wire.do(b'LIST "" *'))
    wire.close()


async def test_an_idle_guest_is_shown_out_when_the_right_is_gone(house: House, hanako: Wire) -> None:
    await grant(house, "lr")
    assert b" OK " in (await hanako.do(b"SELECT " + THEIRS))[-1]
    hanako.begin(b"IDLE")
    assert await hanako.line() == b"+ idling\r\n"
    await grant(house, "l")
    await door(house).look()
    assert await hanako.line() == b"* BYE [NOPERM] The right to the selected mailbox was taken away\r\n"
    assert await hanako.line() == b""


async def test_who_is_suspended_or_deleted_is_shown_out(site: Site, house: House) -> None:
    address = await house.imap()
    taro = await Wire.open(address, "taro")
    hanako = await Wire.open(address, "hanako")
    await taro.do(b"SELECT INBOX")
    taro.begin(b"IDLE")
    assert await taro.line() == b"+ idling\r\n"
    await door(house).look()
    path = site.write_account("taro", more="suspended: true\n")
    written(house, "taro")
    await door(house).look()
    assert await taro.line() == b"* BYE [CONTACTADMIN] The account is suspended\r\n"
    assert await taro.line() == b""
    assert b" OK " in (await hanako.do(b"NOOP"))[-1]
    (path.parent / "hanako.yaml").unlink()
    house.store.directory.files.forget(Name("account", "example.test", "hanako"))
    await door(house).look()
    assert await hanako.line() == b"* BYE [CONTACTADMIN] The account is no more\r\n"
    await asyncio.wait_for(hanako.reader.read(), 60)


async def test_the_cache_of_who_shares_is_made_again(site: Site, house: House, hanako: Wire) -> None:
    await grant(house, "lr")
    house.store.sharing.close()
    for file in (site.folder / "data/state").glob("shares.sqlite*"):
        file.unlink()
    assert any(line.endswith(THEIRS) for line in await hanako.do(b'LIST "" *'))


def door(house: House) -> ImapDoor:
    return house.imap_door
