"""COMPRESS=DEFLATE (RFC 4978), and what a peer may make of it: a little that stands for much, and nonsense."""

import asyncio
import zlib
from contextlib import suppress

import pytest

from tests.attacks.conftest import Besieged
from tests.attacks.talk import Talk

MIB = 1024 * 1024


async def _compressed(besieged: Besieged) -> Talk:
    talk = await besieged.imap()
    await talk.ask(b"c COMPRESS DEFLATE", b"c OK")
    return talk


async def _answer(talk: Talk, unpacker: "zlib._Decompress", start: bytes) -> bytes:
    heard = b""
    async with asyncio.timeout(60):
        while start not in heard:
            piece = await talk.reader.read(65536)
            assert piece, heard
            heard += unpacker.decompress(piece)
    return heard


async def test_a_line_of_gigabytes_in_a_few_kilobytes(besieged: Besieged) -> None:
    """Unpacked piece by piece and thrown away like any other line that is too long; memory: the fixture's bound."""
    talk = await _compressed(besieged)
    before = besieged.memory("imap")
    packer, unpacker = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    for _ in range(64):
        talk.writer.write(packer.compress(b"x" * MIB))
    talk.writer.write(packer.compress(b"\r\na NOOP\r\n") + packer.flush(zlib.Z_SYNC_FLUSH))
    heard = await _answer(talk, unpacker, b"a OK")
    assert b"BAD [TOOBIG]" in heard
    assert besieged.memory("imap") - before < 16
    talk.vanish()


@pytest.mark.parametrize("announced", [b"a LOGIN {%d+}\r\n", b"a SELECT {%d+}\r\n", b"a FETCH 1 {%d+}\r\n"])
async def test_a_literal_of_gigabytes_in_a_few_kilobytes(besieged: Besieged, announced: bytes) -> None:
    talk = await _compressed(besieged)
    packer, unpacker = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    talk.writer.write(packer.compress(announced % 2**32) + packer.flush(zlib.Z_SYNC_FLUSH))
    heard = b""
    with suppress(ConnectionError):
        for _ in range(64):
            talk.writer.write(packer.compress(b"\0" * MIB) + packer.flush(zlib.Z_SYNC_FLUSH))
            await talk.writer.drain()
    with suppress(zlib.error):
        heard = unpacker.decompress(await talk.rest())
    assert b"a OK" not in heard and b"SERVERBUG" not in heard


@pytest.mark.parametrize(
    "octets",
    [
        b"a NOOP\r\nb NOOP\r\n",
        b"\xff" * 1000,
        b"\x07",
        zlib.compress(b"a NOOP\r\n"),  # with a zlib header, which RFC 4978 §3 does not have
        zlib.compress(b"a NOOP\r\n", wbits=-15) + b"b NOOP\r\n",  # the stream is ended, and goes on
    ],
    ids=["plain", "ff", "reserved", "zlib", "after the end"],
)
async def test_what_is_no_deflate_ends_the_connection(besieged: Besieged, octets: bytes) -> None:
    talk = await _compressed(besieged)
    talk.writer.write(octets)
    talk.writer.write(octets * 10)
    heard = b""
    with suppress(zlib.error):
        heard = zlib.decompressobj(-15).decompress(await talk.rest())  # it is closed, else this times out
    assert b"b OK" not in heard and b"SERVERBUG" not in heard
