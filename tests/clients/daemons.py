"""The real server as separate processes, made by the code of `kwcmaild demo`, on free loopback ports.

Tests learn what happened from the log, line by line as it is written (`wait`), and from the Maildirs on disk
(`stored`), so that no test sleeps, and what a client shows is compared with what the disk holds.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kwcmaild.demo import DOMAIN, PORTS, Demo, prepare
from kwcmaild.init import NewAccount, account_text
from storage import filename
from tests.log import Log
from tests.ports import reserved

ROOT = Path(__file__).resolve().parents[2]
HOST = "localhost"
PASSWORD = "correct-horse-battery"
ROOMS = ("smtp", "imap", "pop3", "relay", "web")


@dataclass(frozen=True)
class Login:
    """An account of the server, and how its owner gets in."""

    address: str
    password: str
    folder: Path  # its Maildir

    @property
    def local(self) -> str:
        return self.address.partition("@")[0]

    def stored(self, mailbox: str = "INBOX") -> list[bytes]:
        """The messages that lie in a mailbox, as octets, in the order of their UIDs."""
        return [path.read_bytes() for path in self.files(mailbox)]

    def files(self, mailbox: str = "INBOX") -> list[Path]:
        below = self.folder if mailbox == "INBOX" else self.folder / f".{mailbox.replace('/', '.')}"
        found = [path for place in ("cur", "new") for path in (below / place).glob("*")]
        return sorted(found, key=lambda path: filename.parse(path.name).uid or 0)


class Daemons:
    """`kwcmaild serve` and its children."""

    def __init__(self, folder: Path) -> None:
        self.demo: Demo = prepare(folder, free_ports())
        self.folder = self.demo.folder
        with self.demo.settings.open("a") as file:
            file.write("log: {level: info, format: json}\n")
        self._log = Log(self.wanted)
        self.mark, self.wait, self.all = self._log.mark, self._log.wait, self._log.all
        self._process: subprocess.Popen[str] | None = None

    def wanted(self, event: dict[str, Any]) -> bool:
        """Whether a line of the log is kept; a server that runs for long would fill the memory of the tests."""
        return True

    # ---- the processes

    def start(self) -> "Daemons":
        # it ends when the tests end, however they do
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *self.command("serve")],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        self._log.follow(self._process, self.folder / "log")
        for room in ROOMS:
            self.wait("process.serving", room=room, timeout=300)
        return self

    def stop(self, wait: float = 90) -> int:
        """SIGTERM to all; the exit status."""
        process = self.process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(wait)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        self._log.ended()
        return status

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "kwcmaild", *arguments, "-c", str(self.demo.settings)]

    def run(self, *arguments: str, input: str | None = None) -> str:
        """A kwcmaild command on this server's files; its output."""
        done = subprocess.run(
            self.command(*arguments), input=input, capture_output=True, text=True, timeout=300, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pid(self, room: str) -> int:
        """Of the process that serves now."""
        return int(self._log.all("process.serving", room=room)[-1]["pid"])

    def kill(self, room: str) -> None:
        """SIGKILL to one process of ours."""
        os.kill(self.pid(room), signal.SIGKILL)

    # ---- accounts

    def account(self, local: str, more: str = "") -> Login:
        """A new account, or new content for its file; `more` is further YAML."""
        path = self.folder / "domains" / DOMAIN / "accounts" / f"{local}.yaml"
        new = path.with_name(f".{local}.new")
        new.write_text(_account_text() + more)
        new.chmod(0o600)
        new.rename(path)
        address = f"{local}@{DOMAIN}"
        return Login(address, PASSWORD, self.folder / "data" / "mail" / DOMAIN / local / "Maildir")

    def port(self, protocol: str, tls: str) -> int:
        """`tls` is plain, starttls (both on the plain port) or implicit."""
        names = {"smtp": ("submission", "submissions"), "imap": ("imap", "imaps"), "pop3": ("pop3", "pop3s")}
        return self.demo.ports[names[protocol][tls == "implicit"]]


@cache
def _account_text() -> str:
    return account_text(NewAccount("any", PASSWORD, quota="1G"))


def free_ports() -> dict[str, int]:
    """Ports that nobody else has, all different."""
    return {name: reserved() for name in PORTS}


@dataclass(frozen=True)
class Tools:
    """Runs clients: a home of their own, no proxy, a time limit; a client that is missing skips the test."""

    home: Path

    def __call__(
        self, *command: str | Path, input: bytes = b"", timeout: float = 120, ok: Sequence[int] = (0,)
    ) -> str:
        program = str(command[0])
        needs(program)
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
        }
        done = subprocess.run(
            [str(part) for part in command],
            input=input,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=environment,
            cwd=self.home,
        )
        output = done.stdout.decode(errors="replace")
        assert done.returncode in ok, f"{program} ended with {done.returncode}:\n{output}"
        return output


def needs(program: str) -> None:
    """Skip the test, by name, where a client is not installed."""
    packages = {"mbsync": "isync", "getmail": "getmail6", "offlineimap": "offlineimap3"}
    for folder in os.environ["PATH"].split(os.pathsep):
        if os.access(Path(folder) / program, os.X_OK):
            return
    pytest.skip(f"{program} is not installed (Debian package {packages.get(program, program)})")
