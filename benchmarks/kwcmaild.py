"""`kwcmaild serve` with configuration and data of its own: every process of it, as an operator runs it."""

import contextlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.group import Group
from benchmarks.mail import message
from benchmarks.server import (
    ACCOUNTS,
    DOMAIN,
    HOST,
    HOSTNAME,
    LARGEST,
    PASSWORD,
    PEOPLE,
    free_ports,
    spawn,
    stop,
    wait_port,
)
from benchmarks.sinks import Sinks
from storage.message import Message
from storage.people.passwords import hash_password
from storage.queue.queue import Queue
from storage.queue.queued import Addition, Addressee, Parcel

TOGETHER = 200  # messages put into the queue at a time
CLOSED = (
    75.0  # seconds after which accounts of clients that wait are closed (kwcmaild/tidy.py), looked at, closed
)
PATIENCE = 120.0  # seconds for a relay to start and send
ROOT = Path(__file__).resolve().parent.parent

SETTINGS = """\
hostname: {hostname}
data: {disk}/data
run: {folder}/run
domains: {folder}/domains
log: {{level: info, format: text}}
tls: {{certificate: {certificate}, key: {key}}}
smtp:
  workers: {workers}
  listen:
    - {{address: "{host}:{ports.smtp}", mode: mx}}
    - {{address: "{host}:{ports.submission}", mode: submission}}
  max_message: {largest}
  max_connections_per_address: 10000
  check_from: accept
  send_limit:
    {{messages_per_hour: 1000000, messages_per_day: 1000000,
      recipients_per_hour: 1000000, recipients_per_day: 1000000}}
imap:
  workers: {workers}
  listen:
    - {{address: "{host}:{ports.imap}"}}
    - {{address: "{host}:{ports.imaps}", tls: implicit}}
  max_append: {largest}
  fulltext: false
  max_connections_per_address: 10000
  max_connections_per_account: 10000
pop3:
  listen: [{{address: "{host}:{ports.pop3}"}}]
web:
  listen: [{{address: "{host}:0", tls: implicit}}]
filters: {{virus: {{engine: none}}, spam: {{engine: none}}}}
auth: {{plaintext_without_tls: loopback}}
queue:
  routes:
{routes}
"""


