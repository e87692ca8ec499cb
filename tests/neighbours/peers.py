"""Servers that a test runs in the town: sinks that keep what they get, and such as do wrong on purpose.

Each is a thread for each connection with a blocking socket, so that a script reads like the session. What a
server heard is kept in `heard`, and `wait` waits for it.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.neighbours.authority import Pair
from tests.neighbours.stage import NETWORK, Host

PATIENCE = 120.0  # seconds after which a silent client is given up


class Wire:
    """The server's end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._buffer = b""
        self.tls = False

    def say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.sock.sendall(line if isinstance(line, bytes) else line.encode() + b"\r\n")

    def line(self) -> bytes:
        """The next line without CRLF; EOFError at the end."""
        while b"\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def data(self) -> bytes:
        """A message up to its dot, dot-stuffing undone."""
        lines = []
        while (line := self._raw()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _raw(self) -> bytes:
        while b"\n" not in self._buffer:
            self._more()
        line, end, self._buffer = self._buffer.partition(b"\n")
        return line + end

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def start_tls(self, pair: Pair) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self.sock = context.wrap_socket(self.sock, server_side=True)
        self._buffer = b""
        self.tls = True


@dataclass(frozen=True, slots=True)
class Received:
    """One message that a sink has taken."""

    mail: str  # MAIL as it came
    rcpts: tuple[str, ...]
    data: bytes
    tls: bool
    helo: str
    connection: int


Script = Callable[[Wire, "Server"], None]


class Server:
    """Listens at an address of the town until it is closed."""

    def __init__(self, town: Host, number: int, script: Script, port: int = 25) -> None:
        self.address = f"{NETWORK}.{number}"
        self.heard: list[bytes] = []
        self.received: list[Received] = []
        self.connections = 0
        self._script = script
        self._news = threading.Condition()
        self._open: list[socket.socket] = []
        self._listener = town.listen(self.address, port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            with self._news:
                self.connections += 1
                self._open.append(sock)
                self._news.notify_all()
            threading.Thread(target=self._talk, args=(sock,), daemon=True).start()

    def _talk(self, sock: socket.socket) -> None:
        wire = Wire(sock)
        with contextlib.suppress(OSError, EOFError, ssl.SSLError):
            self._script(wire, self)
        with contextlib.suppress(OSError):
            wire.sock.close()

    def note(self, received: Received) -> None:
        with self._news:
            self.received.append(received)
            self._news.notify_all()

    def hear(self, line: bytes) -> None:
        with self._news:
            self.heard.append(line)
            self._news.notify_all()

    def wait(self, true: Callable[["Server"], bool], timeout: float = 60) -> None:
        """Until it is so."""
        with self._news:
            if not self._news.wait_for(lambda: true(self), timeout):
                raise AssertionError(
                    f"{self.connections} connections, heard {self.heard[-20:]}, {len(self.received)} received"
                )

    def one(self, timeout: float = 60) -> Received:
        """The one message that came."""
        self.wait(lambda server: bool(server.received), timeout)
        (received,) = self.received
        return received

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._news:
            sockets = list(self._open)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@dataclass
class Sink:
    """A script: takes everything, as its fields say."""

    pair: Pair | None = None  # offers STARTTLS
    offers: tuple[str, ...] = (
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "SIZE 50000000",
    )
    rcpt: Callable[[str, int], str] = lambda address, times: "250 2.1.5 ok"  # answer to RCPT
    dot: Callable[["Server"], str] = lambda server: "250 2.0.0 taken"  # answer to the message
    pause: float = 0.0  # before the answer to the message
    after: bool = False  # closes the connection after the answer to a message
    times: dict[str, int] = field(default_factory=dict)  # how often each recipient was asked for

    def __call__(self, wire: Wire, server: Server) -> None:
        number = server.connections
        wire.say("220 sink.test ESMTP")
        helo, mail, rcpts = "", "", list[str]()
        while True:
            line = wire.line()
            server.hear(line)
            text = line.decode()
            verb = text[:4].upper()
            if verb in ("EHLO", "HELO"):
                helo = text[5:]
                offers = [*self.offers, *(["STARTTLS"] if self.pair and not wire.tls else [])]
                said = ["sink.test", *(offers if verb == "EHLO" else [])]
                wire.say(*(f"250{' ' if each is said[-1] else '-'}{each}" for each in said))
            elif verb == "STAR" and self.pair:
                wire.say("220 2.0.0 go ahead")
                wire.start_tls(self.pair)
            elif verb == "MAIL":
                mail, rcpts = text, []
                wire.say("250 2.1.0 ok")
            elif verb == "RCPT":
                address = text.partition("<")[2].partition(">")[0]
                self.times[address] = self.times.get(address, 0) + 1
                answer = self.rcpt(address, self.times[address])
                if answer.startswith("2"):
                    rcpts.append(text)
                wire.say(answer)
            elif verb == "DATA":
                if not rcpts:
                    wire.say("503 5.5.1 no recipients")
                    continue
                wire.say("354 go ahead")
                data = wire.data()
                time.sleep(self.pause)
                answer = self.dot(server)
                try:
                    wire.say(answer)
                finally:  # answered first: a test that has seen its message may end, and this server with it
                    if answer.startswith("2"):
                        server.note(Received(mail, tuple(rcpts), data, wire.tls, helo, number))
                if self.after:
                    return
            elif verb == "QUIT":
                wire.say("221 2.0.0 bye")
                return
            else:
                wire.say("250 2.0.0 ok")
