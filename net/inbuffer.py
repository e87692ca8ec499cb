"""Bytes that came and were not yet read: lines and chunks out of arrivals that were cut anywhere. No I/O.

Each byte is searched for a line end once, and copied once where a line came in one arrival; a line past its limit
is thrown away as it comes.
"""


class LineTooLong(Exception):
    """A line passed its limit. It has been thrown away up to its end: the session can answer and go on."""


class InBuffer:
    """What `len` counts is waiting to be read."""

    __slots__ = ("_data", "_scanned", "_skipping", "_start")

    def __init__(self) -> None:
        self._data: bytes | bytearray = (
            b""  # bytes while one arrival is enough: the usual line is never copied
        )
        self._start = 0  # bytes before it have been read
        self._scanned = 0  # there is no line end in _start.._scanned
        self._skipping = False  # within a line that was too long

    def __len__(self) -> int:
        return len(self._data) - self._start

    def add(self, data: bytes) -> None:
        """An arrival."""
        if self._start == len(self._data):
            self._data = data
            self._start = self._scanned = 0
        elif self._start or isinstance(self._data, bytes):
            self._data = bytearray(self._data[self._start :])
            self._data += data
            self._scanned -= self._start
            self._start = 0
        else:
            self._data += data

    def line(self, limit: int) -> bytes | None:
        """The next line with its LF, or None as long as it is not there. Raises LineTooLong at a long one's end."""
        end = self._data.find(b"\n", self._scanned) + 1
        if end:
            if self._skipping or end - self._start > limit:
                self._skipping = False
                self._take(end)
                raise LineTooLong
            return self._take(end)
        if self._skipping or len(self) >= limit:
            self.clear()
            self._skipping = True
        else:
            self._scanned = len(self._data)
        return None

    def take(self, most: int) -> bytes:
        """The next bytes, at most so many."""
        return self._take(min(len(self._data), self._start + most))

    def put_back(self, data: bytes) -> None:
        """Bytes to be read next."""
        self._data = data + self._data[self._start :]
        self._start = self._scanned = 0

    def clear(self) -> None:
        """Forget all of it."""
        self._data = b""
        self._start = self._scanned = 0
        self._skipping = False

    def _take(self, end: int) -> bytes:
        start, data = self._start, self._data
        if end == len(data):
            self._data = b""
            self._start = self._scanned = 0
            return bytes(data if start == 0 else data[start:])
        self._start = self._scanned = end
        return bytes(data[start:end])
