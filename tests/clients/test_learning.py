"""What users say by moving mail, from an IMAP client to the next message that comes in."""

import imaplib
import random
import ssl
import time
from collections.abc import Iterator

import pytest

from storage.state.bayes import SERVER, Bayes, Counts
from tests.clients.daemons import HOST, Daemons, Login
from tests.clients.mail import mail, send

OWN = {
    "spam": [
        "当選",
        "無料",
        "今すぐ",
        "現金",
        "激安",
        "秘密",
        "投資",
        "儲かる",
        "登録",
        "winner",
        "casino",
        "bonus",
        "lottery",
    ],
    "ham": [
        "会議",
        "請求書",
        "資料",
        "議事録",
        "予約",
        "見積書",
        "納品",
        "部長",
        "出張",
        "minutes",
        "invoice",
        "agenda",
        "travel",
    ],
}
COMMON = ["です", "ます", "the", "and", "日本", "mail", "お願い"]
LESSONS = 24


def letters(kind: str, count: int, seed: int = 1) -> list[bytes]:
    rng = random.Random(f"{kind}{seed}")
    texts = [" ".join(rng.choices(OWN[kind], k=16) + rng.choices(COMMON, k=12)) for _ in range(count)]
    return [
        mail(f"no {seed}.{number}", text.encode() + b"\r\n", "Content-Type: text/plain; charset=UTF-8")
        for number, text in enumerate(texts)
    ]


@pytest.fixture
def bayes(daemons: Daemons) -> Iterator[Bayes]:
    bayes = Bayes(daemons.folder / "data" / "state")
    yield bayes
    bayes.close()


@pytest.fixture
def client(daemons: Daemons, login: Login, context: ssl.SSLContext) -> Iterator[imaplib.IMAP4]:
    client = imaplib.IMAP4_SSL(HOST, daemons.port("imap", "implicit"), ssl_context=context, timeout=60)
    client.login(login.address, login.password)
    client.select("INBOX")
    yield client
    client.logout()


def uid(client: imaplib.IMAP4, *command: str) -> None:
    status, answer = client.uid(*command)
    assert status == "OK", answer


def move(client: imaplib.IMAP4, source: str, uids: str, to: str) -> None:
    client.select(source)
    uid(client, "MOVE", uids, to)


def status_of(message: bytes) -> bytes:
    """The field of a stored message, unfolded."""
    found = [
        line for line in message.replace(b"\r\n\t", b" ").split(b"\r\n") if line.startswith(b"X-Spam-Status:")
    ]
    assert len(found) == 1
    return found[0]


def test_moves_teach_and_mail_is_judged_by_it(
    daemons: Daemons, login: Login, client: imaplib.IMAP4, bayes: Bayes
) -> None:
    mark = daemons.mark()
    send(daemons, login, [*letters("ham", LESSONS), *letters("spam", LESSONS)])
    assert b"BAYES" not in status_of(login.stored()[-1])
    client.select("INBOX")
    uid(client, "STORE", f"1:{LESSONS}", "+FLAGS", r"(\Seen)")
    half = LESSONS + LESSONS // 2
    uid(client, "MOVE", f"{LESSONS + 1}:{half}", "Junk")
    uid(client, "COPY", f"{half + 1}:*", "Junk")  # as programs without MOVE do it
    uid(client, "STORE", f"{half + 1}:*", "+FLAGS", r"(\Deleted)")
    client.expunge()
    daemons.wait("learning.learned", mark, times=LESSONS, account=login.address, spam=True)
    daemons.wait("learning.learned", mark, times=LESSONS, account=login.address, spam=False)
    assert bayes.totals(login.address) == Counts(LESSONS, LESSONS)

    number, end = 0, time.monotonic() + 60
    while time.monotonic() < end:  # the process that judges sees it within seconds
        number += 1
        send(daemons, login, letters("spam", 1, seed=100 + number))
        if b"BAYES_" in status_of(login.stored()[-1]):
            break
    else:
        pytest.fail("nothing was learned")
    assert status_of(login.stored()[-1]).startswith(b"X-Spam-Status: Yes, score=")
    send(daemons, login, letters("ham", 1, seed=200))
    assert status_of(login.stored()[-1]).startswith(b"X-Spam-Status: No, score=-")


def test_each_message_is_learned_once_and_can_be_taken_back(
    daemons: Daemons, login: Login, client: imaplib.IMAP4, bayes: Bayes
) -> None:
    send(daemons, login, letters("spam", 3, seed=2))
    mark = daemons.mark()
    before = bayes.totals(SERVER)
    move(client, "INBOX", "1", "Junk")
    daemons.wait("learning.learned", mark, account=login.address, spam=True)
    assert bayes.totals(login.address) == Counts(1, 0)
    assert bayes.totals(SERVER) == Counts(before.spam + 1, before.ham)

    move(client, "Junk", "1:*", "INBOX")
    daemons.wait("learning.learned", mark, account=login.address, spam=False)
    assert bayes.totals(login.address) == Counts(0, 1)
    assert bayes.totals(SERVER) == Counts(before.spam, before.ham + 1)

    # Junk into Trash teaches nothing, nor does filing: a later lesson tells that both were looked at.
    client.select("INBOX")
    move(client, "INBOX", "2", "Archive")
    move(client, "INBOX", "3", "Junk")
    daemons.wait("learning.learned", mark, times=2, account=login.address, spam=True)
    move(client, "Junk", "1:*", "Trash")
    send(daemons, login, letters("spam", 1, seed=3))
    client.select("INBOX")
    move(client, "INBOX", "*", "Junk")
    daemons.wait("learning.learned", mark, times=3, account=login.address, spam=True)
    assert len(daemons.all("learning.learned", mark, account=login.address)) == 4
    assert bayes.totals(login.address) == Counts(2, 1)
