"""The processes that carry mail (smtp, imap, relay), each started and killed by us."""

import imaplib
import json
import subprocess
import sys
import threading
from pathlib import Path

from kwcmaild.demo import Demo, prepare
from tests.clients.daemons import ROOT, free_ports

ROOMS = ("smtp", "imap", "relay")
START = 60.0  # seconds that a process may take to serve, on a busy machine


class Server:
    def __init__(self, folder: Path) -> None:
        self.demo: Demo = prepare(folder, free_ports())
        with self.demo.settings.open("a") as file:
            file.write("log: {level: info, format: json}\n")
        self.data = self.demo.folder / "data"
        self._processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        """All of them serve when this returns."""
        serving = []
        for room in ROOMS:
            process = subprocess.Popen(
                [sys.executable, "-m", "kwcmaild", room, "-c", str(self.demo.settings)],
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
            )
            self._processes.append(process)
            serving.append(threading.Event())
            threading.Thread(target=self._read, args=(process, room, serving[-1]), daemon=True).start()
        for event, room in zip(serving, ROOMS, strict=True):
            assert event.wait(START), f"{room} does not serve:\n" + self.log(room).read_text()[-2000:]

    def kill(self) -> None:
        """SIGKILL to all."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()

    def log(self, room: str) -> Path:
        return self.demo.folder / f"{room}.log"

    def _read(self, process: "subprocess.Popen[str]", room: str, serving: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr, self.log(room).open("a") as copy:
            for line in process.stderr:
                copy.write(line)
                copy.flush()
                if '"process.serving"' in line:
                    assert json.loads(line)["room"] == room
                    serving.set()

    def imap(self, address: str) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.demo.ports["imap"], timeout=30)
        client.login(address, self.demo.passwords[address])
        return client

    def accounts(self, address: str) -> Path:
        local, _, domain = address.partition("@")
        return self.data / "mail" / domain / local
