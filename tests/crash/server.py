"""The processes that carry mail (smtp, imap, relay), each started and killed by us.

Their sockets are bound here and stay open, as under systemd: who connects while a process is away waits in the
kernel. There may be several processes of a kind.
"""

import imaplib
import os
import re
import subprocess
import sys
from pathlib import Path

from config.load import load_settings
from kwcmaild.demo import Demo, prepare
from kwcmaild.serve import bind_all, programs
from kwcmaild.supervisor import Program
from tests.clients.daemons import ROOT, free_ports
from tests.log import Log

ROOMS = ("smtp", "imap", "relay")
START = 120.0  # seconds that a process may take to serve, on a busy machine

# What the supervisor does between fork and exec: the sockets are 3, 4, …, LISTEN_PID is the child's own number.
LAUNCH = """
import os, sys
high = [os.dup2(int(fd), 100 + at) for at, fd in enumerate(sys.argv[1].split())]
for at, fd in enumerate(high):
    os.dup2(fd, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Server:
    def __init__(self, folder: Path) -> None:
        self.demo: Demo = prepare(folder, free_ports())
        with self.demo.settings.open("a") as file:
            file.write("log: {level: info, format: json}\n")
        self.data = self.demo.folder / "data"
        self._bound = bind_all(load_settings(self.demo.settings), ROOMS)
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def workers(self, count: int) -> None:
        """From the next start on, so many processes for SMTP and for IMAP each."""
        text = re.sub(r"^  workers: .*\n", "", self.demo.settings.read_text(), flags=re.MULTILINE)
        text = re.sub(r"^(smtp|imap):\n", rf"\1:\n  workers: {count}\n", text, flags=re.MULTILINE)
        self.demo.settings.write_text(text)

    def start(self) -> None:
        """All that are not running; they serve when this returns."""
        logs = []
        for program in programs(self.demo.settings, load_settings(self.demo.settings), self._bound):
            if program.name not in self._processes:
                logs.append((program.name, self._launch(program)))
        for name, log in logs:
            log.wait("process.serving", timeout=START, room=name.partition(".")[0])

    def _launch(self, program: Program) -> Log:
        sockets = [sock.fileno() for sock in program.sockets]
        command = [*program.command]
        if sockets:
            command[:0] = [sys.executable, "-c", LAUNCH, " ".join(map(str, sockets))]
        process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            pass_fds=sockets,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._processes[program.name] = process
        log = Log(lambda event: event["event"] == "process.serving" or event.get("level") != "info")
        log.follow(process, self.demo.folder / f"{program.name}.log")
        return log

    @property
    def running(self) -> list[str]:
        return sorted(self._processes)

    def kill(self, *names: str) -> None:
        """SIGKILL to these, or to all at once."""
        gone = [self._processes.pop(name) for name in names or self.running]
        for process in gone:
            process.kill()
        for process in gone:
            process.wait()

    def imap(self, address: str) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.demo.ports["imap"], timeout=120)
        client.login(address, self.demo.passwords[address])
        return client

    def accounts(self, address: str) -> Path:
        local, _, domain = address.partition("@")
        return self.data / "mail" / domain / local
