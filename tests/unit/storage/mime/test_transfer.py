"""Transfer encodings undone piece by piece: the same as all at once, and any octets give some."""

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mime import transfer
from storage.mime.parts import Part
from storage.mime.transfer import decoded, known

ENCODINGS = [b"base64", b"quoted-printable", b"x-uuencode", b"7bit", b"BINARY", b"x-nobody-knows"]


def part(data: bytes, encoding: bytes) -> Part:
    return Part(0, 0, len(data), encoding=encoding)


def whole(data: bytes, encoding: bytes) -> bytes:
    return b"".join(decoded(data, part(data, encoding)))


BITS = [
    b"QUJD",
    b"=",
    b"==",
    b"=3D",
    b"=\r\n",
    b"=\n",
    b"\r\n",
    b" ",
    b"#0V%T",
    b"begin 644 x\r\n",
    b"A",
    b"\xff",
]
OCTETS = st.binary(max_size=80) | st.lists(st.sampled_from(BITS)).map(b"".join)


@given(OCTETS, st.sampled_from(ENCODINGS), st.integers(1, 30))
def test_pieces_of_any_size_are_the_whole(data: bytes, encoding: bytes, piece: int) -> None:
    at_once = whole(data, encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIECE", piece)
        in_pieces = whole(data, encoding)
    if encoding == b"quoted-printable" and any(len(line) > piece for line in data.split(b"\n")):
        return  # a line longer than a piece is cut: what is broken in it may read otherwise
    if encoding == b"x-uuencode" and any(len(line) > piece for line in data.split(b"\n")):
        return
    assert in_pieces == at_once


@given(st.binary(max_size=400), st.integers(1, 50))
def test_what_was_encoded_comes_back(data: bytes, piece: int) -> None:
    lines = data.replace(b"\r", b"").replace(b"\n", b"")
    uuencoded = b"".join(binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PIECE", piece)
        assert whole(base64.encodebytes(data), b"Base64") == data
        assert whole(data, b"binary") == data
    assert whole(quopri.encodestring(lines), b"quoted-printable") == lines
    assert whole(b"begin 644 x\n" + uuencoded + b"`\nend\n", b"x-uuencode") == data


def test_so_much_is_read() -> None:
    data = base64.encodebytes(b"x" * 1000)
    assert b"".join(decoded(data, part(data, b"base64"), most=8)) == b"xxxxxx"


@pytest.mark.parametrize(
    ("encoding", "yes"), [*((one, True) for one in ENCODINGS[:5]), (ENCODINGS[5], False), (b"", False)]
)
def test_known(encoding: bytes, yes: bool) -> None:
    assert known(encoding) is yes
