"""Work from many connections at once, and a book of what was acknowledged and what is in doubt.

Every message has a word of its own in its Subject. A worker changes only messages that it appended itself, so
that at the moment of the kill at most one command of each worker is in doubt, and the book says for each
message in which mailboxes it must be, or may be instead.
"""

import contextlib
import imaplib
import itertools
import random
import re
import smtplib
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from storage.bus import Bus
from storage.message import Message
from storage.queue.queue import ADDED, Queue
from storage.queue.queued import Addressee
from tests.crash.server import Server

FOLDERS = ("INBOX", "Archive", "Sent")
Place = Counter[str]  # how often a message is in each mailbox
_words = itertools.count(1)


@dataclass
class Doubt:
    """What may be found instead of what the book says; `together`: all of it or nothing."""

    instead: dict[str, Place] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    together: bool = False


@dataclass
class Book:
    """One worker's messages, as far as the server has acknowledged them."""

    address: str
    texts: dict[str, bytes] = field(default_factory=dict)
    where: dict[str, Place] = field(default_factory=dict)
    flags: dict[str, frozenset[str]] = field(default_factory=dict)  # that every copy has at least
    uids: dict[tuple[str, int], str] = field(default_factory=dict)  # (mailbox, UID) -> word
    means: dict[tuple[str, int, int], str] = field(default_factory=dict)  # for ever: with UIDVALIDITY
    queued: set[str] = field(default_factory=set)  # put into the queue, for INBOX
    doubt: Doubt = field(default_factory=Doubt)


class Load:
    """Runs workers until they lose their connections, and counts what they got done."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._done = 0
        self._news = threading.Condition()
        self._threads: list[threading.Thread] = []
        self.stopping = threading.Event()
        self.failures: list[BaseException] = []

    def start(
        self, work: Callable[["Load", Server, Book, random.Random], None], book: Book, seed: int
    ) -> None:
        def run() -> None:
            try:
                work(self, self._server, book, random.Random(seed))
            except (OSError, EOFError, smtplib.SMTPException, imaplib.IMAP4.abort):
                pass  # killed
            except BaseException as error:
                self.failures.append(error)
                self.count()

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def count(self) -> None:
        with self._news:
            self._done += 1
            self._news.notify_all()

    def wait(self, commands: int) -> None:
        """Until so many commands more were acknowledged."""
        with self._news:
            wanted = self._done + commands
            assert self._news.wait_for(lambda: self._done >= wanted or self.failures, 300), "it hangs"

    def join(self) -> None:
        """Whoever has a connection ends what is being done, and stops."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(150)
            assert not thread.is_alive()
        if self.failures:
            raise self.failures[0]


def _new(book: Book, rng: random.Random) -> tuple[str, bytes]:
    word = f"w{next(_words)}x{rng.getrandbits(40):010x}"
    size = rng.choice((1, 1, 20, 20, 20, 300, 300, 20_000))  # lines: the last is past the spool's memory
    lines = b"".join(b"%06d %s\r\n" % (n, word.encode()) for n in range(size))
    text = f"From: a@example.test\r\nSubject: {word}\r\n\r\n".encode() + lines
    book.texts[word] = text
    return word, text


def deliver(load: Load, server: Server, book: Book, rng: random.Random) -> None:
    """SMTP, one message after the other on one connection."""
    with contextlib.closing(smtplib.SMTP("127.0.0.1", server.demo.ports["mx"], timeout=120)) as client:
        while not load.stopping.is_set():
            word, text = _new(book, rng)
            book.doubt = Doubt({word: Counter(INBOX=1)})
            refused = client.sendmail("a@example.net", [book.address], text)
            assert not refused
            book.where[word] = Counter(INBOX=1)
            book.doubt = Doubt()
            load.count()


def enqueue(load: Load, server: Server, book: Book, rng: random.Random) -> None:
    """Mail that waits, put into the queue from here; the relay delivers it."""
    bus = Bus(server.demo.folder / "run")
    with contextlib.closing(Queue(server.data / "queue", wake=lambda *_: bus.publish(ADDED))) as queue:
        while not load.stopping.wait(0.05):  # the relay keeps up with that
            word, text = _new(book, rng)
            queue.add(Message.of(text), "a@example.net", [Addressee(book.address)], "t")
            book.queued.add(word)
            load.count()
    bus.close()


def change(load: Load, server: Server, book: Book, rng: random.Random) -> None:
    """APPEND, STORE, COPY, MOVE and EXPUNGE of this worker's own messages, at random."""
    client = server.imap(book.address)
    try:
        while not load.stopping.is_set():
            folder = rng.choice(FOLDERS)
            if rng.random() < 0.3 or not book.uids:
                _append(client, book, folder, rng)
            else:
                mine = [uid for (name, uid) in book.uids if name == folder]
                if not mine:
                    continue
                uids = sorted(rng.sample(mine, min(len(mine), rng.randint(1, 4))))
                client.select(folder)
                rng.choice((_store, _copy, _copy, _move, _move, _expunge))(client, book, folder, uids, rng)
            load.count()
    finally:
        client.shutdown()


