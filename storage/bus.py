"""The bus: datagrams between the processes that say "look", and carry no data.

Each process that wants hints binds a socket in `<run>/bus/`, whose name says of what it wants to hear; a hint is
sent to all who want it, and wakes nobody else. Who gathers hints anyway is told twice a second, of each account
once: to be woken for each message costs ten times what the hint does. A socket that is full is tried again every
20 ms with what has come together for it since; one whose process is gone is removed. A hint may be lost (every
selected mailbox is looked at each 30 s besides), and may come twice.
"""

import asyncio
import contextlib
import itertools
import os
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

AGAIN = 0.02  # seconds until a full socket is tried again
SOON = 0.5  # seconds for which hints are gathered for those who are in no hurry
AT_ONCE = 500  # hints taken in or told in one turn of the loop; then others have theirs
WAITING_MOST = 10_000  # hints kept for one full socket; more than that, and it looks by itself soon
DATAGRAM_MOST = 4096
ADDRESS_MOST = 107  # octets of the path of a Unix socket (unix(7))


@dataclass(frozen=True, slots=True)
class Hint:
    """Something changed in this mailbox of this account. MODSEQ 0: messages were moved or copied to it, or it
    was made, went, has another name, or was subscribed."""

    account: str
    mailbox: str
    modseq: int

    def encode(self) -> bytes:
        return f"{self.account}\t{self.mailbox}\t{self.modseq}".encode()

    @classmethod
    def decode(cls, data: bytes) -> "Hint | None":
        try:
            account, mailbox, modseq = data.decode().split("\t")
            return cls(account, mailbox, int(modseq))
        except ValueError:
            return None


class Topic(Enum):
    """What somebody wants to hear of."""

    MAIL = "mail"  # mailboxes
    MOVED = "moved"  # of these, hints with MODSEQ 0
    QUEUE = "queue"  # hints that name no account
    SOON = "soon"  # accounts, within `SOON`; which mailbox of them was the last is all that the hint says

    def has(self, hint: Hint) -> bool:
        if not hint.account:
            return self is Topic.QUEUE
        return self is Topic.MAIL or self is Topic.SOON or (self is Topic.MOVED and not hint.modseq)


class Bus:
    """One process's end. `publish` may be called from any thread; hints arrive in the event loop."""

    def __init__(self, run: Path) -> None:
        self._dir = run / "bus"
        self._folder = -1  # the directory, open, where its path is too long for a socket's address
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sender.setblocking(False)
        self._mutex = threading.Lock()
        self._peers: list[tuple[str, Topic]] = []
        self._seen = -1  # the directory's mtime when the peers were listed
        self._waiting: dict[str, dict[tuple[str, str], Hint]] = {}
        self._gathered: dict[str, Hint] = {}  # by account, for those who are in no hurry
        self._receiver: socket.socket | None = None
        self._path: Path | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._soon: asyncio.TimerHandle | None = None

    def listen(self, receive: Callable[[Hint], None], topic: Topic = Topic.MAIL) -> None:
        """Bind this process's socket; `receive` is called in the running loop for each hint of others."""
        self._loop = asyncio.get_running_loop()
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = self._dir / f"{os.getpid()}-{secrets.token_hex(4)}.{topic.value}"
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.setblocking(False)
        self._receiver.bind(self._address(str(self._path)))
        self._loop.add_reader(self._receiver, self._read, receive)

    def _read(self, receive: Callable[[Hint], None]) -> None:
        assert self._receiver is not None
        for _ in range(AT_ONCE):
            try:
                data = self._receiver.recv(DATAGRAM_MOST)
            except (BlockingIOError, InterruptedError):
                return
            hint = Hint.decode(data)
            if hint is not None:
                receive(hint)

    def publish(self, hint: Hint) -> None:
        """Tell every other process. Never blocks, never raises."""
        with self._mutex:
            self._list_peers()
            first = False
            for peer, topic in self._peers:
                if not topic.has(hint):
                    continue
                if topic is Topic.SOON and self._loop is not None:
                    first = first or not self._gathered
                    if len(self._gathered) < WAITING_MOST:
                        self._gathered[hint.account] = hint
                else:
                    self._tell(peer, hint)
            again = bool(self._waiting)
        if again:
            self._in_loop(self._arm)
        if first:
            self._in_loop(self._tell_soon)

    def _tell(self, peer: str, hint: Hint) -> None:
        if peer in self._waiting or not self._send(peer, hint):
            self._keep(peer, hint)

    def _keep(self, peer: str, hint: Hint) -> None:
        waiting = self._waiting.setdefault(peer, {})
        if len(waiting) < WAITING_MOST:
            waiting[hint.account, hint.mailbox] = hint

    def _send(self, peer: str, hint: Hint) -> bool:
        """False where the socket is full; a peer that is gone counts as sent."""
        try:
            self._sender.sendto(hint.encode(), self._address(peer))
        except BlockingIOError:
            return False
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(OSError):
                os.unlink(peer)
        except OSError:
            pass  # ENOBUFS and the like: the 30 s look makes up for it
        return True

    def _address(self, path: str) -> str:
        """Of the socket there; a long path is cut short by going through the open directory."""
        if len(os.fsencode(path)) <= ADDRESS_MOST:
            return path
        if self._folder < 0:
            self._folder = os.open(self._dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._folder}/{os.path.basename(path)}"

    def _list_peers(self) -> None:
        try:
            mtime = os.stat(self._dir).st_mtime_ns
            if mtime != self._seen:
                found = [entry.path for entry in os.scandir(self._dir) if entry.path != str(self._path)]
                self._peers = [(path, _topic(path)) for path in found]
                self._seen = mtime
        except FileNotFoundError:
            self._peers = []

    def _in_loop(self, call: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(call)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """A process that only publishes has a loop too, for the hints that must be sent again."""
        self._loop = loop

    def _arm(self) -> None:
        if self._retry is None and self._loop is not None:
            self._retry = self._loop.call_later(AGAIN, self._send_waiting)

    def _send_waiting(self) -> None:
        self._retry = None
        with self._mutex:
            for peer, waiting in list(self._waiting.items()):
                for key, hint in list(waiting.items()):
                    if not self._send(peer, hint):
                        break
                    del waiting[key]
                if not waiting:
                    del self._waiting[peer]
            again = bool(self._waiting)
        if again:
            self._arm()

    def _tell_soon(self, seconds: float = SOON) -> None:
        assert self._loop is not None
        self._soon = self._loop.call_later(seconds, self._tell_gathered)

    def _tell_gathered(self) -> None:
        """What was gathered, to those who are in no hurry; of much the rest in the loop's next turn."""
        with self._mutex:
            self._list_peers()
            peers = [peer for peer, topic in self._peers if topic is Topic.SOON]
            for account in list(itertools.islice(self._gathered, AT_ONCE)):
                hint = self._gathered.pop(account)
                for peer in peers:
                    self._tell(peer, hint)
            again, more = bool(self._waiting), bool(self._gathered)
        if again:
            self._arm()
        if more:
            self._tell_soon(0.0)

    def close(self) -> None:
        if self._gathered:
            self._tell_gathered()
        for timer in (self._retry, self._soon):
            if timer is not None:
                timer.cancel()
        if self._receiver is not None and self._loop is not None:
            self._loop.remove_reader(self._receiver)
            self._receiver.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1
        self._sender.close()


def _topic(path: str) -> Topic:
    try:
        return Topic(path.rpartition(".")[2])
    except ValueError:  # of another version of this program
        return Topic.MAIL
