"""What the peer sent, byte for byte, and the header fields put in front of it.

The two edits of the design are all that exists: whole fields in front (`prepend`), and one whole header
field dropped or replaced as a byte range (`replace`). The body is never touched and nothing is parsed and
written again. A message up to the spool's memory limit is bytes; a larger one is a file. Both are shared
by every copy: an edit makes a new `Message` over the same source.
"""

import contextlib
import io
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from storage.octets import FileOctets, Octets

CHUNK = 256 * 1024  # bytes read at a time from a file


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start`..`end` of the source read as `text` instead."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """`prefix`, then `source` with `edits` applied. CRLF lines, dot-stuffing removed. Immutable."""

    source: bytes | Path
    source_size: int
    prefix: bytes = b""
    edits: tuple[Edit, ...] = ()
    lf: bool = False  # the file has LF line ends and is served with CRLF
    finder: Callable[[], Path] | None = field(default=None, compare=False)  # where a renamed file is now

    @classmethod
    def of(cls, data: bytes) -> "Message":
        return cls(data, len(data))

    @property
    def size(self) -> int:
        """Octets of everything together: RFC822.SIZE. Meaningful for sources with CRLF line ends."""
        edited = sum(len(edit.text) - (edit.end - edit.start) for edit in self.edits)
        return len(self.prefix) + self.source_size + edited

    def prepend(self, *fields: bytes) -> "Message":
        """A message with whole header fields (each with its CRLF) put in front."""
        prefix = b"".join((*fields, self.prefix))
        return Message(self.source, self.source_size, prefix, self.edits, self.lf, self.finder)

    def replace(self, start: int, end: int, text: bytes) -> "Message":
        """A message in which the source's bytes `start`..`end` (one whole header field) read `text`."""
        edits = tuple(sorted((*self.edits, Edit(start, end, text)), key=lambda edit: edit.start))
        for before, after in itertools.pairwise(edits):
            if before.end > after.start:
                raise ValueError("edits overlap")
        return replace(self, edits=edits)

    def chunks(self) -> Iterator[bytes]:
        """The whole message in pieces of bounded size. Blocks on the disk: for threads."""
        if self.prefix:
            yield self.prefix
        position = 0
        for edit in self.edits:
            yield from self._range(position, edit.start)
            if edit.text:
                yield edit.text
            position = edit.end
        yield from self._range(position, None)

    def read(self) -> bytes:
        """The whole message. Blocks on the disk: for threads, and for messages known to be small."""
        return b"".join(self.chunks())

    def head(self, most: int) -> bytes:
        """At most the first `most` bytes."""
        pieces: list[bytes] = []
        room = most
        for chunk in self.chunks():
            pieces.append(chunk[:room])
            room -= len(pieces[-1])
            if room <= 0:
                break
        return b"".join(pieces)

    def open(self) -> BinaryIO:
        """A seekable stream of the message: the file itself where nothing is edited."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.read())
        if not self.prefix and not self.edits and not self.lf:
            return self._open()
        stream = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
        for chunk in self.chunks():
            stream.write(chunk)
        stream.seek(0)
        return stream

    @contextlib.contextmanager
    def octets(self) -> Iterator[Octets]:
        """All of it to look at: bytes where it is small or edited, the file where it is large."""
        if self.size <= CHUNK or isinstance(self.source, bytes):
            yield self.read()
            return
        with self.open() as file:
            yield FileOctets(file)

    def write_to(self, fd: int) -> int:
        """Write all of it to a file descriptor; returns the octets written. The kernel copies files."""
        if isinstance(self.source, Path) and not self.edits and not self.lf:
            with self._open() as source:
                return _write_all(fd, self.prefix) + _copy(source.fileno(), fd, self.source_size)
        return sum(_write_all(fd, chunk) for chunk in self.chunks())

    def _open(self) -> BinaryIO:
        """The source file. Raises FileNotFoundError where the message is gone."""
        assert isinstance(self.source, Path)
        try:
            return open(self.source, "rb")
        except FileNotFoundError:
            if self.finder is None:
                raise
            return open(self.finder(), "rb")

    def _range(self, start: int, end: int | None) -> Iterator[bytes]:
        if isinstance(self.source, bytes):
            piece = self.source[start:end]
            if piece:
                yield piece
            return
        with self._open() as file:
            if self.lf:
                yield from _crlf(file)
                return
            file.seek(start)
            room = (self.source_size if end is None else end) - start
            while room > 0:
                chunk = file.read(min(CHUNK, room))
                if not chunk:
                    return
                room -= len(chunk)
                yield chunk


def _crlf(file: BinaryIO) -> Iterator[bytes]:
    """A file's bytes with every bare LF as CRLF. A CR at the end of a chunk is held for the next."""
    last = b""
    while chunk := file.read(CHUNK):
        if last == b"\r" and chunk[:1] == b"\n":
            yield b"\n"
            last, chunk = b"\n", chunk[1:]
            if not chunk:
                continue
        last = chunk[-1:]
        yield chunk.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _copy(source: int, target: int, size: int) -> int:
    """The kernel copies, without the bytes passing through here."""
    room = size
    while room > 0:
        copied = os.copy_file_range(source, target, min(room, 1 << 30))
        if not copied:
            break
        room -= copied
    return size - room


def _write_all(fd: int, data: bytes) -> int:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    return len(data)
