"""What an operator has switched off is neither told nor answered, for all or for one account."""

from pathlib import Path

from config.imap import SWITCHABLE
from imap import capability
from tests.house import House, Site
from tests.wire import Wire

REFUSED = {  # of each capability something that is then BAD
    "ACL": b"MYRIGHTS INBOX",
    "BINARY": b"FETCH 1 BINARY[1]",
    "CATENATE": b'APPEND INBOX CATENATE (URL "/INBOX/;UID=1")',
    "COMPRESS=DEFLATE": b"COMPRESS DEFLATE",
    "CONDSTORE": b"FETCH 1 (MODSEQ)",
    "CREATE-SPECIAL-USE": b"CREATE x (USE (\\Sent))",
    "ENABLE": b"ENABLE CONDSTORE",
    "ESEARCH": b"SEARCH RETURN (MIN) ALL",
    "ESORT": b"SORT RETURN (MIN) (DATE) UTF-8 ALL",
    "ID": b"ID NIL",
    "IDLE": b"IDLE",
    "LIST-EXTENDED": b'LIST "" (a b)',
    "LIST-METADATA": b'LIST "" * RETURN (METADATA (/shared/comment))',
    "LIST-MYRIGHTS": b'LIST "" * RETURN (MYRIGHTS)',
    "LIST-STATUS": b'LIST "" * RETURN (STATUS (MESSAGES))',
    "LITERAL+": b"STATUS {5000+}\r\n" + b"a" * 5000 + b" (MESSAGES)",
    "METADATA": b"GETMETADATA INBOX /shared/comment",
    "MOVE": b"MOVE 1 Trash",
    "MULTIAPPEND": b"APPEND INBOX {3+}\r\na:b {3+}\r\na:b",
    "MULTISEARCH": b"ESEARCH IN (personal) ALL",
    "NAMESPACE": b"NAMESPACE",
    "NOTIFY": b"NOTIFY NONE",
    "OBJECTID": b"FETCH 1 EMAILID",
    "PARTIAL": b"UID SEARCH RETURN (PARTIAL 1:1) ALL",
    "PREVIEW": b"FETCH 1 PREVIEW",
    "QRESYNC": b"SELECT INBOX (QRESYNC (1 1))",
    "QUOTA": b'GETQUOTA ""',
    "REPLACE": b"REPLACE 1 INBOX {3+}\r\na:b",
    "SASL-IR": b"",
    "SAVEDATE": b"FETCH 1 SAVEDATE",
    "SEARCHRES": b"SEARCH RETURN (SAVE) ALL",
    "SORT": b"SORT (DATE) UTF-8 ALL",
    "SORT=DISPLAY": b"SORT (DISPLAYFROM) UTF-8 ALL",
    "SPECIAL-USE": b'LIST (SPECIAL-USE) "" *',
    "STATUS=SIZE": b"STATUS INBOX (SIZE)",
    "THREAD=ORDEREDSUBJECT": b"THREAD ORDEREDSUBJECT UTF-8 ALL",
    "THREAD=REFERENCES": b"THREAD REFERENCES UTF-8 ALL",
    "UIDPLUS": b"UID EXPUNGE 1",
    "UNAUTHENTICATE": b"UNAUTHENTICATE",
    "UNSELECT": b"UNSELECT",
    "WITHIN": b"SEARCH YOUNGER 60",
    "XLIST": b'XLIST "" *',
}
# Words that a client learns from CAPABILITY and never sends, or that ENABLE passes over.
SILENT = {
    "APPENDLIMIT", "CHILDREN", "IMAP4rev2", "INPROGRESS", "LITERAL-", "UIDONLY", "UTF8=ACCEPT",
}  # fmt: skip


def test_all_are_tried() -> None:
    assert REFUSED.keys() | SILENT == set(SWITCHABLE)


def test_the_names_are_those_that_are_told() -> None:
    told = {
        word.partition("=")[0] if word.startswith("APPENDLIMIT") else word
        for word in words(capability.inside(1))
    }
    shown = told | {"LITERAL-"}
    assert set(SWITCHABLE) <= shown
    assert shown - set(SWITCHABLE) <= {
        "IMAP4rev1",
        "RIGHTS=kxte",
        "QUOTA=RES-STORAGE",
        "QUOTA=RES-MESSAGE",
        "CONTEXT=SORT",
    }


def words(line: bytes) -> list[str]:
    return line.decode().split()[1:]


