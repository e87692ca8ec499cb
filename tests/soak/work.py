"""Mixed work for a mail server: each worker is a thread with a pace, which goes on until it is told to stop.

No worker lets mail pile up: what comes into a mailbox leaves it again, so that what the server holds at the end
is what it held at the beginning. A worker hears an answer to all that it asks, and what it does not expect
ends the soak.
"""

import contextlib
import imaplib
import itertools
import poplib
import random
import select
import smtplib
import socket
import ssl
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable

from config.load import load_settings
from storage.admin import AccountChange, Refused, set_account
from storage.bus import Bus
from storage.message import Message
from storage.people.directory import Directory
from storage.queue.queue import ADDED, Queue
from storage.queue.queued import Addressee
from tests.clients.daemons import PASSWORD, Login
from tests.soak.server import MUCH, Server

KEPT = 60  # messages of a mailbox; what is older goes
TIMEOUT = 600.0  # seconds: on a machine that others want, too
SIZES = (200, 2_000, 2_000, 10_000, 60_000, 400_000)  # the last is past the spool's memory
FOLDERS = ("INBOX", "Archive", "Sent", "Trash")

Work = Callable[["Workers", random.Random], None]


class Workers:
    """The threads, what they have done, and what went wrong."""

    def __init__(self, server: Server, pause: float) -> None:
        self.server = server
        self.done: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        self.stopping = threading.Event()
        self.tls = ssl.create_default_context(cafile=str(server.demo.ca))
        self._pause = pause
        self._threads: list[threading.Thread] = []

    def start(self, work: Work, seed: int) -> None:
        def run() -> None:
            try:
                work(self, random.Random(seed))
            except BaseException as error:
                error.add_note(f"in {work.__name__}")
                self.failures.append(error)
                self.stopping.set()

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def step(self, what: str) -> bool:
        """Something was done; whether to go on, after a pause."""
        self.done[what] += 1
        return not self.stopping.wait(self._pause)

    def stop(self) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join(TIMEOUT + 10)
            assert not thread.is_alive(), "a worker hangs"
        if self.failures:
            raise self.failures[0]

    def port(self, name: str) -> int:
        return self.server.demo.ports[name]


def _text(rng: random.Random, kind: str = "soak", author: str = "a@example.test") -> bytes:
    line = b"%016x some words of a mail\r\n" % rng.getrandbits(64)
    head = f"From: {author}\r\nTo: b@example.test\r\nSubject: {kind} {rng.getrandbits(32)}\r\n"
    mime = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
    return (head + mime).encode() + line * (rng.choice(SIZES) // len(line)) + b"--b--\r\n"


# SMTP


def mail_from_the_world(workers: Workers, rng: random.Random) -> None:
    """To port 25, to one or several; now and then one that vanishes in the middle of a message."""
    while not workers.stopping.is_set():
        client = smtplib.SMTP("127.0.0.1", workers.port("mx"), timeout=TIMEOUT)
        with contextlib.closing(client):
            client.ehlo("soak.example")
            if rng.random() < 0.3:
                client.starttls(context=workers.tls)
            for _ in range(rng.randint(1, 20)):
                to = rng.sample([user.address for user in workers.server.users], rng.choice((1, 1, 1, 3)))
                assert not client.sendmail("world@example.net", to, _text(rng))
                if not workers.step("SMTP in"):
                    return
            if rng.random() < 0.2:
                client.mail("world@example.net")
                client.rcpt(workers.server.users[0].address)
                client.docmd("DATA")
                client.send(b"Subject: half\r\n\r\n" + b"x" * rng.choice((10, 400_000)))
                workers.done["SMTP, vanished"] += 1


def submission(workers: Workers, rng: random.Random) -> None:
    """With TLS and a login, which is now and then a wrong one."""
    while not workers.stopping.is_set():
        user, to = rng.sample(workers.server.users, 2)
        if rng.random() < 0.5:
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                "localhost", workers.port("submissions"), timeout=TIMEOUT, context=workers.tls
            )
        else:
            client = smtplib.SMTP("localhost", workers.port("submission"), timeout=TIMEOUT)
            client.starttls(context=workers.tls)
        with contextlib.closing(client):
            if rng.random() < 0.1:
                with contextlib.suppress(smtplib.SMTPAuthenticationError):
                    client.login(user.address, "wrong")
                    raise AssertionError("a wrong password was taken")
                workers.done["login refused"] += 1
                continue
            client.login(user.address, PASSWORD)
            client.sendmail(user.address, [to.address], _text(rng, "submitted", user.address))
            if not workers.step("submission"):
                return


