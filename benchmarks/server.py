"""What the rows know of a server: where it listens, where INBOX lies, and its processes."""

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.group import Group

HOST = "127.0.0.1"
HOSTNAME = "mail.example.test"
DOMAIN = "example.test"
PASSWORD = "correct-horse-battery"
ACCOUNTS = [f"u{number:03}" for number in range(100)]
PEOPLE = [f"p{number:04}" for number in range(3000)]  # accounts that hardly anything is in
LARGEST = 160 * 1024 * 1024  # octets of a message that both take


@dataclass(frozen=True, slots=True)
class Ports:
    smtp: int
    submission: int
    imap: int
    imaps: int
    pop3: int


class Server(Protocol):
    """One of those that are compared."""

    name: str
    ports: Ports
    group: Group
    authenticates: bool  # submission wants a password

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def restart(self) -> None: ...

    def maildir(self, local: str) -> Path: ...

    def make_cold(self, local: str) -> None:
        """Stopped: forget what makes the next FETCH of ENVELOPE cheap, but nothing made at delivery."""

    def add_people(self) -> None:
        """Make the accounts of `PEOPLE`: thousands would cost the other rows something, now and then."""

    def index_text(self, local: str) -> None:
        """What makes SEARCH TEXT quick is made, where there is such a thing."""

    def keep_texts(self, yes: bool) -> None:
        """Whether a full-text index is kept up as mail comes in, where there is such a thing."""

    def halt(self) -> None:
        """Stop what takes and sends mail."""

    def resume(self) -> None: ...

    def queued(self) -> int:
        """Messages in the queue, as the disk says; those that wait for a later time may be left out."""

    def fill(self, count: int, domain: str) -> None:
        """Halted: so many messages in all wait in the queue, for this domain, which has one already."""

    def send_alone(self, domain: str) -> tuple[float, int] | None:
        """Halted: what sends is started alone, with one mail more that is due, and stopped when that is sent: the
        seconds it took, and the octets of its memory. None where sending is not a program of its own."""

    def empty(self) -> None:
        """Halted: nothing is in the queue."""

    def sign(self, yes: bool) -> None:
        """Whether what is sent is signed (DKIM, RSA and Ed25519); a server that can't, does not."""

    def wait_hibernation(self) -> float:
        """Seconds after which idle clients cost less; 0 where that is not so."""


def free_ports() -> Ports:
    sockets = [socket.create_server((HOST, 0)) for _ in range(5)]
    ports = Ports(*(sock.getsockname()[1] for sock in sockets))
    for sock in sockets:
        sock.close()
    return ports


def spawn(
    group: Group, command: Sequence[str], log: Path, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            preexec_fn=group.enter,
            start_new_session=True,
        )
    group.started(child.pid)
    return child


def wait_port(port: int, child: "subprocess.Popen[bytes]", log: Path, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((HOST, port), 5) as sock:
                sock.settimeout(10)
                if sock.recv(1):
                    return
        except OSError:
            pass
        if child.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{child.args!r} does not serve; the end of {log}:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


def stop(child: "subprocess.Popen[bytes] | None", seconds: float = 60) -> None:
    if child is not None and child.poll() is None:
        child.terminate()
        child.wait(seconds)


def give(path: Path, uid: int, gid: int) -> None:
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
