"""The header of HAProxy's PROXY protocol, versions 1 and 2: on whose behalf a load balancer has connected.

Bytes in, a value out. It comes before all else, before TLS too, and only from peers that the operator named;
whether it is looked for is decided by the peer's address, never by what is sent (the specification asks for that:
else anybody could say to be anybody). A header that is malformed, or of a kind that we don't speak, ends the
connection.
"""

import ipaddress
import socket
import struct
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # of version 2
LONGEST_LINE = 107  # octets of version 1's line
LONGEST = 4096  # octets of version 2's addresses and extensions that are taken

_ADDRESSES = {0x11: (socket.AF_INET, "!4s4sHH"), 0x21: (socket.AF_INET6, "!16s16sHH")}  # over TCP


class NotProxy(Exception):
    """What came is no header of this protocol; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """Who the client is and whom it called, None where the proxy speaks for itself; and how long the header was."""

    length: int
    client: tuple[str, int] | None = None
    called: tuple[str, int] | None = None


def parse(data: bytes) -> Proxied | None:
    """The header at the start of `data`; None while more has to come. Raises NotProxy."""
    if data[: len(SIGNATURE)] == SIGNATURE[: len(data)]:
        return _version_2(data)
    if data[:6] == b"PROXY "[: len(data)]:
        return _version_1(data)
    raise NotProxy("the connection does not begin with a PROXY header")


def _version_1(data: bytes) -> Proxied | None:
    """`PROXY TCP4 192.0.2.1 198.51.100.1 50000 25` CRLF"""
    line, end, _ = data[:LONGEST_LINE].partition(b"\r\n")
    if not end:
        if len(data) >= LONGEST_LINE:
            raise NotProxy("the PROXY line is too long")
        return None
    words = line.decode("ascii", "replace").split(" ")
    length = len(line) + 2
    if words[1] == "UNKNOWN":
        return Proxied(length)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise NotProxy("the PROXY line is malformed")
    version = int(words[1][3])
    client, called = (_address(words[at], words[at + 2], version) for at in (2, 3))
    return Proxied(length, client, called)


def _address(host: str, port: str, version: int) -> tuple[str, int]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise NotProxy("the PROXY line has something else than an address") from None
    if address.version != version or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise NotProxy("the PROXY line is malformed")
    return str(address), int(port)


def _version_2(data: bytes) -> Proxied | None:
    if len(data) < 16:
        return None
    kind, family, size = struct.unpack("!BBH", data[12:16])
    if kind >> 4 != 2 or kind & 0x0F > 1:
        raise NotProxy("the PROXY header has a version or a command that is unknown")
    if size > LONGEST:
        raise NotProxy("the PROXY header is too long")
    length = 16 + size
    if len(data) < length:
        return None
    if kind & 0x0F == 0 or family == 0:  # LOCAL: a health check; UNSPEC
        return Proxied(length)
    if family not in _ADDRESSES:
        raise NotProxy("the PROXY header is not about TCP")
    number, layout = _ADDRESSES[family]
    if size < struct.calcsize(layout):
        raise NotProxy("the PROXY header is too short")
    source, destination, source_port, port = struct.unpack_from(layout, data, 16)
    client = socket.inet_ntop(number, source), source_port
    return Proxied(length, client, (socket.inet_ntop(number, destination), port))
