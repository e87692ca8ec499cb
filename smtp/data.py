"""The content of a message as it comes over the wire: where it ends, and what may not be in it.

The bytes may be cut anywhere; the result is the same. Work is done on whole chunks by search, count and
replace, never line by line. Invariants:

- Only CR LF `.` CR LF ends the data (RFC 5321 §4.1.1.4). A bare LF or CR neither ends a line nor a message,
  whatever stands around it, so a sender's other idea of a line end cannot smuggle a second message in.
- A message with a bare CR or LF is a `fault` (RFC 5321 §2.3.8): it is read to its true end and refused.
- What comes out has its dot-stuffing removed (§4.5.2) and its CRLF line ends kept; what followed the end is
  in `rest`, for the next command.
"""

from enum import Enum

END = b"\r\n.\r\n"


class Fault(Enum):
    """Why a message cannot be taken."""

    BARE_LINE_END = 1
    LONG_LINE = 2


class Lines:
    """Watches text go by: bare CR and LF, and lines over the limit. Pieces may be cut anywhere."""

    __slots__ = ("_after_cr", "_length", "_longest", "fault")

    def __init__(self, longest: int) -> None:
        self.fault: Fault | None = None
        self._longest = longest
        self._length = 0  # octets of the line that is still open
        self._after_cr = False

    def see(self, piece: bytes) -> None:
        if not piece or self.fault is not None:
            return
        pairs = piece.count(b"\r\n")
        feeds = piece.count(b"\n")
        returns = piece.count(b"\r")
        if self._after_cr:
            if piece[0] != 0x0A:
                self.fault = Fault.BARE_LINE_END
            feeds -= 1
        self._after_cr = piece[-1] == 0x0D
        if self._after_cr:
            returns -= 1
        if feeds != pairs or returns != pairs:
            self.fault = Fault.BARE_LINE_END
        self._measure(piece)

    def end(self) -> None:
        """No more will come: a CR at the very end has no LF."""
        if self._after_cr and self.fault is None:
            self.fault = Fault.BARE_LINE_END

    def _measure(self, piece: bytes) -> None:
        """RFC 5321 §4.5.3.1.6: 1000 octets; ours is a setting, for many programs write longer lines."""
        last = piece.rfind(b"\n")
        if self._length + len(piece) > self._longest:
            lengths = [len(line) for line in piece.split(b"\n")]
            lengths[0] += self._length
            if max(lengths) > self._longest and self.fault is None:
                self.fault = Fault.LONG_LINE
        self._length = len(piece) - last - 1 if last >= 0 else self._length + len(piece)


class Data:
    """The octets after 354. Feed chunks until `done`; each call gives the message's next octets."""

    __slots__ = ("_held", "_lines", "_start", "done", "rest")

    def __init__(self, longest_line: int) -> None:
        self.done = False
        self.rest = b""  # what came after the end of data
        self._held = b"\r\n"  # the start counts as the start of a line: `.` CRLF at once is an empty message
        self._start = True  # the CRLF held is not part of the message
        self._lines = Lines(longest_line)

    @property
    def fault(self) -> Fault | None:
        return self._lines.fault

    def feed(self, chunk: bytes) -> bytes:
        buffer = self._held + chunk
        end = buffer.find(END)
        if end >= 0:
            self.done = True
            self.rest = buffer[end + len(END) :]
            buffer, self._held = buffer[: end + 2], b""
        else:
            keep = _tail(buffer)
            buffer, self._held = buffer[: len(buffer) - keep], buffer[len(buffer) - keep :]
        if not buffer:
            return b""
        # A piece ends before a CR that is held, so each CR LF and each CR LF `.` is whole in one piece.
        text = buffer.replace(b"\r\n.", b"\r\n")
        if self._start:
            self._start = False
            text = text[2:]
        self._lines.see(text)
        return text


def _tail(buffer: bytes) -> int:
    """How many octets at the end may be the beginning of the end of data."""
    for length in (4, 3, 2, 1):
        if buffer.endswith(END[:length]):
            return length
    return 0