class Kwcmaild:
    """One kwcmaild with so many workers at each door that has them."""

    authenticates = True

    def __init__(self, work: Path, disk: Path, tls: tuple[Path, Path], sinks: Sinks, workers: int) -> None:
        self.name = f"kwcmaild, workers: {workers}"
        folder = work / f"kwcmaild-{workers}"
        folder.mkdir()
        disk = disk / folder.name
        disk.mkdir()
        self.ports = free_ports()
        self.group = Group(f"kwcmaild-{workers}")
        self._mail = disk / "data" / "mail" / DOMAIN
        self._queue = disk / "data" / "queue"
        self._log = folder / "log"
        self._settings = folder / "kwcmaild.yaml"
        self._child: subprocess.Popen[bytes] | None = None
        self._settings.write_text(
            SETTINGS.format(
                hostname=HOSTNAME,
                disk=disk,
                folder=folder,
                certificate=tls[0],
                key=tls[1],
                workers=workers,
                host=HOST,
                ports=self.ports,
                largest=LARGEST,
                limits=", ".join(
                    f"{what}_per_{time}: 10000000"
                    for what in ("messages", "recipients")
                    for time in ("hour", "day")
                ),
                routes="\n".join(
                    f'    - {{destinations: [{domain}], smarthost: "{HOST}:{port}"}}'
                    for domain, port in sinks.ports.items()
                ),
            )
        )
        accounts = folder / "domains" / DOMAIN / "accounts"
        accounts.mkdir(parents=True)
        accounts.parent.joinpath("domain.yaml").write_text("capacity: 1T\n")
        text = f'password: "{hash_password(PASSWORD)}"\nquota: 5G\n'
        for local in ACCOUNTS:
            path = accounts / f"{local}.yaml"
            path.write_text(text)
            path.chmod(0o600)

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", "kwcmaild", "serve", "-c", str(self._settings)]
        self._child = spawn(self.group, command, self._log, ROOT)
        for port in (self.ports.smtp, self.ports.submission, self.ports.imap, self.ports.pop3):
            wait_port(port, self._child, self._log)

    def stop(self) -> None:
        stop(self._child)
        self.group.end()

    def restart(self) -> None:
        stop(self._child)
        self.start()

    def sign(self, yes: bool) -> None:
        contract = self._settings.parent / "domains" / DOMAIN / "domain.yaml"
        if yes:
            command = [
                sys.executable,
                "-P",
                "-m",
                "kwcmaild",
                "dkim",
                "add",
                DOMAIN,
                "-c",
                str(self._settings),
            ]
            subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        else:
            contract.write_text("capacity: 1T\n")
            shutil.rmtree(contract.parent / "dkim")
        self.restart()

    def keep_texts(self, yes: bool) -> None:
        text = self._settings.read_text()
        wanted = re.sub(r"fulltext: \w+", f"fulltext: {str(yes).lower()}", text)
        if wanted != text:
            self._settings.write_text(wanted)
            self.restart()

    def maildir(self, local: str) -> Path:
        return self._mail / local / "Maildir"

    def make_cold(self, local: str) -> None:
        """Nothing in memory; what was made at delivery is in the index."""
        self.restart()

    def add_people(self) -> None:
        accounts = self._settings.parent / "domains" / DOMAIN / "accounts"
        text = (accounts / f"{ACCOUNTS[0]}.yaml").read_text()
        for local in PEOPLE:
            path = accounts / f"{local}.yaml"
            path.write_text(text)
            path.chmod(0o600)

    def index_text(self, local: str) -> None:
        command = [sys.executable, "-P", "-m", "kwcmaild", "index", "fulltext", f"{local}@{DOMAIN}"]
        subprocess.run([*command, "-c", str(self._settings)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)

    def wait_hibernation(self) -> float:
        return CLOSED

    def halt(self) -> None:
        stop(self._child)

    def resume(self) -> None:
        self.start()

    def queued(self) -> int:
        path = f"file:{self._queue / 'queue.sqlite'}?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True, timeout=30)) as db:
            (count,) = db.execute("SELECT count(*) FROM message").fetchone()
            return int(count)

    def fill(self, count: int, domain: str) -> None:
        """Written in memory, where a flush to the disk costs nothing, then copied."""
        with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
            folder = Path(memory, "queue")
            shutil.copytree(self._queue, folder)
            queue = Queue(folder, small=0)  # what has waited for so long is files
            due = int(time.time()) + 3600
            missing = range(count - self.queued())
            for start in missing[::TOGETHER]:
                queue.add_together(
                    [_addition(number, domain, due) for number in missing[start : start + TOGETHER]]
                )
            queue.close()
            shutil.rmtree(self._queue)
            shutil.copytree(folder, self._queue)

    def send_alone(self, domain: str) -> tuple[float, int] | None:
        waiting = self.queued()
        queue = Queue(self._queue)
        queue.add_together([_addition(0, domain, None)])
        queue.close()
        began = time.perf_counter()
        command = [sys.executable, "-P", "-m", "kwcmaild", "relay", "-c", str(self._settings)]
        relay = spawn(self.group, command, self._log, ROOT)
        try:
            while self.queued() > waiting:
                if relay.poll() is not None or time.perf_counter() - began > PATIENCE:
                    raise SystemExit(
                        f"the relay sends nothing; the end of its log:\n{self._log.read_text()[-2000:]}"
                    )
                time.sleep(0.005)
            return time.perf_counter() - began, self.group.proportional()
        finally:
            stop(relay)

    def empty(self) -> None:
        shutil.rmtree(self._queue)


def _addition(number: int, domain: str, due: int | None) -> Addition:
    to = [Addressee(f"u{number}@{domain}")]
    return Addition(
        [Parcel(Message.of(message(number)), f"{ACCOUNTS[0]}@{DOMAIN}", to, due)], f"fill.{number}"
    )
