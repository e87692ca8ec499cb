"""Where relayed mail ends: Debian's smtp-sink, one for each of many destinations, outside of what is measured.

smtp-sink speaks no TLS, so the destination with TLS is a small one of ours in a process of its own.
"""

import contextlib
import socket
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.server import HOST

COUNT = 20  # destinations without TLS
ROOT = Path(__file__).resolve().parent.parent
DEAD = "dead.test"  # a domain whose port nobody listens at
TLS = "tls.test"


class Sinks:
    """Ports by domain, the same for both servers."""

    def __init__(self, tls: tuple[Path, Path]) -> None:
        self._tls = tls
        self._children: list[subprocess.Popen[bytes]] = []
        sockets = [socket.create_server((HOST, 0)) for _ in range(COUNT + 2)]
        ports = [sock.getsockname()[1] for sock in sockets]
        for sock in sockets:
            sock.close()
        self.domains = [f"d{number}.test" for number in range(COUNT)]
        self.ports = dict(zip([*self.domains, TLS, DEAD], ports, strict=True))

    def start(self) -> None:
        for domain in self.domains:
            # -u: smtp-sink will not run as root; the backlog is that of a busy receiver
            self._start("smtp-sink", "-u", "nobody", f"inet:{HOST}:{self.ports[domain]}", "200")
        certificate, key = map(str, self._tls)
        self._start(sys.executable, "-m", "benchmarks.tls_sink", HOST, str(self.ports[TLS]), certificate, key)
        for domain, port in self.ports.items():
            if domain != DEAD:
                _wait(port)

    def _start(self, *command: str) -> None:
        child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._children.append(child)

    def stop(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait(10)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 5) as sock:
            if sock.recv(1):
                return
        if time.monotonic() > deadline:
            raise SystemExit(f"no sink at port {port} (smtp-sink is in Debian's postfix)")
        time.sleep(0.05)
