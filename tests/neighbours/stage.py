"""Machines of one's own: a network namespace and a mount namespace each, on a switch that leads nowhere else.

The switch is a bridge in a namespace of its own, so neither this machine's network sees the stage's addresses nor
the stage anything outside. In each host's view `/etc` has the stage's `resolv.conf`, `hosts` and users, and it
and `/usr` have what was unpacked from Debian packages. A namespace lives as long as its first process, which the
kernel ends together with the test run; so it does with each daemon and all that it became. Whoever else is still on
a host's network when the host stops is ended too.

Sockets that the test itself holds can be made inside a host, since a socket stays in the namespace of the thread
that made it: clients, sinks and faulty servers of a test run in the test.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

NETWORK = "10.81.0"  # /24
CLONE_NEWNET = 0x40000000
PATIENCE = 60.0  # seconds for a socket of the test

# A daemon under another user has lost what would end it with its parent (prctl(2), PR_SET_PDEATHSIG). It runs in a
# process namespace whose first process has not: with that one the kernel ends all inside.
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"),
    *("sh", "-c", '"$@" & wait', "sh"),
)

T = TypeVar("T")


class NoStage(Exception):
    """This machine does not let us; the text says why."""


def possible() -> None:
    """Raises NoStage where namespaces can't be had."""
    if os.geteuid() != 0:
        raise NoStage("network namespaces need root")
    for program in ("ip", "nsenter", "unshare", "setpriv", "mount"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            raise NoStage(f"{program} is not installed (iproute2, util-linux)")
    tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
    if tried.returncode:
        raise NoStage(f"no namespaces here: {tried.stderr.strip()}")


class Host:
    """One machine: its addresses, and what runs on it."""

    def __init__(self, name: str, folder: Path, prepare: str) -> None:
        """`prepare` is a script that is run once inside; `folder` is the host's own."""
        self.name = name
        self.folder = folder
        self.addresses: list[str] = []
        folder.mkdir(mode=0o755)
        ready = f"ip link set lo up && {prepare} echo ready && exec sleep infinity"
        self._first = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "sh", "-c", ready],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._first.stdout is not None and self._first.stderr is not None
        if self._first.stdout.readline() != "ready\n":
            raise NoStage(f"{name}: {self._first.stderr.read().strip()}")
        self._network = os.readlink(f"/proc/{self.pid}/ns/net")
        self._running: list[subprocess.Popen[str]] = []
        self._daemons: list[subprocess.Popen[str]] = []

    @property
    def pid(self) -> int:
        return self._first.pid

    @property
    def address(self) -> str:
        return self.addresses[0]

    # ---- programs

    def command(self, *command: str | Path) -> list[str]:
        enter = ["nsenter", "--net", "--mount", "--target", str(self.pid)]
        return [*enter, "env", f"--chdir={os.getcwd()}", *map(str, command)]

    def start(
        self, *command: str | Path, log: Path | None = None, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """A program in the foreground, for signals of the test; its errors go into a file, or to whoever reads."""
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", **(env or {})}
        output = log.open("a") if log is not None else None
        try:
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *self.command(*command)],
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=output or subprocess.PIPE,
                text=True,
                env=environment,
            )
        finally:
            if output is not None:
                output.close()
        self._running.append(process)
        return process

    def daemon(self, *command: str | Path, log: Path) -> "subprocess.Popen[str]":
        """A server of others' make, in the foreground: it ends with this host, and all that it became."""
        process = self.start(*CONTAINED, *command, log=log)
        self._daemons.append(process)
        return process

    def run(
        self, *command: str | Path, input: bytes = b"", timeout: float = 120, ok: Sequence[int] = (0,)
    ) -> str:
        """A program to its end; what it said."""
        environment = {
            "HOME": str(self.folder),
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            self.command(*command),
            input=input,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=environment,
        )
        output = done.stdout.decode(errors="replace")
        assert done.returncode in ok, f"{command} ended with {done.returncode}:\n{output}"
        return output

    def present(self) -> list[int]:
        """The living processes on this host's network."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended
                if os.readlink(process / "ns/net") == self._network:
                    found.append(int(process.name))
        return found

    def stop(self) -> None:
        """All that was started, whoever else is still on the host, and the host itself."""
        for daemon in self._daemons:
            daemon.kill()
            daemon.wait()
        for process in self._running:
            end(process)
        while pids := self.present():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._first.communicate()

    # ---- sockets of the test

    def inside(self, act: Callable[[], T]) -> T:
        """Call it in a thread that is on this host's network."""
        result: list[T] = []
        trouble: list[BaseException] = []

        def work() -> None:
            try:
                _enter(self.pid)
                result.append(act())
            except BaseException as error:
                trouble.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if trouble:
            raise trouble[0]
        return result[0]

    def listen(self, address: str, port: int) -> socket.socket:
        return self.inside(lambda: socket.create_server((address, port), backlog=200))

    def connect(self, address: str, port: int) -> socket.socket:
        return self.inside(lambda: socket.create_connection((address, port), PATIENCE))

    def wait_greeting(self, port: int = 25, patience: float = PATIENCE) -> None:
        """Until the server on this host greets."""
        deadline = time.monotonic() + patience
        while True:
            try:
                with self.connect(self.address, port) as sock:
                    if sock.recv(1):
                        return
            except OSError:
                pass
            ended = [process.args for process in self._running if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = "".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*log")))
                raise AssertionError(f"{self.name} does not serve; ended: {ended}\n{logs}")
            time.sleep(0.05)


def _enter(pid: int) -> None:
    """This thread alone moves into the network of a process (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(fd, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
    finally:
        os.close(fd)


def end(process: "subprocess.Popen[str]", wait: float = 15) -> None:
    """SIGTERM, and SIGKILL where that does not help."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Stage:
    """The switch and the hosts on it, below one folder."""

    def __init__(self, folder: Path, etc: Mapping[str, str], unpacked: Path | None) -> None:
        """`etc` is put over `/etc`; the folder `unpacked`, a root file system, lies under `/etc` and `/usr`."""
        self.folder = folder
        self.hosts: list[Host] = []
        above = folder / "etc"
        above.mkdir(mode=0o755)
        for name, text in etc.items():
            (above / name).parent.mkdir(mode=0o755, exist_ok=True)
            (above / name).write_text(text)
        layers = {"/etc": [above, Path("/etc")], "/usr": [Path("/usr")]}
        self._prepare = ""
        for place, folders in layers.items():
            below = unpacked / place[1:] if unpacked is not None else Path("/nonexistent")
            lower = ":".join(map(str, [*folders, *([below] if below.is_dir() else [])]))
            if ":" in lower:
                self._prepare += f"mount -t overlay stage -o ro,lowerdir={lower} {place} && "
        self._switch = Host(
            "switch", folder / "switch", "ip link add br0 type bridge && ip link set br0 up &&"
        )
        self.hosts.append(self._switch)

    def host(self, name: str, *numbers: int) -> Host:
        """A machine with these addresses of the network (and those of the same numbers in IPv6)."""
        host = Host(name, self.folder / name, self._prepare)
        self.hosts.append(host)
        host.addresses = [f"{NETWORK}.{number}" for number in numbers]
        port = f"port{len(self.hosts)}"
        self._switch.run("ip", "link", "add", port, "type", "veth", "peer", "eth0", "netns", str(host.pid))
        self._switch.run("ip", "link", "set", port, "up", "master", "br0")
        lines = [f"addr add {address}/24 dev eth0" for address in host.addresses]
        lines += [f"addr add {ipv6(number)}/64 dev eth0 nodad" for number in numbers]
        host.run("ip", "-batch", "-", input="\n".join([*lines, "link set eth0 up", ""]).encode())
        return host

    def stop(self) -> None:
        for host in reversed(self.hosts):
            host.stop()


def ipv6(number: int) -> str:
    return f"fd81::{number:x}"
