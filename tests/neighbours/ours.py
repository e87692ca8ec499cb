"""kwcmaild on a host of the stage: the processes that carry mail, on their standard ports."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from kwcmaild.init import NewAccount, account_text
from tests.clients.daemons import ROOT, Login
from tests.log import Log
from tests.neighbours.authority import Authority, Pair
from tests.neighbours.names import VALIDATOR
from tests.neighbours.stage import Host, end

PASSWORD = "correct-horse-battery"
ROOMS = ("smtp", "relay")
START = 120.0  # seconds that a process may take to serve, on a busy machine

FILTERS = "{virus: {engine: none}, spam: {engine: none}}"
SETTINGS = """\
hostname: {name}
data: {folder}/data
run: {folder}/run
domains: {folder}/domains
log: {{level: info, format: json}}
tls: {{certificate: {certificate}, key: {key}}}
smtp:
  listen:
    - {{address: "0.0.0.0:25", mode: mx}}
    - {{address: "0.0.0.0:587", mode: submission}}
    - {{address: "0.0.0.0:465", mode: submission, tls: implicit}}
  max_connections_per_address: 1000
  send_limit:
    {{messages_per_hour: 1000000, messages_per_day: 1000000,
      recipients_per_hour: 1000000, recipients_per_day: 1000000}}
filters: {filters}
queue:
  retry: [1s, 1s, 2s]
  give_up: 2h
  timeouts:
    {{connect: 3s, greeting: {patience}, command: {patience}, data: {patience}, block: {patience}, end: {patience}}}
  tls: {{trust: {trust}}}
resolver: {{nameservers: ["{nameserver}"]}}
"""


class Kwcmaild:
    """The mail server `mail.<domain>` with accounts that are made when a test asks for them."""

    def __init__(
        self, host: Host, domain: str, authority: Authority, pair: Pair, patience: str = "4s"
    ) -> None:
        """`patience` is what it has for an answer of another server."""
        self.host = host
        self.domain = domain
        self.name = f"mail.{domain}"
        self.folder = host.folder
        self.log = Log()
        self.relay_log = Log()
        self.settings = self.folder / "kwcmaild.yaml"
        self.authority = authority
        self._processes: dict[str, subprocess.Popen[str]] = {}
        text = SETTINGS.format(
            name=self.name,
            folder=self.folder,
            certificate=pair.certificate,
            key=pair.key,
            nameserver=f"{VALIDATOR}:53",
            trust=authority.certificate,
            filters=FILTERS,
            patience=patience,
        )
        self.settings.write_text(text)
        accounts = self._accounts
        accounts.mkdir(parents=True)
        (accounts.parent / "domain.yaml").write_text("capacity: 100G\n")

    @property
    def _accounts(self) -> Path:
        return self.folder / "domains" / self.domain / "accounts"

    # ---- processes

    def launch(self) -> "Kwcmaild":
        """Start them; `serving` waits."""
        for room in ROOMS:
            self.start(room)
        return self

    def serving(self) -> "Kwcmaild":
        self.log.wait("process.serving", room="smtp", timeout=START)
        self.relay_log.wait("process.serving", room="relay", timeout=START)
        return self

    def start(self, room: str) -> None:
        process = self.host.start(
            sys.executable, "-m", "kwcmaild", room, "-c", self.settings,
            env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self._processes[room] = process
        log = self.log if room == "smtp" else self.relay_log
        log.follow(process, self.folder / f"{room}.log")

    def configure(self, filters: str = FILTERS) -> None:
        """Have another section `filters`, and the settings read again."""
        self.settings.write_text(
            re.sub(r"^filters: .*$", f"filters: {filters}", self.settings.read_text(), flags=re.M)
        )
        for room, log in (("smtp", self.log), ("relay", self.relay_log)):
            mark = log.mark()
            self._processes[room].send_signal(signal.SIGHUP)
            log.wait("config.reloaded", since=mark)

    def kill(self, room: str) -> None:
        """SIGKILL."""
        self._processes[room].send_signal(signal.SIGKILL)
        self._processes[room].wait()

    def stop(self, room: str) -> None:
        end(self._processes[room])

    def pid(self, room: str) -> int:
        return self._processes[room].pid

    def files_in_queue(self) -> list[Path]:
        """Of messages, one each."""
        return list((self.folder / "data" / "queue").glob("*.eml"))

    def run(self, *arguments: str) -> str:
        """A kwcmaild command on this server's files."""
        return self.host.run(sys.executable, "-m", "kwcmaild", *arguments, "-c", self.settings)

    def retry(self) -> None:
        """Everything in the queue is tried now, also where nobody answered a moment ago."""
        self.run("queue", "retry", "--all")

    def queue(self, sender: str) -> list[dict[str, Any]]:
        """What `queue list` has of a sender."""
        told: list[dict[str, Any]] = json.loads(self.run("queue", "list", "--json", "--sender", sender))
        return told

    def anything_queued(self) -> bool:
        """Looked up in the table itself, for a command takes longer; what is young has no file."""
        path = self.folder / "data/queue/queue.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
            return db.execute("SELECT 1 FROM message LIMIT 1").fetchone() is not None

    # ---- accounts

    def serve(self, domain: str, keys: Mapping[str, bytes]) -> None:
        """One more domain, with DKIM keys by their selectors."""
        folder = self.folder / "domains" / domain
        for name in ("accounts", "lists", "dkim"):
            (folder / name).mkdir(parents=True)
        for selector, pem in keys.items():
            (folder / "dkim" / f"{selector}.pem").write_bytes(pem)
        (folder / "domain.yaml").write_text(f"dkim_selectors: [{', '.join(keys)}]\n")

    def account(self, local: str, more: str = "", domain: str = "") -> Login:
        domain = domain or self.domain
        path = self.folder / "domains" / domain / "accounts" / f"{local}.yaml"
        new = path.with_name(f".{local}.new")
        new.write_text(account_text(NewAccount(local, PASSWORD, quota="1G")) + more)
        new.chmod(0o600)
        new.rename(path)
        mail = self.folder / "data" / "mail" / domain / local
        return Login(f"{local}@{domain}", PASSWORD, mail / "Maildir")
