"""The supervisor's protocol, with stand-ins for NOTIFY_SOCKET, WATCHDOG_USEC and LISTEN_FDS."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from net.notify import Notifier, inherited


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(60)
        yield sock


def test_the_supervisor_hears_ready_reload_watchdog_and_stop(supervisor: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": supervisor.getsockname(), "PATH": "/bin"}
    notifier = Notifier(environ)
    assert environ == {"PATH": "/bin"}
    notifier.ready("serving\non 3 sockets")
    assert supervisor.recv(1000) == b"READY=1\nSTATUS=serving on 3 sockets"
    notifier.reloading()
    reloading, clock = supervisor.recv(1000).split(b"\n")
    assert reloading == b"RELOADING=1"
    assert int(clock.removeprefix(b"MONOTONIC_USEC=")) > 0
    notifier.watchdog()
    assert supervisor.recv(1000) == b"WATCHDOG=1"
    notifier.stopping()
    assert supervisor.recv(1000) == b"STOPPING=1"


def test_an_abstract_socket_is_written_with_an_at_sign() -> None:
    name = f"kwcmaild-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + name)
        sock.settimeout(60)
        Notifier({"NOTIFY_SOCKET": "@" + name}).ready()
        assert sock.recv(100) == b"READY=1"


def test_nobody_there_is_no_error(tmp_path: Path) -> None:
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "77"}, 1.5),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(environ: dict[str, str], interval: float | None) -> None:
    assert Notifier(environ, pid=77).watchdog_interval == interval
    assert environ == {}


CHILD = """
import fcntl, os, sys
from net.notify import inherited
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 50) for fd in sys.argv[1:]]
for index, fd in enumerate(high):
    os.dup2(fd, 3 + index)
os.environ["LISTEN_PID"] = str(os.getpid())
for one in inherited():
    print(one.name, one.sock.getsockname()[1], one.sock.get_inheritable())
print(sorted(name for name in os.environ if name.startswith("LISTEN")))
"""


def test_sockets_are_inherited_with_their_names() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        fds = first.fileno(), second.fileno()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *map(str, fds)],
            pass_fds=fds,
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "pop3:pop3s"},
            capture_output=True,
            text=True,
            check=True,
        )
        ports = [sock.getsockname()[1] for sock in (first, second)]
    assert done.stdout == f"pop3 {ports[0]} False\npop3s {ports[1]} False\n[]\n"


def test_sockets_for_another_process_are_not_ours() -> None:
    assert inherited({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, pid=2) == []
    assert inherited({}, pid=2) == []