def mail_that_waits(workers: Workers, rng: random.Random) -> None:
    """Put into the queue, so that the relay has something to deliver; and one for nobody, which comes back."""
    bus = Bus(workers.server.folder / "run")
    queue = Queue(workers.server.folder / "data" / "queue", wake=lambda *_: bus.publish(ADDED))
    try:
        while True:
            user, sender = rng.sample(workers.server.users, 2)
            to = [Addressee(user.address)]
            if rng.random() < 0.2:
                to.append(Addressee("nobody@example.test"))
            queue.add(Message.of(_text(rng, "queued")), sender.address, to, "soak")
            if not workers.step("queued"):
                return
    finally:
        queue.close()
        bus.close()


# IMAP


def _imap(workers: Workers, user: Login, rng: random.Random) -> imaplib.IMAP4:
    if rng.random() < 0.3:
        client: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            "localhost", workers.port("imaps"), ssl_context=workers.tls, timeout=TIMEOUT
        )
    else:
        client = imaplib.IMAP4("127.0.0.1", workers.port("imap"), timeout=TIMEOUT)
    client.login(user.address, PASSWORD)
    return client


def mail_program(workers: Workers, rng: random.Random) -> None:
    """One user after the other: reads, files, marks, moves, throws away."""
    while not workers.stopping.is_set():
        client = _imap(workers, rng.choice(workers.server.users), rng)
        try:
            for _ in range(rng.randint(1, 40)):
                _something(client, workers, rng)
                if not workers.step("IMAP"):
                    return
            if rng.random() < 0.7:
                client.logout()
        finally:
            with contextlib.suppress(OSError):  # after LOGOUT it is closed
                client.shutdown()


def _something(client: imaplib.IMAP4, workers: Workers, rng: random.Random) -> None:
    folder = rng.choice(FOLDERS)
    count = int(_ok(client.select(folder))[0])
    if rng.random() < 0.25:
        _ok(client.append(folder, "(\\Seen $Soak)", "", _text(rng, "appended")))
        workers.done["APPEND"] += 1
    elif count:
        first = rng.randint(1, count)
        some = f"{first}:{min(count, first + rng.randint(0, 5))}"
        kind = rng.choice(("FETCH", "FETCH", "STORE", "COPY", "MOVE", "SEARCH", "STATUS", "LIST", "CREATE"))
        workers.done[kind] += 1
        if kind == "FETCH":
            what = rng.choice(("(UID FLAGS ENVELOPE BODYSTRUCTURE)", "BODY.PEEK[]", "(UID BODY[HEADER])"))
            _ok(client.fetch(some, what))
        elif kind == "STORE":
            _ok(
                client.store(
                    some, rng.choice("+-") + "FLAGS", rng.choice(("\\Flagged", "\\Answered", "$Soak"))
                )
            )
        elif kind == "COPY":
            _ok(client.copy(some, rng.choice(FOLDERS)), "NO")
        elif kind == "MOVE":
            if uids := _ok(client.uid("SEARCH", some))[0]:
                _ok(client.uid("MOVE", uids.decode().replace(" ", ","), rng.choice(FOLDERS)))
        elif kind == "SEARCH":
            _ok(client.search(None, "OR", "SUBJECT", "queued", "TEXT", '"nowhere to be found"'))
        elif kind == "STATUS":
            _ok(client.status(rng.choice(FOLDERS), "(MESSAGES UIDNEXT UNSEEN HIGHESTMODSEQ)"))
        elif kind == "LIST":
            _ok(client.list())
        else:
            _folders(client)
    _thin_out(client, folder)


def _folders(client: imaplib.IMAP4) -> None:
    """Made, filled, renamed, deleted; another worker of this user may be doing the same."""
    _ok(client.create("made/within"), "NO")
    _ok(client.uid("COPY", "*", "made/within"), "NO")  # the last, if any is left
    _ok(client.rename("made", "renamed"), "NO")
    for name in ("renamed/within", "made/within", "renamed", "made"):
        _ok(client.delete(name), "NO")


def _thin_out(client: imaplib.IMAP4, folder: str) -> None:
    count = int(_ok(client.select(folder))[0])
    if count > KEPT:
        _ok(client.store(f"1:{count - KEPT}", "+FLAGS.SILENT", "(\\Deleted)"))
        _ok(client.expunge())


