"""A mail server that takes everything, in a thread, and writes down what it has said 250 to."""

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from typing import BinaryIO


class Peer:
    """`took` is called after each 250 to a message, by the thread of its connection."""

    def __init__(self, took: Callable[[], None] = lambda: None) -> None:
        self.took = took
        self.letters: list[tuple[int, str, str]] = []  # connection, Message-ID and recipient, as they came
        self.taken: Counter[tuple[str, str]] = Counter()  # Message-ID and recipient
        self.connections = 0
        self._mutex = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def repeated(self) -> list[tuple[int, bool]]:
        """What came again later: the connection it first came over, and whether it was that one's last letter."""
        later: set[tuple[str, str]] = set()
        last = {connection: name for connection, name, _ in self.letters}
        found = []
        for connection, name, recipient in reversed(self.letters):
            if (name, recipient) in later:
                found.append((connection, name == last[connection]))
            later.add((name, recipient))
        return found

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            serve = threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True)
            serve.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                connection.sendall(b"220 peer.test\r\n")
                recipients: list[str] = []
                for line in lines:
                    word = line[:4].upper()
                    if word == b"EHLO":
                        connection.sendall(b"250-peer.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
                    elif word == b"MAIL":
                        recipients = []
                        connection.sendall(b"250 ok\r\n")
                    elif word == b"RCPT":
                        recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
                        connection.sendall(b"250 ok\r\n")
                    elif word == b"DATA":
                        connection.sendall(b"354 go on\r\n")
                        self._take(connection, number, lines, recipients)
                    elif word == b"QUIT":
                        connection.sendall(b"221 bye\r\n")
                        return
                    else:
                        connection.sendall(b"250 ok\r\n")
        except OSError:
            pass  # the other side was killed

    def _take(self, connection: socket.socket, number: int, lines: BinaryIO, recipients: list[str]) -> None:
        text = b""
        for line in lines:
            if line == b".\r\n":
                break
            text += line
        else:
            return
        found = re.search(rb"(?im)^Message-ID: (\S+)", text)
        assert found is not None
        with self._mutex:
            name = found[1].decode()
            self.taken.update((name, recipient) for recipient in recipients)
            self.letters += [(number, name, recipient) for recipient in recipients]
        connection.sendall(b"250 taken\r\n")
        self.took()
