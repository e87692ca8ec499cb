"""The units of `systemd/`: valid, closed up, and each does what its ExecStart promises to systemd.

systemd itself cannot run in a test, so each ExecStart is run under a stand-in for what systemd gives it: sockets
from descriptor 3 on, NOTIFY_SOCKET, and a watchdog.
"""

import fcntl
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings
from kwcmaild.demo import PORTS, Demo, prepare
from kwcmaild.listeners import ROOMS, configured

ROOT = Path(__file__).resolve().parent.parent
UNITS = ROOT / "systemd"
SERVICES = [f"kwcmaild-{room}.service" for room in ROOMS]
INSTALLED = "/opt/kwcmaild/.venv/bin/kwcmaild"

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def values(unit: str, section: str, key: str) -> list[str]:
    """All values of a key in a unit and, for a service, in what all services share."""
    files = [UNITS / unit]
    if unit.endswith(".service"):
        files.append(UNITS / "kwcmaild-.service.d" / "common.conf")
    found = []
    for path in files:
        inside = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                inside = line.strip("[]")
            elif inside == section and line.startswith(f"{key}="):
                found.append(line.partition("=")[2])
    return found


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy of the units whose ExecStart exists on this machine."""
    copy = shutil.copytree(UNITS, tmp_path / "systemd")
    program = tmp_path / "kwcmaild"
    program.touch(mode=0o755)
    for path in copy.glob("*.service"):
        path.write_text(path.read_text().replace(INSTALLED, str(program)))
    return copy


@analyze
def test_systemd_finds_nothing_wrong(units: Path) -> None:
    names = [str(path) for path in sorted(units.glob("kwcmaild*.*")) if path.is_file()]
    assert len(names) == 5 + 4 + 1
    done = subprocess.run(["systemd-analyze", "verify", *names], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@analyze
@pytest.mark.parametrize("service", SERVICES)
def test_exposure_is_two_or_less(units: Path, service: str) -> None:
    command = ["systemd-analyze", "security", "--offline=yes", str(units / service)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level[1]) <= 2.0


def test_target_wants_every_service() -> None:
    assert values("kwcmaild.target", "Unit", "Wants")[0].split() == SERVICES
    assert {path.name for path in UNITS.glob("*.service")} == set(SERVICES)


def test_sockets_are_those_of_the_default_configuration() -> None:
    settings = Settings.model_validate({"hostname": "mail.example.jp"})
    for room in ROOMS:
        addresses = [listen.address for listen in configured(settings, room)]
        unit = f"kwcmaild-{room}.socket"
        assert (values(unit, "Socket", "ListenStream") if addresses else []) == addresses
        assert (UNITS / unit).exists() == bool(addresses)
        assert values(f"kwcmaild-{room}.service", "Unit", "Requires") == ([unit] if addresses else [])


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_processes_rely_on(service: str) -> None:
    for key, value in {
        "Type": "notify",
        "RuntimeDirectoryPreserve": "yes",
        "LimitNOFILE": "65536",
        "ProtectSystem": "strict",
        "User": "kwcmaild",
        "CapabilityBoundingSet": "",
        "ReadWritePaths": "-/etc/kwcmaild/domains",
        "ExecReload": "/bin/kill -HUP $MAINPID",
    }.items():
        assert values(service, "Service", key) == [value], key
    assert int(values(service, "Service", "TimeoutStopSec")[0]) > Settings(hostname="a.test").drain


class StandIn:
    """systemd, as far as one service sees it."""

    def __init__(self, folder: Path, service: str, demo: Demo, sockets: list[socket.socket]) -> None:
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(folder / "notify"))
        self.notices.settimeout(120)
        (line,) = values(service, "Service", "ExecStart")
        program, *arguments = shlex.split(line)
        assert program == INSTALLED
        assert arguments[-2:] == ["-c", "/etc/kwcmaild/kwcmaild.yaml"]
        # what the installed `kwcmaild` executes (Makefile)
        command = [sys.executable, "-P", "-m", "kwcmaild", *arguments[:-1], str(demo.settings)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": str(folder / "notify"),
            # a sign of life each second: a socket holds ten notices, and where we stand still for longer than
            # they last and a second more, one is lost that we wait for
            "WATCHDOG_USEC": "2000000",
            "LISTEN_FDS": str(len(sockets)),
            "LISTEN_FDNAMES": ":".join("kwcmaild" for _ in sockets),
        }
        self.pid = os.fork()
        if self.pid == 0:
            try:
                high = [fcntl.fcntl(sock, fcntl.F_DUPFD, 100) for sock in sockets]
                for number, descriptor in enumerate(high, 3):
                    os.dup2(descriptor, number)
                environment["LISTEN_PID"] = environment["WATCHDOG_PID"] = str(os.getpid())
                os.execve(command[0], command, environment)
            finally:
                os._exit(127)

    def hear(self, word: bytes) -> None:
        """Wait until it is said."""
        while word not in self.notices.recv(4096).split(b"\n"):
            pass

    def end(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        self.hear(b"STOPPING=1")
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self.pid:  # the test has failed
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.notices.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    yield prepare(tmp_path / "demo", dict.fromkeys(PORTS, 0))


@pytest.mark.parametrize("room", ROOMS)
def test_exec_start_speaks_to_systemd(room: str, demo: Demo, tmp_path: Path) -> None:
    count = {"smtp": 3, "imap": 2, "pop3": 2, "web": 1, "relay": 0}[room]
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    stand_in = StandIn(tmp_path, f"kwcmaild-{room}.service", demo, sockets)
    try:
        stand_in.hear(b"READY=1")
        stand_in.hear(b"WATCHDOG=1")
        stand_in.hear(b"WATCHDOG=1")
        if sockets:  # the last one has TLS from the first byte: the door stands behind the socket we gave
            context = ssl.create_default_context(cafile=str(demo.ca))
            with socket.create_connection(sockets[-1].getsockname(), timeout=60) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    assert secure.version() == "TLSv1.3"
        os.kill(stand_in.pid, signal.SIGHUP)
        stand_in.hear(b"RELOADING=1")
        stand_in.hear(b"READY=1")
        assert stand_in.end() == 0
    finally:
        for sock in sockets:
            sock.close()
        stand_in.close()
