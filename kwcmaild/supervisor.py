"""Keeping child processes alive: the little of systemd that `kwcmaild serve` and `workers: N` need.

A child is started as systemd would start it: sockets from descriptor 3 on (LISTEN_FDS), a datagram socket to
say READY=1 on (NOTIFY_SOCKET), and a watchdog (WATCHDOG_USEC). So a process of kwcmaild has one way to be
started, and what is tested here holds there.

Invariants: the sockets are bound once, here, and stay open while a child is away: connections wait in the
kernel, they are not refused. A child that ends is started again, after a pause that doubles while it keeps
failing; the others are not told. A child never outlives its supervisor. Stopping is bounded.
"""

import asyncio
import ctypes
import fcntl
import logging
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from net.log import event

FIRST_FD = 3  # SD_LISTEN_FDS_START of sd_listen_fds(3)
PR_SET_PDEATHSIG = 1  # prctl(2)

_log = logging.getLogger("kwcmaild")
_libc = ctypes.CDLL(None, use_errno=True)  # loaded here: between fork and exec nothing may be


@dataclass(frozen=True, slots=True)
class Program:
    """One child: what it is called in the log, what is executed, and the listening sockets that it gets."""

    name: str
    command: Sequence[str]
    sockets: Sequence[socket.socket] = ()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits for what, in seconds."""

    drain: float = 30.0  # a child that was told to stop; then it is killed
    echo: float = 1.0  # in which a second order to stop is the first: a terminal and `make` both pass it on
    watchdog: float = 60.0  # a sign of life from a child that is ready
    first_pause: float = 0.2  # before a child that ended is started again; doubles while it keeps failing
    longest_pause: float = 30.0
    settled: float = 30.0  # a child that lived this long has not failed


class Child:
    """One run of a program, from fork to its end."""

    def __init__(
        self, program: Program, folder: Path, environment: Mapping[str, str], watchdog: float
    ) -> None:
        self.program = program
        self.ready = False
        self.heard: Callable[[], None] | None = None  # called when it says READY=1
        self._watchdog = watchdog
        self._alarm: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._path = folder / program.name
        self._path.unlink(missing_ok=True)
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notices.bind(str(self._path))
        settings = {
            **environment,
            "NOTIFY_SOCKET": str(self._path),
            "WATCHDOG_USEC": str(int(watchdog * 1_000_000)),
            "LISTEN_FDS": str(len(program.sockets)),
            "LISTEN_FDNAMES": ":".join("listen" for _ in program.sockets),
        }
        self.pid = _spawn(program, settings)
        self._pidfd = os.pidfd_open(self.pid)
        self._loop.add_reader(self._notices, self._read)
        self._loop.add_reader(self._pidfd, self._reap)

    async def ended(self) -> int:
        """The exit status when it is gone; the signal's number, negative, where one ended it."""
        return await asyncio.shield(self._ended)

    def signal(self, number: int) -> None:
        if not self._ended.done():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _read(self) -> None:
        with suppress(BlockingIOError):
            lines = self._notices.recv(4096).split(b"\n")
            if b"READY=1" in lines and not self.ready:
                self.ready = True
                self._arm()
                if self.heard is not None:
                    self.heard()
            elif b"WATCHDOG=1" in lines and self.ready:
                self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_later(self._watchdog, self._silent)

    def _silent(self) -> None:
        event(_log, "process.silent", logging.ERROR, process=self.program.name, pid=self.pid)
        self.signal(signal.SIGABRT)  # faulthandler writes where it hangs
        self._alarm = self._loop.call_later(5, self.signal, signal.SIGKILL)

    def _reap(self) -> None:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._loop.remove_reader(self._pidfd)
        self._loop.remove_reader(self._notices)
        os.close(self._pidfd)
        self._notices.close()
        self._path.unlink(missing_ok=True)
        self._ended.set_result(os.waitstatus_to_exitcode(status))


