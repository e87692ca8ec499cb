"""A compressed stream under a protocol (RFC 1951, as IMAP's COMPRESS uses it): bytes in, bytes out, no I/O.

Memory is bounded whatever the peer sends: a thousand octets may stand for a million, so `unpack` gives at most so
many at a time and keeps the rest as it came; the connection reads no more from the socket until that is used up.
The windows are smaller than zlib's usual ones, for there may be thousands of idle connections.
"""

import zlib

WINDOW = 13  # bits of the window for what we send; what the peer sends may need 15
MEMORY = 6  # zlib's measure: together with WINDOW some 64 KiB
PIECE = 64 * 1024  # octets unpacked at a time


class Broken(Exception):
    """The peer's stream is not deflate."""


class Deflate:
    """Both directions of one connection."""

    __slots__ = ("_in", "_out", "_tail", "ended")

    def __init__(self) -> None:
        self._in = zlib.decompressobj(-zlib.MAX_WBITS)
        self._out = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -WINDOW, MEMORY)
        self._tail = b""
        self.ended = False  # the peer has ended its stream: no more can come

    @property
    def pending(self) -> bool:
        """Whether more can be unpacked without anything new."""
        return bool(self._tail) and not self.ended

    def pack(self, data: bytes) -> bytes:
        """All of it, so that the peer can read it now."""
        return self._out.compress(data) + self._out.flush(zlib.Z_SYNC_FLUSH)

    def unpack(self, data: bytes = b"") -> bytes:
        """What the peer's bytes stand for, at most PIECE octets of it; the rest by further calls. Raises Broken."""
        if self.ended:
            return b""
        try:
            plain = self._in.decompress(self._tail + data, PIECE)
        except zlib.error as error:
            raise Broken(str(error)) from None
        self._tail = self._in.unconsumed_tail
        self.ended = self._in.eof
        return plain