async def test_it_is_neither_told_nor_answered(site: Site, house: House) -> None:
    """One capability after the other, as an operator who reloads: new connections find it so."""
    await house.put("taro", "INBOX", b"a: b\r\n\r\nc\r\n")
    address = await house.imap()
    for name in [*REFUSED, *SILENT]:
        site.configure(imap=f"{{disable: [{name.lower()}]}}")
        house.imap_door.settings = site.settings
        wire = await Wire.open(address)
        if name == "SASL-IR":
            assert b" BAD " in (await wire.do(b"AUTHENTICATE PLAIN AHRhcm8AdGFyb3NlY3JldA=="))[-1]
        assert b" OK " in (await wire.do(b"LOGIN taro@example.test tarosecret"))[-1]
        assert name not in words((await wire.do(b"CAPABILITY"))[0])
        await wire.do(b"SELECT INBOX")
        if REFUSED.get(name):
            assert b" BAD " in (await wire.do(REFUSED[name]))[-1], name
        elif name in ("IMAP4rev2", "UIDONLY", "UTF8=ACCEPT"):
            assert (await wire.do(b"ENABLE " + name.encode()))[0] == b"* ENABLED", name
        wire.close()


async def test_nor_is_what_rests_on_it(site: Site, house: House) -> None:
    """Response codes, and `$` wherever a set of messages stands."""
    await house.put("taro", "INBOX", b"a: b\r\n\r\nc\r\n")
    address = await house.imap()
    site.configure(imap="{disable: [uidplus, condstore, objectid, searchres]}")
    house.imap_door.settings = site.settings
    wire = await Wire.open(address, "taro")
    assert (await wire.do(b"CREATE Work"))[-1].endswith(b" OK Created")
    told = b"".join(await wire.do(b"SELECT INBOX"))
    assert b"UIDVALIDITY" in told and b"HIGHESTMODSEQ" not in told and b"MAILBOXID" not in told
    assert (await wire.do(b"COPY 1 Work"))[-1].endswith(b" OK Copied")
    assert (await wire.do(b"APPEND Work {3+}\r\na:b"))[-1].endswith(b" OK Appended")
    assert b"* OK Moved" in await wire.do(b"MOVE 1 Work")
    for command in (
        b"FETCH $ FLAGS", b"UID FETCH $ FLAGS", b"STORE $ +FLAGS (x)", b"COPY $ Work", b"UID MOVE $ Work",
        b"SEARCH $", b"REPLACE $ Work {3+}\r\na:b",
    ):  # fmt: skip
        assert b" BAD That is not offered here" in (await wire.do(command))[-1], command
    wire.close()


async def test_for_one_account_alone(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    site = Site.make(folder)
    site.write_account("taro", more="imap: {disable: [condstore, COMPRESS=DEFLATE]}\n")
    house = await House(site).open()
    try:
        address = await house.imap()
        taro, hanako = await Wire.open(address, "taro"), await Wire.open(address, "hanako")
        theirs = words((await hanako.do(b"CAPABILITY"))[0])
        ours = words((await taro.do(b"CAPABILITY"))[0])
        assert set(theirs) - set(ours) == {"CONDSTORE", "QRESYNC", "COMPRESS=DEFLATE"}
        assert b" BAD " in (await taro.do(b"COMPRESS DEFLATE"))[-1]
        assert (await taro.do(b"ENABLE QRESYNC CONDSTORE"))[0] == b"* ENABLED"
    finally:
        await house.close()


async def test_a_literal_up_to_4096_octets_may_come_unasked(tmp_path: Path) -> None:
    """LITERAL- (RFC 7888 §5), which is told where LITERAL+ is off."""
    folder = tmp_path / "minus"
    folder.mkdir()
    house = await House(Site.make(folder, imap="{disable: [LITERAL+]}")).open()
    try:
        wire = await Wire.open(await house.imap(), "taro")
        told = words((await wire.do(b"CAPABILITY"))[0])
        assert "LITERAL-" in told and "LITERAL+" not in told
        assert b" OK " in (await wire.do(b"APPEND INBOX {4096+}\r\n" + b"a" * 4096))[-1]
        assert b" BAD [TOOBIG]" in (await wire.do(b"APPEND INBOX {4097+}\r\n" + b"a" * 4097))[-1]
        tag = wire.begin(b"APPEND INBOX {4097}")
        assert (await wire.line()).startswith(b"+ ")
        wire.writer.write(b"a" * 4097 + b"\r\n")
        assert b" OK " in (await wire.until(tag))[-1]
        wire.close()
    finally:
        await house.close()