class Supervisor:
    """Runs programs until it is told to stop. `ready` is called once, when each has been ready."""

    def __init__(
        self,
        programs: Sequence[Program],
        ready: Callable[[], None],
        *,
        patience: Patience | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._programs = programs
        self._tell = ready
        self._patience = patience or Patience()
        self._environment = dict(os.environ if environment is None else environment)
        self._children: dict[str, Child] = {}
        self._never_ready = {program.name for program in programs}
        self._stopping = asyncio.Event()
        self._told = 0.0  # to stop: when, by the monotonic clock

    async def run(self) -> None:
        """Returns when every child has ended after `stop`."""
        folder = Path(tempfile.mkdtemp(prefix="kwcmaild-"))
        try:
            async with asyncio.TaskGroup() as group:
                for program in self._programs:
                    group.create_task(self._keep(program, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        """Tell all children to drain; told again, kill them."""
        now = time.monotonic()
        if not self._stopping.is_set():
            self._told = now
            self._stopping.set()
        number = signal.SIGTERM if now - self._told <= self._patience.echo else signal.SIGKILL
        for child in self._children.values():
            child.signal(number)

    def reload(self) -> None:
        """Pass SIGHUP on to those that listen for it; one that starts now reads the new files anyway."""
        for child in self._children.values():
            if child.ready:
                child.signal(signal.SIGHUP)

    async def _keep(self, program: Program, folder: Path) -> None:
        pause = self._patience.first_pause
        while not self._stopping.is_set():
            started = time.monotonic()
            why = await self._once(program, folder)
            if self._stopping.is_set():
                event(_log, "process.stopped", process=program.name, status=why)
                return
            if time.monotonic() - started >= self._patience.settled:
                pause = self._patience.first_pause
            event(_log, "process.ended", logging.ERROR, process=program.name, status=why, again_in=pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(pause * 2, self._patience.longest_pause)

    async def _once(self, program: Program, folder: Path) -> int | OSError:
        """One run of it: the exit status, or why it could not be started."""
        try:
            child = Child(program, folder, self._environment, self._patience.watchdog)
        except OSError as error:  # no process or descriptor to be had now
            return error
        child.heard = lambda: self._ready(program.name)
        self._children[program.name] = child
        event(_log, "process.started", process=program.name, pid=child.pid)
        try:
            return await self._end_of(child)
        finally:
            del self._children[program.name]

    async def _end_of(self, child: Child) -> int:
        """Its status; once it has been told to stop it has only so long."""
        ended = asyncio.ensure_future(child.ended())
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await asyncio.wait({ended}, timeout=self._patience.drain)
            if not ended.done():
                event(_log, "process.killed", logging.ERROR, process=child.program.name, pid=child.pid)
                child.signal(signal.SIGKILL)
        return await ended

    def _ready(self, name: str) -> None:
        event(_log, "process.ready", process=name)
        if name in self._never_ready:
            self._never_ready.remove(name)
            if not self._never_ready:
                self._tell()


def _spawn(program: Program, environment: dict[str, str]) -> int:
    """fork and exec. Not `subprocess`: LISTEN_PID must be the child's own number, the sockets 3, 4, …"""
    supervisor = os.getpid()
    command = [os.fsencode(word) for word in program.command]
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setpgid(0, 0)  # Ctrl-C in a terminal is for the supervisor, which drains its children
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != supervisor:
            os._exit(1)  # it died before prctl
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        high = [fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, 256) for sock in program.sockets]
        for number, descriptor in enumerate(high, FIRST_FD):
            os.dup2(descriptor, number)
        own = str(os.getpid())
        own_environment = {**environment, "LISTEN_PID": own, "WATCHDOG_PID": own}
        os.execve(command[0], command, own_environment)  # noqa: S606 - the command is ours, not a shell's
    except BaseException as error:
        os.write(2, f"kwcmaild: {program.command[0]}: {error}\n".encode())
    os._exit(127)
