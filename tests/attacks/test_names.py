"""Nobody reaches another's mail by a name: neither a mailbox's in any command, nor his own at a login."""

import base64

import pytest

from tests.attacks.conftest import Besieged
from tests.attacks.talk import Talk
from tests.house import House

OTHERS = [  # ways to write hanako's INBOX, and files of the server
    b"../hanako",
    b"../../hanako/Maildir",
    b"../../example.test/hanako/Maildir/cur",
    b"/hanako",
    b"user/hanako",
    b"user.hanako",
    b"#user/hanako",
    b"~hanako/INBOX",
    b"hanako@example.test/INBOX",
    b"Other Users/hanako/INBOX",
    b"INBOX/../../../hanako/Maildir",
    b"&AC4ALgAv-hanako",
    b".hanako",
    b"cur",
    b"../index.sqlite",
    b"../lock",
]


@pytest.mark.parametrize("name", OTHERS)
async def test_no_command_reaches_anothers_mailbox(besieged: Besieged, name: bytes) -> None:
    """Also those that only ask: a name says something of one's own mailboxes, and there is none of these."""
    files = sorted(path for path in besieged.daemons.folder.rglob("*") if path.parent.name != "state")
    talk = await besieged.imap()
    literal = b"{%d+}\r\n%b" % (len(name), name)
    await talk.ask(b"s SELECT INBOX", b"s OK")
    for command in (
        b"COPY 1 %b",
        b"UID COPY 1:* %b",
        b"MOVE 1 %b",
        b"UID MOVE 1:* %b",
        b"STATUS %b (MESSAGES SIZE)",
        b"EXAMINE %b",
        b"DELETE %b",
        b"RENAME %b INBOX/mine",
    ):
        answer = await talk.ask(b"a " + command % literal, b"a ")
        assert b"a OK" not in answer and b"SERVERBUG" not in answer, (command, answer)
        if command.startswith(b"EXAMINE"):
            await talk.ask(b"s SELECT INBOX", b"s OK")
    for command in (
        b'LIST "" %b',
        b'LIST %b "*"',
        b'LIST %b ""',
        b'LSUB "" %b',
        b"GETQUOTA %b",
        b"GETQUOTAROOT %b",
    ):
        answer = await talk.ask(b"l " + command % literal, b"l ")
        assert b"SERVERBUG" not in answer
        shown = [line for line in answer.splitlines() if line.startswith((b"* LIST", b"* LSUB", b"* QUOTA"))]
        assert not [line for line in shown if b'""' not in line and b"hanako" in line], answer
    assert b"1 EXISTS" in await talk.ask(b"s SELECT INBOX", b"s OK")
    left = sorted(path for path in besieged.daemons.folder.rglob("*") if path.parent.name != "state")
    assert [path for path in left if "sqlite" not in path.name and path not in files] == []


async def test_what_is_subscribed_is_a_name_and_no_more(besieged: Besieged) -> None:
    talk = await besieged.imap()
    for name in OTHERS:
        literal = b"{%d+}\r\n%b" % (len(name), name)
        assert b"SERVERBUG" not in await talk.ask(b"a SUBSCRIBE " + literal, b"a ")
        assert b"SERVERBUG" not in await talk.ask(b"b UNSUBSCRIBE " + literal, b"b ")
    assert b"LSUB" not in (await talk.ask(b'c LSUB "" "*hanako*"', b"c OK")).rpartition(b"c OK")[0]


LOGINS = [
    "../example.test/taro@example.test",
    "hanako/../taro@example.test",
    "./taro@example.test",
    "taro@./example.test",
    "taro@../domains/example.test",
    "taro@example.test/",
    "taro@example.test/../example.test",
    "taro.yaml@example.test",
    "taro\0@example.test",
    "taro@example.test\0.evil",
    "taro\n@example.test",
    "taro%../example.test",
    "*@example.test",
    "t?ro@example.test",
    "tar[o]@example.test",
    "@example.test",
    "taro@",
    "taro@example.test@example.test",
    "<taro@example.test>",
    '"taro"@example.test, hanako@example.test',
    "x" * 1_000 + "@example.test",
]


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: login[:40])
async def test_no_other_spelling_of_a_login_is_an_account(house: House, login: str) -> None:
    """With the right password: a name that could lead to a file by another way leads to nobody."""
    before = sorted((house.site.folder / "domains").rglob("*"))
    raw = login.encode()
    plain = base64.b64encode(b"\0" + raw + b"\0tarosecret")
    talk = await Talk.open(await house.imap())
    assert b"a OK" not in await talk.ask(b"a AUTHENTICATE PLAIN " + plain, b"a ")
    answer = await talk.ask(b"b LOGIN {%d+}\r\n%b tarosecret" % (len(raw), raw), b"b ")
    assert b"b OK" not in answer and b"SERVERBUG" not in answer
    talk = await Talk.open(await house.pop3())
    assert (await talk.ask(b"AUTH PLAIN " + plain, b"-ERR")).startswith(b"-ERR")
    talk = await Talk.open(await house.smtp(mode="submission"))
    await talk.ask(b"EHLO x", b"250 ")
    assert (await talk.ask(b"AUTH PLAIN " + plain, b"5")).startswith(b"5")
    assert sorted((house.site.folder / "domains").rglob("*")) == before
    assert not list(house.site.folder.glob("data/mail/*/*"))


async def test_the_names_of_those_tests_are_not_all_refused(besieged: Besieged, house: House) -> None:
    """The same commands with a name that is one's own, and the same logins in their one spelling, do succeed."""
    talk = await besieged.imap()
    await talk.ask(b"s EXAMINE INBOX", b"s OK")
    await talk.ask(b"a GETQUOTAROOT INBOX", b"a OK")
    assert b"Sent" in await talk.ask(b'l LIST "" {4+}\r\nSent', b"l OK")
    plain = base64.b64encode(b"\0taro@example.test\0tarosecret")
    for address, command, good in (
        (await house.imap(), b"a AUTHENTICATE PLAIN " + plain, b"a OK"),
        (await house.pop3(), b"AUTH PLAIN " + plain, b"+OK"),
    ):
        await (await Talk.open(address)).ask(command, good)
