r"""Plays conversations written as in an RFC against a running door.

A file is a list of lines:

    # words for the reader
    door: submission                 what to open: pop3, imap, mx, submission, and `implicit` for TLS at
    door: pop3 implicit              once; without it, what the folder is called (smtp: mx)
    mail: taro INBOX \Seen           put a message into a mailbox, now; its lines follow after `| `
    | Subject: hello
    |
    | body
    C: USER taro@example.test        sent, with CRLF
    C~ part of a li                  sent as it stands, without CRLF
    S: +OK <any>                     one line that must come, whole
    S...                             any lines, up to the one that the next `S:` describes
    C! starttls                      the TLS handshake; `C! deflate` begins to compress; `C! close` hangs up
    S! closed                        the server hangs up, after nothing more
    B> C: NOOP                       another client, called B; it connects when first named

In `S:` lines `<name>` matches anything (not empty); the same name again must match the same text, also in
`C:` lines, where it stands for what was captured; `<any>` is never remembered. In both, `<\r>`, `<\n>` and
`<\xff>` are those bytes, and `<\x41*1000>` is a thousand of them. `\r\n` ends every line that the server
sends, or the line does not match.
"""

import asyncio
import contextlib
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.house import HOSTNAME, House

PATIENCE = 60.0  # seconds for the server's next line

_ESCAPE = re.compile(rb"<\\(r|n|x[0-9a-fA-F]{2})(?:\*(\d+))?>")
_WILD = re.compile(rb"<([a-z][a-z0-9-]*)>")
_LINE = re.compile(r"(?:([A-Z])> )?(C: ?|C~ |C! |S: ?|S! |S\.\.\.|mail: |door: |\| ?)(.*)", re.DOTALL)


class Mismatch(AssertionError):
    """The server said something else."""


@dataclass(frozen=True)
class Step:
    """One line of a transcript."""

    number: int
    client: str  # "" where only one is spoken of
    kind: str
    text: str


def read(path: Path) -> list[Step]:
    steps = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"{path}:{number}: not a line of a transcript: {line}")
        steps.append(Step(number, match[1] or "", match[2].rstrip(), match[3]))
    return steps


async def play(path: Path, house: House) -> None:
    """Play one file. `Mismatch` says the line, what was expected and what came."""
    await _Play(path, house).run()


