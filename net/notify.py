"""What a process and its supervisor tell each other: readiness, watchdog, and sockets handed over.

The protocol of systemd (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)) in a page, so that no library
is needed and our own supervisor can speak the same. The variables are taken out of the environment, since they
are meant for this process and not for its children.
"""

import asyncio
import os
import socket
import time
from collections.abc import MutableMapping
from dataclasses import dataclass

FIRST = 3  # SD_LISTEN_FDS_START


@dataclass(frozen=True, slots=True)
class Inherited:
    """A listening socket that was handed over, with its FileDescriptorName= (empty without one)."""

    name: str
    sock: socket.socket


class Notifier:
    """Tells the supervisor named by NOTIFY_SOCKET how we are; silent where there is none."""

    __slots__ = ("_address", "watchdog_interval")

    def __init__(self, environ: MutableMapping[str, str] = os.environ, pid: int | None = None) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        # an abstract socket is written with @ and begins with NUL (sd_notify(3))
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_interval = _watchdog(
            environ, pid or os.getpid()
        )  # seconds between signs of life, or None

    def ready(self, status: str = "") -> None:
        self.send("READY=1", *_status(status))

    def reloading(self) -> None:
        """Before a reload; `ready` afterwards. The clock is asked for by Type=notify-reload."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> None:
        self.send("STOPPING=1", *_status(status))

    def watchdog(self) -> None:
        """A sign of life: to be sent at least every `watchdog_interval` seconds."""
        self.send("WATCHDOG=1")

    async def signs_of_life(self) -> None:
        """Sends them for as long as the event loop turns, if anybody wants them."""
        while self.watchdog_interval is not None:
            self.watchdog()
            await asyncio.sleep(self.watchdog_interval)

    def status(self, text: str) -> None:
        self.send(*_status(text))

    def send(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(1)
            try:
                sock.sendto("\n".join(lines).encode(), self._address)
            except OSError:
                pass  # a supervisor that went away is no reason to stop serving mail


def inherited(environ: MutableMapping[str, str] = os.environ, pid: int | None = None) -> list[Inherited]:
    """The sockets of LISTEN_FDS that are meant for this process, in order."""
    meant_for = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if meant_for != str(pid or os.getpid()) or not count.isdecimal():
        return []
    found = []
    for index in range(int(count)):
        sock = socket.socket(fileno=FIRST + index)
        sock.set_inheritable(False)
        found.append(Inherited(names[index] if index < len(names) else "", sock))
    return found


def _status(text: str) -> list[str]:
    return [f"STATUS={' '.join(text.split())}"] if text else []


def _watchdog(environ: MutableMapping[str, str], pid: int) -> float | None:
    """Half of the time after which the supervisor loses patience."""
    microseconds = environ.pop("WATCHDOG_USEC", "")
    meant_for = environ.pop("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or meant_for not in ("", str(pid)):
        return None
    return int(microseconds) / 2_000_000
