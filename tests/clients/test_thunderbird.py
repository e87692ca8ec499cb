"""Thunderbird keeps all folders offline: what it has is what we have, and what its user does arrives here."""

import hashlib
import imaplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage import filename
from tests.clients.daemons import HOST, Daemons, Login, needs
from tests.clients.mail import ODD, mail, seed, send
from tests.clients.thunderbird import PROGRAM, Thunderbird

WAYS = ("plain", "starttls", "implicit")
WORK = "Work/\u65e5\u672c\u8a9e"
# nsMsgMessageFlags
READ, REPLIED, MARKED, OFFLINE = 0x1, 0x2, 0x4, 0x80

SYNCHRONISE = """
    const [number] = args;
    await listened(listener => MailServices.imap.discoverAllFolders(root(number), listener, null));
    const found = {};
    for (const folder of root(number).descendants) {
        await update(folder);
        await listened(listener => folder.downloadAllForOffline(listener, null));
        await until(() => [...folder.messages].every(message => message.flags & Ci.nsMsgMessageFlags.Offline));
        let name = folder.name;
        for (let above = folder.parent; !above.isServer; above = above.parent) {
            name = `${above.name}/${name}`;
        }
        found[name] = [...folder.messages].map(message => ({
            uid: message.messageKey,
            flags: message.flags,
            keywords: message.getStringProperty("keywords"),
            file: PathUtils.join(folder.filePath.path, "cur", message.storeToken),
        }));
    }
    return found;
"""


@pytest.fixture(scope="module")
def logins(daemons: Daemons) -> dict[str, Login]:
    return {way: daemons.account(f"thunderbird.{way}") for way in WAYS}


@pytest.fixture(scope="module")
def thunderbird(
    daemons: Daemons, logins: dict[str, Login], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Thunderbird]:
    needs(PROGRAM)
    for login in logins.values():
        fill(daemons, login)
    program = Thunderbird(daemons, logins, tmp_path_factory.mktemp("thunderbird") / "profile")
    yield program
    program.close()


def fill(daemons: Daemons, login: Login) -> None:
    """An inbox of odd messages, some with flags, a folder with a Japanese name, a draft."""
    seed(daemons, login)
    client = imaplib.IMAP4(HOST, daemons.port("imap", "plain"), timeout=90)
    client.login(login.address, login.password)
    for name in ('"Work"', '"Work/&ZeVnLIqe-"'):
        client.create(name)
        client.subscribe(name)
    client.append('"Work/&ZeVnLIqe-"', r"(\Seen)", None, ODD["jis"])
    client.append('"Work/&ZeVnLIqe-"', "($label1)", None, ODD["utf-8"])
    client.append("Drafts", r"(\Draft \Seen)", None, mail("a draft"))
    client.select("INBOX")
    client.store("1", "+FLAGS", r"(\Seen \Answered)")
    client.store("2", "+FLAGS", r"(\Flagged)")
    client.logout()


@pytest.mark.parametrize("way", WAYS)
def test_its_store_equals_ours(thunderbird: Thunderbird, logins: dict[str, Login], way: str) -> None:
    login = logins[way]
    found: dict[str, list[dict[str, Any]]] = thunderbird.run(SYNCHRONISE, WAYS.index(way) + 1)
    assert set(found) == {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "Work", WORK}
    for name, messages in found.items():
        ours = login.files(name)
        assert [message["uid"] for message in messages] == [uid_of(path) for path in ours]
        assert [sha256(original(Path(message["file"]))) for message in messages] == [
            sha256(path.read_bytes()) for path in ours
        ]
        assert [letters(message["flags"]) for message in messages] == [flags_of(path) for path in ours]
    assert len(found["INBOX"]) == len(ODD) and len(found[WORK]) == 2
    assert "$label1" in found[WORK][1]["keywords"]


def original(path: Path) -> bytes:
    """What Thunderbird keeps, without the two lines of its own at the top."""
    data = path.read_bytes()
    assert data.startswith(b"X-Mozilla-Status: ")
    return data.split(b"\n", 2)[2]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def uid_of(path: Path) -> int:
    return filename.parse(path.name).uid or 0


def flags_of(path: Path) -> str:
    """The flags that both sides have: F(lagged), R(eplied), S(een)."""
    return "".join(letter for letter in path.name.partition(":2,")[2] if letter in "FRS")


def letters(flags: int) -> str:
    return "".join(letter for letter, bit in (("F", MARKED), ("R", REPLIED), ("S", READ)) if flags & bit)


def test_what_the_user_does_arrives(thunderbird: Thunderbird, logins: dict[str, Login]) -> None:
    """Read, star, tag, move to Archive, delete (which moves to Trash)."""
    login = logins["implicit"]
    before = login.stored()
    thunderbird.run(
        """
        const folder = inbox(3);
        await update(folder);
        const [, , read, starred, tagged, moved, deleted] = [...folder.messages];
        folder.markMessagesRead([read], true);
        folder.markMessagesFlagged([starred], true);
        folder.addKeywordsToMessages([tagged], "$label2");
        await update(folder);
        const archive = root(3).getChildNamed("Archive");
        await listened(listener =>
            MailServices.copy.copyMessages(folder, [moved], archive, true, listener, null, false));
        await listened(listener => folder.deleteMessages([deleted], null, false, true, listener, false));
        await update(folder);
        """
    )
    assert login.stored() == before[:5]
    assert login.stored("Archive") == [before[5]]
    assert login.stored("Trash") == [before[6]]
    files = login.files()
    assert [flags_of(path) for path in files[2:4]] == ["S", "F"]
    assert files[4].name.partition(":2,")[2].strip("FRSTD") != ""


def test_new_mail_is_pushed_to_it(
    daemons: Daemons, thunderbird: Thunderbird, logins: dict[str, Login]
) -> None:
    """By IDLE: Thunderbird is not asked to look (check_new_mail is off)."""
    login = logins["starttls"]
    number = WAYS.index("starttls") + 1
    known = thunderbird.run(
        "const [number] = args; await update(inbox(number)); return inbox(number).getTotalMessages(false);",
        number,
    )
    send(daemons, login, [mail("pushed to Thunderbird")])
    subject = thunderbird.run(
        """
        const [number, known] = args;
        await until(() => inbox(number).getTotalMessages(false) > known);
        await until(() => [...inbox(number).messages].length > known);
        return [...inbox(number).messages].at(-1).mime2DecodedSubject;
        """,
        number,
        known,
    )
    assert subject == "pushed to Thunderbird"
