"""An account of 50 GB and 500,000 messages in 200 folders: does it work, how long does it take, in how much memory?

    nice python -m benchmarks.large_account [--messages N] [--mailboxes N] [--gigabytes N] [--folder DIR]

A fifth of the messages lie in INBOX. Each is a name in a Maildir; what is in the files is one of `LETTERS` letters
of all sizes, linked many times, so 50 GB take 50 MB of the disk and no hour to write. The account comes as a
restored backup does: nothing but files, no index. The server is `kwcmaild serve`, without a full-text index.
"""

import argparse
import base64
import os
import random
import re
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.mail import message
from kwcmaild.demo import DOMAIN
from storage import describe
from storage.layout import INBOX, folder_name
from tests.clients.daemons import HOST, PASSWORD, ROOT, Daemons

LETTERS = 500  # files; each has a thousandth of the names that one may have
SPREAD = 1.5  # of the logarithms of their sizes: most are small, a few make up the half of all
LOCAL = "large"
ADDRESS = f"{LOCAL}@{DOMAIN}"
DAY = 86_400
TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=500_000)
    parser.add_argument("--mailboxes", type=int, default=200)
    parser.add_argument("--gigabytes", type=int, default=50)
    parser.add_argument("--folder", type=Path, help="on which disk; a temporary folder if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="kwcmaild-large-") as folder:
        _measure(Path(folder), options.messages, options.mailboxes, options.gigabytes * 10**9)


def names(mailboxes: int) -> list[str]:
    """INBOX, and projects by year, three levels deep."""
    some = [f"Projects/{2000 + number // 12}/客先{number % 12 + 1:02}" for number in range(mailboxes - 1)]
    return [INBOX, *some]


def make(data: Path, folder: Path, messages: int, mailboxes: int, octets: int) -> None:
    """The files of the account, as another server of ours would have left them."""
    letters = _letters(folder / "letters", octets // messages)
    maildir = data / "mail" / DOMAIN / LOCAL / "Maildir"
    now = int(time.time())
    begin = now - messages * 60
    each = messages * 4 // 5 // max(1, mailboxes - 1)
    number = 0
    for order, name in enumerate(names(mailboxes)):
        path = maildir / folder_name(name)
        for place in ("cur", "new", "tmp"):
            (path / place).mkdir(parents=True)
        count = messages - each * (mailboxes - 1) if name == INBOX else each
        for uid in range(1, count + 1):
            letter, size = letters[number % LETTERS]
            flags = ("S", "S", "S", "RS", "FS", "")[number % 6]
            at = f"{path}/cur/{begin + number * 60}.KW{number:x}0a.bench,S={size},U={uid}:2,{flags}"
            os.link(letter, at)
            number += 1
        described = describe.Description(f"M{order:020x}", now + order, count + 1000, begin * 1_000_000)
        describe.save(path, described)


def _letters(folder: Path, mean: int) -> list[tuple[str, int]]:
    """Path and size of each. Large ones are text and an attachment."""
    folder.mkdir()
    chance = random.Random(7)
    weights = [chance.lognormvariate(0, SPREAD) for _ in range(LETTERS)]
    found = []
    for number, weight in enumerate(weights):
        size = max(1500, int(weight * mean * LETTERS / sum(weights)))
        head = message(number, 0).replace(b"Content-Type: text/plain; charset=utf-8\r\n", b"")
        head = head.partition(b"Content-Transfer-Encoding")[0]
        start = (
            head + b'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\n'
            b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
            + f"会議の資料 {number} です。\r\n".encode() * 20
            + b"--=_b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        )
        line = base64.b64encode(chance.randbytes(57)) + b"\r\n"
        whole = start + line * max(1, (size - len(start)) // len(line)) + b"--=_b--\r\n"
        path = folder / f"{number}"
        path.write_bytes(whole)
        found.append((str(path), len(whole)))
    return found


class Client:
    """Says a command and reads to its end, keeping little."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=3600)
        self._read(b"* ")

    def __call__(self, command: str) -> bytes:
        """The last part of the answer."""
        self.socket.sendall(f"a {command}\r\n".encode())
        tail = self._read(b"a ")
        assert b"\r\na OK" in tail, tail[-500:]
        return tail

    def _read(self, start: bytes) -> bytes:
        """Until the last line begins so."""
        kept = b"\r\n"
        while not (kept.endswith(b"\r\n") and kept[:-2].rpartition(b"\r\n")[2].startswith(start)):
            data = self.socket.recv(1 << 20)
            assert data, "the server has closed"
            kept = (kept + data)[-65_536:]
        return kept


class Rows:
    """What is done, and what it cost the process that did it."""

    def __init__(self, daemons: Daemons) -> None:
        self.daemons = daemons
        print("| | seconds | CPU | most resident |\n| --- | --: | --: | --: |", flush=True)

    def __call__(self, what: str, work: Callable[[], object], room: str = "imap") -> None:
        pid = self.daemons.pid(room)
        _forget_peak(pid)
        began, before = time.perf_counter(), _cpu(pid)
        work()
        wall, cpu = time.perf_counter() - began, _cpu(pid) - before
        print(f"| {what} | {wall:.2f} | {cpu:.2f} s | {_peak(pid) / 1e6:.0f} MB |", flush=True)


def _measure(folder: Path, messages: int, mailboxes: int, octets: int) -> None:
    daemons = Daemons(folder / "server")
    settings = daemons.demo.settings
    text = settings.read_text()
    assert text.count("\nimap:\n") == 1
    settings.write_text(text.replace("\nimap:\n", "\nimap:\n  fulltext: false\n"))
    contract = daemons.folder / "domains" / DOMAIN / "domain.yaml"
    contract.write_text(re.sub(r"capacity: \w+", "capacity: 1T", contract.read_text()))
    account = daemons.folder / "domains" / DOMAIN / "accounts" / f"{LOCAL}.yaml"
    daemons.account(LOCAL)
    account.write_text(re.sub(r"quota: \w+", "quota: 100G", account.read_text()))
    began = time.perf_counter()
    make(daemons.folder / "data", folder, messages, mailboxes, octets)
    print(f"{messages:,} messages in {mailboxes} mailboxes made in {time.perf_counter() - began:.0f} s\n")
    daemons.start()
    try:
        _walk(daemons, mailboxes)
    finally:
        daemons.stop()


def _walk(daemons: Daemons, mailboxes: int) -> None:
    rows = Rows(daemons)
    port = daemons.demo.ports["imap"]
    client = Client(port)
    client(f"LOGIN {ADDRESS} {PASSWORD}")
    some = [_wire(name) for name in names(mailboxes)]
    rows("first LIST: an index is made", lambda: client('LIST "" "*"'))
    rows("first STATUS of each mailbox: its files are read", lambda: _status(client, some))
    rows("GETQUOTAROOT", lambda: client("GETQUOTAROOT INBOX"))
    rows("LIST again", lambda: client('LIST "" "*"'))
    rows("STATUS of each again", lambda: _status(client, some))
    rows("and again", lambda: _status(client, some))
    rows("SELECT INBOX", lambda: client("SELECT INBOX"))
    rows("FETCH 1:* (UID FLAGS)", lambda: client("FETCH 1:* (UID FLAGS)"))
    rows("ENVELOPE of 1,000, never asked for before", lambda: client("FETCH 1:1000 (ENVELOPE)"))
    rows("the same again", lambda: client("FETCH 1:1000 (ENVELOPE)"))
    rows("SELECT of a mailbox never opened before", lambda: client(f"SELECT {some[-1]}"))
    rows("SEARCH SUBJECT in it, never asked before", lambda: client("SEARCH SUBJECT dog"))
    rows("SEARCH BODY in it, without a full-text index", lambda: client("SEARCH BODY invoice"))
    client("SELECT INBOX")
    rows("SEARCH SUBJECT in INBOX, never asked before", lambda: client("SEARCH SUBJECT dog"))
    rows("SEARCH SUBJECT in INBOX again", lambda: client("SEARCH SUBJECT dog"))
    rows("SORT (DATE) in INBOX", lambda: client("SORT (DATE) UTF-8 ALL"))
    rows("THREAD REFERENCES in INBOX", lambda: client("THREAD REFERENCES UTF-8 ALL"))
    rows("one message delivered", lambda: _deliver(daemons, 1), "smtp")
    rows("a hundred more", lambda: _deliver(daemons, 100), "smtp")
    rows("NOOP in INBOX then", lambda: client("NOOP"))
    rows("STORE 1:1000 +FLAGS", lambda: client(r"STORE 1:1000 +FLAGS.SILENT (\Flagged)"))
    rows("COPY of 1,000", lambda: client(f"COPY 1:1000 {some[1]}"))
    rows("MOVE of 1,000", lambda: client(f"MOVE 1:1000 {some[2]}"))
    rows("DELETE of a mailbox", lambda: client(f"DELETE {some[3]}"))
    rows("RENAME of the tree above all", lambda: client("RENAME Projects 2Projects"))
    rows("RENAME back", lambda: client("RENAME 2Projects Projects"))
    daemons.stop()
    mark = daemons.mark()
    daemons.start()
    daemons.wait("process.serving", since=mark, room="imap")
    again = Client(port)
    again(f"LOGIN {ADDRESS} {PASSWORD}")
    rows = Rows(daemons)
    rows(
        "after a start: LIST with STATUS of each",
        lambda: again('LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN))'),
    )
    rows("SELECT INBOX", lambda: again("SELECT INBOX"))
    rows("SEARCH UNSEEN", lambda: again("SEARCH UNSEEN"))
    began = time.perf_counter()
    rebuilding = subprocess.Popen(daemons.command("index", "rebuild", ADDRESS), cwd=ROOT)
    _, status, used = os.wait4(rebuilding.pid, 0)
    assert status == 0
    wall, cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime
    print(f"| `kwcmaild index rebuild` | {wall:.2f} | {cpu:.2f} s | {used.ru_maxrss / 1000:.0f} MB |")
    rows("a session that was open: SEARCH UNSEEN", lambda: again("UID SEARCH UNSEEN"))
    print("\n" + daemons.run("index", "show", ADDRESS), flush=True)


def _wire(name: str) -> str:
    """Modified UTF-7 (RFC 3501 §5.1.3) of the one Japanese word in our names."""
    return f'"{name.replace("客先", "&W6JRSA-")}"'


def _status(client: Client, mailboxes: list[str]) -> None:
    for name in mailboxes:
        client(f"STATUS {name} (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)")


def _deliver(daemons: Daemons, count: int) -> None:
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"]) as client:
        for number in range(count):
            client.sendmail("a@elsewhere.test", [ADDRESS], message(number))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
