"""Compressed streams: what goes in comes out, a bomb fills no memory, and nonsense ends the connection."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.deflate import PIECE, Broken, Deflate


@given(st.lists(st.binary(max_size=3000), max_size=5), st.integers(1, 200))
def test_what_is_packed_can_be_unpacked_wherever_it_is_cut(pieces: list[bytes], cut: int) -> None:
    packer, other = Deflate(), Deflate()
    wire = b"".join(packer.pack(piece) for piece in pieces)
    plain = b""
    for at in range(0, len(wire), cut):
        plain += other.unpack(wire[at : at + cut])
        while other.pending:
            plain += other.unpack()
    assert plain == b"".join(pieces)


def test_each_piece_can_be_read_when_it_has_come() -> None:
    packer, client = Deflate(), zlib.decompressobj(-15)
    for piece in (b"* 1 EXISTS\r\n", b"* 2 EXISTS\r\n"):
        assert client.decompress(packer.pack(piece)) == piece


def test_a_bomb_comes_out_in_pieces() -> None:
    packer = zlib.compressobj(9, wbits=-15)
    bomb = packer.compress(bytes(50 * 2**20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    assert len(bomb) < 100_000
    deflate = Deflate()
    size = len(deflate.unpack(bomb))
    assert size <= PIECE
    while deflate.pending:
        piece = deflate.unpack()
        assert len(piece) <= PIECE
        size += len(piece)
    assert size == 50 * 2**20


def test_nonsense_is_told() -> None:
    with pytest.raises(Broken):
        Deflate().unpack(b"\xff\xff\xff\xff\xff\xff")


def test_an_ended_stream_gives_no_more() -> None:
    packer = zlib.compressobj(wbits=-15)
    deflate = Deflate()
    assert deflate.unpack(packer.compress(b"a NOOP\r\n") + packer.flush()) == b"a NOOP\r\n"
    assert deflate.ended and not deflate.pending
    assert deflate.unpack(b"more") == b""
