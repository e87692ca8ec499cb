"""Thunderbird and an inbox of many messages: it has all headers and all messages, and nothing was refused.

Only where it is asked for, because it takes minutes:

    KWCMAILD_THUNDERBIRD=20000 python -m pytest -s tests/clients/test_thunderbird_many.py
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.daemons import Daemons, Login, needs
from tests.clients.mail import mail, send
from tests.clients.thunderbird import PROGRAM, Thunderbird

MESSAGES = int(os.environ.get("KWCMAILD_THUNDERBIRD", "0"))
PATIENCE = 3000  # seconds for one step
LINE = b"The quick brown fox jumps over the lazy dog, and nobody minds.\r\n"
CHANGED = 500  # messages that are moved, and as many that are deleted
REFUSED = ("connection.refused", "imap.login.refused", "imap.login.crowded", "imap.failed", "imap.cut")

pytestmark = pytest.mark.skipif(not MESSAGES, reason="takes minutes: KWCMAILD_THUNDERBIRD=20000")


@pytest.fixture(scope="module")
def login(daemons: Daemons) -> Login:
    return daemons.account("thunderbird.many")


@pytest.fixture(scope="module")
def thunderbird(
    daemons: Daemons, login: Login, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Thunderbird]:
    needs(PROGRAM)
    send(daemons, login, [mail("the first")])  # which makes the account
    fill(login.folder / "cur", MESSAGES - 1)
    program = Thunderbird(daemons, {"implicit": login}, tmp_path_factory.mktemp("many") / "profile")
    yield program
    program.close()


def fill(folder: Path, count: int) -> None:
    """As another program that writes into the Maildir: to deliver them all would take as long as the test."""
    for number in range(count):
        thread = f"In-Reply-To: <{number // 5}.thread@elsewhere.example>"
        flags = ("", "S", "RS", "FS")[number % 4]
        path = folder / f"{1_700_000_000 + number}.M{number}.elsewhere:2,{flags}"
        path.write_bytes(mail(f"number {number}", LINE * (number % 60), thread))


def test_all_of_them(daemons: Daemons, login: Login, thunderbird: Thunderbird) -> None:
    def step(what: str, script: str) -> object:
        began = time.monotonic()
        found = thunderbird.run(script, timeout=PATIENCE)
        print(f"\n{what}: {time.monotonic() - began:.1f} s", end="")
        return found

    headers = step(
        "headers of all",
        """
        await listened(listener => MailServices.imap.discoverAllFolders(root(1), listener, null));
        await update(inbox(1));
        return [...inbox(1).messages].map(message => message.messageKey);
        """,
    )
    assert headers == list(range(1, MESSAGES + 1))
    kept = step(
        "all messages offline",
        """
        await listened(listener => inbox(1).downloadAllForOffline(listener, null));
        await until(() => [...inbox(1).messages].every(one => one.flags & Ci.nsMsgMessageFlags.Offline));
        return [...inbox(1).messages].length;
        """,
    )
    assert kept == MESSAGES
    step("all marked read", "inbox(1).markAllMessagesRead(null); await update(inbox(1));")
    step(
        "some moved, some deleted",
        f"""
        const all = [...inbox(1).messages];
        const archive = root(1).getChildNamed("Archive");
        await listened(listener => MailServices.copy.copyMessages(
            inbox(1), all.slice(0, {CHANGED}), archive, true, listener, null, false));
        await listened(listener => inbox(1).deleteMessages(
            all.slice(-{CHANGED}), null, false, true, listener, false));
        await update(inbox(1));
        """,
    )
    assert len(login.files("Archive")) == len(login.files("Trash")) == CHANGED
    left = login.files()
    assert len(left) == MESSAGES - 2 * CHANGED
    assert all("S" in path.name.partition(":2,")[2] for path in left)
    assert [line for name in REFUSED for line in daemons.all(name)] == []
