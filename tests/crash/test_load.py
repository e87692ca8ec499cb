"""Processes are killed with SIGKILL at random moments under load, and started again; nothing is lost.

In every other round all of them at once, in the others one after the other (one of one or two that do SMTP, of one
or two that do IMAP, or the relay), while the rest goes on with what it leaves.

Each message that was acknowledged is there exactly once for each acknowledged place, byte for byte; one that was
not at most once for its one attempt; one from the queue once for each attempt that was cut off, beside the one that
was not; each UID means the same message; acknowledged flags are kept. In a third of the rounds the indexes are
deleted in between. What IMAP shows is compared with the files.
"""

import contextlib
import random
import re
import time
from collections import Counter
from pathlib import Path

from storage.bus import Bus
from storage.queue.admin import QueueAdmin
from storage.queue.queue import ADDED, Queue
from storage.queue.queued import Select
from tests.crash.leases import give_back
from tests.crash.load import FOLDERS, Book, Doubt, Load, change, deliver, enqueue
from tests.crash.rounds import LONG, ROUNDS, SEED
from tests.crash.server import Server

ADDRESSES = ("taro@example.test", "hanako@example.test")
MANY = 400  # messages in an account: more are expunged after the check, so that 500 rounds stay quick

Found = dict[tuple[str, int, int], tuple[str, frozenset[str]]]  # (mailbox, UIDVALIDITY, UID) -> word, flags


def test_nothing_is_lost_when_processes_are_killed_under_load(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    server = Server(tmp_path / "server")
    books = {address: [Book(address) for _ in range(4)] for address in ADDRESSES}
    rounds = 0
    try:
        server.start()
        while rounds < ROUNDS:
            rounds += 1
            one_round(server, books, rng, together=rounds % 2 == 1)
            print(".", end="" if rounds % 50 else f" {rounds}\n", flush=True)
    except Exception as error:
        error.add_note(f"round {rounds} with KWCMAILD_CRASH_SEED={SEED}; see {server.data}")
        raise
    finally:
        server.kill()


def one_round(server: Server, books: dict[str, list[Book]], rng: random.Random, together: bool) -> None:
    load = Load(server)
    for address in ADDRESSES:
        sender, queuer, *clients = books[address]
        load.start(deliver, sender, rng.getrandbits(32))
        load.start(enqueue, queuer, rng.getrandbits(32))
        for book in clients:
            load.start(change, book, rng.getrandbits(32))
    load.wait(rng.randint(1, 150))
    kills = 1
    if together:
        server.kill()
    else:
        kills = rng.randint(1, 3) if LONG else 1
        for _ in range(kills):
            server.kill(rng.choice(server.running))
            server.start()
            load.wait(rng.randint(1, 40))
    load.join()
    if together:
        if rng.random() < 1 / 3:
            for address in ADDRESSES:
                (server.accounts(address) / "index.sqlite").unlink(missing_ok=True)
        server.workers(rng.choice((1, 2)))
        server.start()
    empty_queue(server)
    for address in ADDRESSES:
        check(server, address, books[address], kills)


def empty_queue(server: Server) -> None:
    """Wait until all is delivered, also what killed processes had leased."""
    bus = Bus(server.demo.folder / "run")
    with contextlib.closing(Queue(server.data / "queue")) as queue:
        admin = QueueAdmin(queue)
        give_back(queue)
        end = time.monotonic() + 120
        while admin.stats().messages:
            assert time.monotonic() < end, f"not delivered from the queue: {list(admin.list(Select()))}"
            bus.publish(ADDED)
            time.sleep(0.05)
    bus.close()


def check(server: Server, address: str, books: list[Book], kills: int) -> None:
    found = look(server, address, books)
    for book in books:
        held = {place: have for place, have in found.items() if have[0] in book.texts}
        for place, (word, _) in held.items():
            assert book.means.setdefault(place, word) == word, f"UID {place} means another message"
        where: dict[str, Counter[str]] = {}
        for (folder, _, _), (word, _) in held.items():
            where.setdefault(word, Counter())[folder] += 1
        doubtful = dict(book.doubt.instead.items())
        for word, place in book.where.items():
            if word not in doubtful:
                assert where.get(word, Counter()) == place, f"{word}: {where.get(word)} is not {place}"
        for word in book.queued:
            # An attempt that was cut off before it was recorded is made again.
            have = where.get(word, Counter())
            assert have.keys() == {"INBOX"} and have["INBOX"] <= 1 + kills, f"{word} was queued: {have}"
            book.where[word] = have
        book.queued.clear()
        for word in where:
            assert word in book.where or word in doubtful, f"{word} was never sent"
        outcomes = []
        for word, place in doubtful.items():
            was, have = book.where.get(word, Counter()), where.get(word, Counter())
            assert have in (was, place), f"{word} in doubt: {have} is neither {was} nor {place}"
            outcomes.append(have == place)
        assert not book.doubt.together or len(set(outcomes)) <= 1, "a COPY was done in part"
        for word, flags in held.values():
            must = book.flags.get(word, frozenset())
            assert flags - {"\\Recent"} >= must, f"{word} has lost flags: {flags} of {must}"
        settle(book, held, where)
    if len(found) > MANY:
        throw_away(server, address, books)


def settle(book: Book, held: Found, where: dict[str, Counter[str]]) -> None:
    """What was in doubt is known now."""
    for word in book.doubt.instead:
        book.where[word] = where.get(word, Counter())
        book.flags.setdefault(word, frozenset())
    book.where = {word: place for word, place in book.where.items() if any(place.values())}
    book.texts = {word: book.texts[word] for word in book.where}
    book.uids = {(folder, uid): word for (folder, _, uid), (word, _) in held.items()}
    book.doubt = Doubt()


def look(server: Server, address: str, books: list[Book]) -> Found:
    """All that IMAP shows, which is all that the files hold."""
    texts = {word: text for book in books for word, text in book.texts.items()}
    client = server.imap(address)
    found: Found = {}
    for folder in FOLDERS:
        assert client.select(folder)[0] == "OK"
        validity = int(client.response("UIDVALIDITY")[1][0])
        _, data = client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
        shown = []
        for line in (piece for piece in data if isinstance(piece, tuple)):
            uid, flags = re.search(rb"UID (\d+)", line[0]), re.search(rb"FLAGS \(([^)]*)\)", line[0])
            word = re.search(rb"^Subject: (\w+)\r\n", line[1], re.M)
            assert uid and flags and word
            assert line[1].endswith(texts[word[1].decode()]), f"{word[1]} is not what was sent"
            shown.append(line[1])
            place = (folder, validity, int(uid[1]))
            found[place] = (word[1].decode(), frozenset(flags[1].decode().split()))
        path = server.accounts(address) / "Maildir" / ("" if folder == "INBOX" else f".{folder}")
        files = [file.read_bytes() for part in ("new", "cur") for file in (path / part).iterdir()]
        assert Counter(files) == Counter(shown), f"{folder} shows other messages than the files"
    client.logout()
    return found


def throw_away(server: Server, address: str, books: list[Book]) -> None:
    """Everything; the books keep only what each UID has meant."""
    client = server.imap(address)
    for folder in FOLDERS:
        client.select(folder)
        assert client.uid("STORE", "1:*", "+FLAGS.SILENT", "(\\Deleted)")[0] == "OK"
        assert client.expunge()[0] == "OK"
    client.logout()
    for book in books:
        for kept in (book.texts, book.where, book.flags, book.uids):
            kept.clear()