class _Play:
    def __init__(self, path: Path, house: House) -> None:
        self._path = path
        self._house = house
        self._door = {"smtp": "mx"}.get(path.parent.name, path.parent.name)
        self._address: tuple[str, int] | None = None
        self._clients: dict[str, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self._known: dict[bytes, bytes] = {}

    async def run(self) -> None:
        steps = read(self._path)
        at = 0
        try:
            while at < len(steps):
                step = steps[at]
                at += 1
                if step.kind == "mail:":
                    lines = []
                    while at < len(steps) and steps[at].kind == "|":
                        lines.append(steps[at].text.encode())
                        at += 1
                    await self._mail(step, lines)
                elif step.kind == "S...":
                    await self._skip(steps[at])
                    at += 1
                else:
                    await self._step(step)
            for name, (reader, _) in self._clients.items():
                rest = bytes(reader._buffer)  # type: ignore[attr-defined]
                if rest:
                    raise Mismatch(f"{self._path}: at the end {name or 'the server'} says also {rest!r}")
        finally:
            for _, writer in self._clients.values():
                writer.close()

    async def _mail(self, step: Step, lines: list[bytes]) -> None:
        local, mailbox, *flags = step.text.split()
        data = b"".join(self._sent(line) + b"\r\n" for line in lines)
        await self._house.put(local, mailbox, data, flags)

    async def _step(self, step: Step) -> None:
        if step.kind == "door:":
            self._door = step.text
            self._address = None
            return
        reader, writer = await self._client(step.client)
        match step.kind:
            case "C:":
                writer.write(self._sent(step.text.encode()) + b"\r\n")
            case "C~":
                writer.write(self._sent(step.text.encode()))
            case "C!" if step.text == "starttls":
                await writer.start_tls(self._house.client_context(), server_hostname=HOSTNAME)
            case "C!" if step.text == "deflate":
                self._clients[step.client] = deflated(reader, writer)
            case "C!" if step.text == "close":
                writer.close()
                del self._clients[step.client]
            case "S:":
                line = await self._line(step, reader)
                if not self._matches(step.text.encode(), line):
                    self._fail(step, line)
            case "S!" if step.text == "closed":
                line = await self._line(step, reader)
                if line:
                    self._fail(step, line)
                writer.close()
                del self._clients[step.client]
            case _:
                raise ValueError(f"{self._path}:{step.number}: cannot do {step.kind} {step.text}")

    async def _skip(self, until: Step) -> None:
        reader, _ = await self._client(until.client)
        while True:
            line = await self._line(until, reader)
            if not line:
                self._fail(until, line)
            if self._matches(until.text.encode(), line):
                return

    async def _client(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if name not in self._clients:
            kind, _, implicit = self._door.partition(" ")
            tls = "implicit" if implicit else "starttls"
            if self._address is None:
                match kind:
                    case "pop3":
                        self._address = await self._house.pop3(tls)
                    case "imap":
                        self._address = await self._house.imap(tls)
                    case _:
                        self._address = await self._house.smtp(tls, mode=kind)
            context = self._house.client_context() if implicit else None
            self._clients[name] = await asyncio.open_connection(
                *self._address, limit=2**24, ssl=context, server_hostname=HOSTNAME if implicit else None
            )
        return self._clients[name]

    async def _line(self, step: Step, reader: asyncio.StreamReader) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                return await reader.readline()
        except TimeoutError:
            raise Mismatch(f"{self._path}:{step.number}: expected {step.text}\nnothing came") from None
        except ConnectionError:
            return b""

    def _fail(self, step: Step, line: bytes) -> None:
        came = repr(line.decode("utf-8", "backslashreplace")) if line else "the end of the connection"
        raise Mismatch(f"{self._path}:{step.number}: expected {step.text}\n     came {came}")

    def _sent(self, text: bytes) -> bytes:
        known = _WILD.sub(lambda match: self._known.get(match[1], match[0]), text)
        return _ESCAPE.sub(_bytes, known)

    def _matches(self, expected: bytes, line: bytes) -> bool:
        pattern = b""
        at = 0
        names: set[bytes] = set()
        for match in _WILD.finditer(expected):
            pattern += re.escape(_ESCAPE.sub(_bytes, expected[at : match.start()]))
            at = match.end()
            name = match[1]
            if name in self._known:
                pattern += re.escape(self._known[name])
            elif name == b"any":
                pattern += b".+"
            elif name in names:
                pattern += b"(?P=" + _group(name) + b")"
            else:
                names.add(name)
                pattern += b"(?P<" + _group(name) + b">.+)"
        pattern += re.escape(_ESCAPE.sub(_bytes, expected[at:])) + rb"\r\n"
        match = re.fullmatch(pattern, line, re.DOTALL)
        if match is None:
            return False
        self._known.update({name: match[_group(name).decode()] for name in names})
        return True


class _Packer:
    """A writer whose octets go out compressed (RFC 4978)."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._packer = zlib.compressobj(wbits=-15)

    def write(self, data: bytes) -> None:
        self._writer.write(self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        self._writer.close()


def deflated(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The same client, from now on speaking deflate."""
    plain = asyncio.StreamReader(limit=2**24)

    async def pump() -> None:
        unpacker = zlib.decompressobj(-15)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2**16):
                plain.feed_data(unpacker.decompress(data))
        plain.feed_eof()

    task = asyncio.get_running_loop().create_task(pump())
    _PUMPS.add(task)
    task.add_done_callback(_PUMPS.discard)
    return plain, cast(asyncio.StreamWriter, _Packer(writer))


_PUMPS: set["asyncio.Task[None]"] = set()


def _group(name: bytes) -> bytes:
    return b"w_" + name.replace(b"-", b"_")


def _bytes(match: re.Match[bytes]) -> bytes:
    what = match[1]
    byte = {b"r": b"\r", b"n": b"\n"}.get(what) or bytes([int(what[1:], 16)])
    return byte * int(match[2] or 1)
