"""The full-text index is killed or loses its power while it is fed; what is found then is what a scan finds.

It may know less than there is, and say so: what it does not know is read. What it says it knows, it must know: the
messages that it names hold the text, and those that it does not name do not. Fed on, it knows everything.
"""

import itertools
import shutil
from pathlib import Path

import pytest

from storage import mailbox
from storage.columns import Columns
from storage.look import look
from storage.mime.text import fold
from storage.rows import Row
from storage.search import fulltext
from storage.search.feed import feed
from storage.search.find import Finder, Said
from tests.crash import calls
from tests.crash.calls import Say
from tests.crash.rounds import LONG
from tests.crash.state import Place
from tests.crash.works import filled

pytestmark = pytest.mark.usefixtures("small", "quick")

SUBJECTS = ("会議の資料", "invoice", "会議室", "昼食", "invoices 会議", "x")
WORDS = ("会議", "invoice", "昼食", "資料", "nothing of it")


def mails(first: int, last: int) -> list[bytes]:
    return [
        f"Subject: {SUBJECTS[number % len(SUBJECTS)]} {number}\r\n\r\n{'y' * 20_000}\r\n".encode()
        for number in range(first, last)
    ]


def work(place: Place, say: Say) -> None:
    """Taken in some at a time, while messages come, move and go."""
    with place.files() as files:
        feed(files, most=3)
        say("some")
        mailbox.move(files, "INBOX", [5, 6], "Archive")
        mailbox.expunge(files, "INBOX", [7], flagged_only=False)
    place.append(*mails(8, 12))
    with place.files() as files:
        while feed(files, most=3).more:
            pass
        say("all")


def rows(place: Place, name: str) -> list[tuple[Row, bytes]]:
    with place.files() as files:
        with files.reading() as db:
            (mailboxid,) = db.execute("SELECT mailboxid FROM mailboxes WHERE name = ?", (name,)).fetchone()
        loaded = look(files, mailboxid, -1)
        assert loaded is not None
        messages = place.look()["taro@example.test"][name].messages
        return [(row, messages[row.uid][0]) for row in loaded.rows]


def found_as_by_a_scan(place: Place, whole: bool) -> None:
    folder = place.data / "mail" / "example.test" / "taro"
    for name in ("INBOX", "Archive"):
        here = rows(place, name)
        part = Columns.of([row for row, _ in here]).all()
        questions = [Said(fold(word), True) for word in WORDS]
        for word, said in zip(WORDS, Finder().find(folder, part, questions), strict=True):
            holding = {row.uid for row, text in here if word in text.decode()}
            assert said.found == holding - said.unknown, f"{word} in {name}"
            assert not (whole and said.unknown), "taken in, and not known"


def check(place: Place, said: list[str]) -> None:
    found_as_by_a_scan(place, whole="all" in said)
    with place.files() as files:
        while feed(files, most=3).more:
            pass
    found_as_by_a_scan(place, whole=True)


def prepared(ground: Path) -> Place:
    place = Place(ground)
    filled(place)
    place.append(*mails(0, 8))
    return place


def test_killed_between_any_two_calls(ground: Path) -> None:
    """Before every second call; in the long run (`make crash`) before each."""
    origin = prepared(ground / "origin")
    for turn, count in enumerate(itertools.count(1, 1 if LONG else 2)):
        place = origin.copy_to(ground / "now")
        ended, said = calls.run(lambda say, place=place: work(place, say), calls.stop_before(count))
        if turn % 3 == 0:
            place.lose_indexes()
        try:
            check(place, said)
        except Exception as error:
            error.add_note(f"stopped before call {count}, acknowledged {said}: see {place.data}")
            raise
        shutil.rmtree(place.data)
        if ended:
            assert "all" in said and count > 20
            return


def test_any_state_of_one_with_any_state_of_the_other(ground: Path) -> None:
    """As a power cut leaves them, or a backup: the messages of one moment, and the full-text index of another."""
    origin = prepared(ground / "origin")
    moments = [origin.copy_to(ground / "0")]
    for count in (15, 40, 1000):
        place = origin.copy_to(ground / str(count))
        calls.run(lambda say, place=place: work(place, say), calls.stop_before(count))
        moments.append(place)
    for number, (messages, words) in enumerate(itertools.product(moments, moments)):
        place = messages.copy_to(ground / f"mixed{number}")
        for suffix in ("", "-wal"):
            name = f"mail/example.test/taro/{fulltext.FILE}{suffix}"
            (place.data / name).unlink(missing_ok=True)
            if (words.data / name).exists():
                shutil.copy(words.data / name, place.data / name)
        check(place, [])
        shutil.rmtree(place.data)