def _ok(answer: "tuple[str, list[bytes]]", or_else: str = "") -> "list[bytes]":
    gone = answer[0] == "NO" and b"[EXPUNGEISSUED]" in answer[1][0]  # RFC 5530: by another session, meanwhile
    assert gone or answer[0] in ("OK", or_else), answer
    return answer[1]


def phone(workers: Workers, rng: random.Random) -> None:
    """In IDLE the whole time, and fetches what comes; it stays logged in from the beginning to the end."""
    user = workers.server.users[0]
    sock = socket.create_connection(("127.0.0.1", workers.port("imap")), timeout=TIMEOUT)
    heard = b""

    def line() -> bytes:
        nonlocal heard
        while b"\n" not in heard:
            piece = sock.recv(65536)
            assert piece, "the server has closed"
            heard += piece
        one, _, heard = heard.partition(b"\n")
        return one

    def ask(command: str, start: bytes) -> None:
        sock.sendall(command.encode() + b"\r\n")
        while not (answer := line()).startswith(start):
            pass
        assert answer.startswith((b"x OK", b"+", b"x NO [EXPUNGEISSUED]")), answer

    with contextlib.closing(sock):
        ask(f"x LOGIN {user.address} {PASSWORD}", b"x ")
        ask("x SELECT INBOX", b"x ")
        while not workers.stopping.is_set():
            ask("x IDLE", b"+")
            while not heard and not workers.stopping.is_set():
                if select.select([sock], [], [], 1.0)[0]:
                    assert line().startswith(b"* ")
                    break
            ask("DONE", b"x ")
            ask("x FETCH 1:* (UID FLAGS ENVELOPE)", b"x ")
            workers.step("IDLE")


# The others


def pop3(workers: Workers, rng: random.Random) -> None:
    while not workers.stopping.is_set():
        user = rng.choice(workers.server.users)
        client = poplib.POP3("127.0.0.1", workers.port("pop3"), timeout=TIMEOUT)
        with contextlib.closing(client):
            if rng.random() < 0.3:
                client.stls(context=workers.tls)
            client.user(user.address)
            try:
                client.pass_(PASSWORD)
            except poplib.error_proto as error:  # the session that vanished has not ended yet
                assert b"[IN-USE]" in error.args[0], error
                workers.step("POP3, in use")
                continue
            count, _ = client.stat()
            client.uidl()
            for number in range(1, min(count, 5) + 1):
                try:
                    client.retr(number)
                    if rng.random() < 0.5:
                        client.dele(number)
                except poplib.error_proto as error:  # another session has expunged it meanwhile
                    assert b"-ERR" in error.args[0], error
            if rng.random() < 0.8:
                client.quit()
        if not workers.step("POP3"):
            return


def visitor(workers: Workers, rng: random.Random) -> None:
    """Of the web pages."""
    while True:
        page = rng.choice(("", "healthz", "mail/config-v1.1.xml?emailaddress=taro@example.test"))
        url = f"https://localhost:{workers.port('web')}/{page}"
        with urllib.request.urlopen(url, timeout=TIMEOUT, context=workers.tls) as answer:
            assert answer.status == 200 and answer.read()
        if not workers.step("HTTP"):
            return


def operator(workers: Workers, rng: random.Random) -> None:
    """Reloads, and account files that change, each way in which they do; accounts that come and go."""
    server = workers.server
    directory = Directory(load_settings(server.demo.settings))
    accounts = server.domain_folder() / "accounts"
    user = server.users[-1]
    try:
        for number in itertools.count():
            kind = number % 5
            if kind == 0:
                server.reload()
            elif kind == 1:
                with contextlib.suppress(Refused):
                    set_account(directory, user.address, AccountChange(comment=f"number {number}"))
            elif kind == 2:
                path = accounts / f"{user.local}.yaml"
                path.write_text(path.read_text())  # in place, as some editors do
            elif kind == 3:
                server.account(user.local, MUCH + f"# by hand, number {number}\n")
            else:
                guest = server.account(f"guest{number // 5 % 3}")
                client = _imap(workers, guest, rng)
                _ok(client.append("INBOX", "", "", _text(rng)))
                client.logout()
                (accounts / f"{guest.local}.yaml").unlink()
            for _ in range(4):
                if not workers.step("operator, waited"):
                    return
            workers.done[("SIGHUP", "set", "edited", "replaced", "account made and deleted")[kind]] += 1
    finally:
        directory.close()


ALL: tuple[Work, ...] = (
    mail_from_the_world,
    mail_from_the_world,
    submission,
    mail_that_waits,
    mail_program,
    mail_program,
    mail_program,
    phone,
    pop3,
    visitor,
    operator,
)
