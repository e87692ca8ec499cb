"""Headers of the PROXY protocol: whole, in pieces, and broken."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.proxy import LONGEST, SIGNATURE, NotProxy, Proxied, parse


def second(command: int, family: int, addresses: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(addresses)) + addresses


FOUR = socket.inet_aton("192.0.2.1") + socket.inet_aton("198.51.100.2") + struct.pack("!HH", 5000, 25)
SIX = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    + struct.pack("!HH", 5000, 25)
)
HEADERS = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 25\r\n", ("192.0.2.1", 5000), ("198.51.100.2", 25)),
    (b"PROXY TCP6 2001:db8::1 2001:DB8:0::2 5000 25\r\n", ("2001:db8::1", 5000), ("2001:db8::2", 25)),
    (b"PROXY UNKNOWN\r\n", None, None),
    (b"PROXY UNKNOWN some thing else\r\n", None, None),
    (second(1, 0x11, FOUR), ("192.0.2.1", 5000), ("198.51.100.2", 25)),
    (second(1, 0x21, SIX), ("2001:db8::1", 5000), ("2001:db8::2", 25)),
    (second(1, 0x11, FOUR + b"\x04\x00\x03abc"), ("192.0.2.1", 5000), ("198.51.100.2", 25)),  # with a TLV
    (second(0, 0x00, b""), None, None),  # LOCAL
    (second(0, 0x11, FOUR), None, None),
    (second(1, 0x00, b"xyz"), None, None),
]


@pytest.mark.parametrize(("header", "client", "called"), HEADERS)
def test_whole_and_in_pieces(header: bytes, client: object, called: object) -> None:
    expected = Proxied(len(header), client, called)  # type: ignore[arg-type]
    assert parse(header) == expected
    assert parse(header + b"EHLO x\r\n") == expected
    for length in range(len(header)):
        assert parse(header[:length]) is None, length


@pytest.mark.parametrize(
    "data",
    [
        b"EHLO client.example\r\n",
        b"\x16\x03\x01\x02\x00",
        b"PROXY  TCP4 192.0.2.1 198.51.100.2 5000 25\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 5000\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 5000 25\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 5000 65536\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n",
        b"PROXY TCP4 client mail 5000 25\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 5000 25\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        SIGNATURE + b"\x11\x11\x00\x0c" + FOUR,  # version 1
        SIGNATURE + b"\x22\x11\x00\x0c" + FOUR,  # no such command
        second(1, 0x12, FOUR),  # UDP
        second(1, 0x31, b"x" * 216),  # Unix
        second(1, 0x11, FOUR[:-1]),
        second(1, 0x21, FOUR),
        SIGNATURE + b"\x21\x11" + struct.pack("!H", LONGEST + 1),
    ],
)
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(NotProxy):
        parse(data)


@given(st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(lambda rest: SIGNATURE + rest)))
def test_whatever_comes_is_answered(data: bytes) -> None:
    try:
        found = parse(data)
    except NotProxy:
        return
    assert found is None or found.length <= len(data)