def _append(client: imaplib.IMAP4, book: Book, folder: str, rng: random.Random) -> None:
    word, text = _new(book, rng)
    book.doubt = Doubt({word: Counter([folder])})
    flags = rng.choice(
        (frozenset(), frozenset({"\\Seen"}), frozenset({"\\Flagged", f"k{rng.randint(0, 5)}"}))
    )
    _, data = _ok(client.append(folder, "(" + " ".join(sorted(flags)) + ")", "", text))
    match = re.search(rb"APPENDUID (\d+) (\d+)\]", data[0])
    assert match, data
    _learn(book, folder, int(match[1]), int(match[2]), word)
    book.where[word] = Counter([folder])
    book.flags[word] = flags
    book.doubt = Doubt()


def _store(client: imaplib.IMAP4, book: Book, folder: str, uids: list[int], rng: random.Random) -> None:
    flag = rng.choice(("\\Seen", "\\Answered", "k1", "k7"))
    book.doubt = Doubt(flags=frozenset({flag}))
    for uid in uids:
        word = book.uids[folder, uid]
        if sum(book.where[word].values()) == 1:  # the book keeps the flags that all copies have
            _ok(client.uid("STORE", str(uid), "+FLAGS", f"({flag})"))
            book.flags[word] |= {flag}
    book.doubt = Doubt()


def _copy(client: imaplib.IMAP4, book: Book, folder: str, uids: list[int], rng: random.Random) -> None:
    _carry(client, book, folder, uids, rng.choice(FOLDERS), "COPY")


def _move(client: imaplib.IMAP4, book: Book, folder: str, uids: list[int], rng: random.Random) -> None:
    _carry(client, book, folder, uids, rng.choice(FOLDERS), "MOVE")


def _carry(client: imaplib.IMAP4, book: Book, folder: str, uids: list[int], to: str, how: str) -> None:
    leaves = Counter(book.uids[folder, uid] for uid in uids) if how == "MOVE" else Counter()
    comes = Counter(book.uids[folder, uid] for uid in uids)
    if max(comes.values()) > 1:
        return  # two copies of one message: the book could not say which one is in doubt
    after = {word: book.where[word] - Counter({folder: leaves[word]}) + Counter([to]) for word in comes}
    book.doubt = Doubt(after, together=how == "COPY")
    client.untagged_responses.pop("COPYUID", None)
    _, data = _ok(client.uid(how, ",".join(map(str, uids)), to))
    said = (
        (data[0] or b"")
        + b" "
        + b" ".join(b"[COPYUID " + code + b"]" for code in client.untagged_responses.get("COPYUID", []))
    )
    match = re.search(rb"COPYUID (\d+) (\S+) ([^\s\]]+)\]", said)
    assert match, said
    pairs = list(zip(_set(match[2]), _set(match[3]), strict=True))
    assert [pair[0] for pair in pairs] == uids
    words = {uid: book.uids[folder, uid] for uid in uids}
    if how == "MOVE":
        for uid in uids:
            del book.uids[folder, uid]
    for old, new in pairs:
        _learn(book, to, int(match[1]), new, words[old])
    book.where.update(after)
    book.doubt = Doubt()


def _expunge(client: imaplib.IMAP4, book: Book, folder: str, uids: list[int], _: random.Random) -> None:
    words = Counter(book.uids[folder, uid] for uid in uids)
    if max(words.values()) > 1:
        return
    after = {word: book.where[word] - Counter([folder]) for word in words}
    book.doubt = Doubt(after, flags=frozenset({"\\Deleted"}))
    _ok(client.uid("STORE", ",".join(map(str, uids)), "+FLAGS", "(\\Deleted)"))
    _ok(client.uid("EXPUNGE", ",".join(map(str, uids))))
    for uid in uids:
        del book.uids[folder, uid]
    book.where.update(after)
    book.doubt = Doubt()


def _learn(book: Book, folder: str, validity: int, uid: int, word: str) -> None:
    assert book.means.setdefault((folder, validity, uid), word) == word, f"UID {uid} given out twice"
    book.uids[folder, uid] = word


def _ok(answer: "tuple[str, list[bytes]]") -> "tuple[str, list[bytes]]":
    assert answer[0] == "OK", answer
    return answer


def _set(text: bytes) -> list[int]:
    """The numbers of a sequence set, ascending as the server sends them."""
    found: list[int] = []
    for piece in text.split(b","):
        first, _, last = piece.partition(b":")
        found += range(int(first), int(last or first) + 1)
    return found
