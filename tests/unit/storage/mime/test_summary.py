"""Summaries are valid IMAP whatever the message is. What they say of odd messages stands in tests/corpus."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mime.summary import quoted, summarise
from storage.octets import FileOctets
from tests.corpus.values import Value, read_all
from tests.unit.storage.mime.test_parts import HOSTILE

NAMES = ["Subject", "From", "To", "Cc", "Date", "Message-ID"] + [
    f"Content-{name}"
    for name in ("Type", "ID", "Language", "Disposition", "Transfer-Encoding", "Description", "Location")
]
VALUES = st.text(alphabet='a;=/"\\()<>@,:.\x00\x01\x1b\x7f\x80\xff \t\r', max_size=25)
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6).map(
    lambda pairs: "".join(f"{name}: {value}\r\n" for name, value in pairs).encode("latin-1") + b"\r\nx"
)


def read(text: bytes) -> tuple[Value, ...]:
    assert b"\0" not in text
    return read_all(text)


def address_list(value: Value) -> bool:
    return value is None or (
        isinstance(value, tuple)
        and len(value) > 0
        and all(isinstance(one, tuple) and len(one) == 4 for one in value)
    )


def text(value: Value) -> bool:
    return value is None or isinstance(value, bytes)


def check_envelope(value: Value) -> None:
    assert isinstance(value, tuple) and len(value) == 10
    for place, item in enumerate(value):
        assert address_list(item) if 2 <= place <= 7 else text(item)


def check_body(value: Value, extended: bool) -> None:
    """RFC 9051 §9 `body`, without recursion deeper than the tree."""
    assert isinstance(value, tuple) and value
    if isinstance(value[0], tuple):
        parts = [item for item in value if isinstance(item, tuple)]
        count = next(at for at, item in enumerate(value) if not isinstance(item, tuple))
        assert parts and isinstance(value[count], bytes)
        for part in value[:count]:
            check_body(part, extended)
        assert len(value) == count + (5 if extended else 1)
        return
    kind, subtype, params, ident, description, encoding, size, *rest = value
    assert isinstance(kind, bytes) and isinstance(subtype, bytes) and isinstance(encoding, bytes)
    assert params is None or (isinstance(params, tuple) and len(params) % 2 == 0 and params)
    assert text(ident) and text(description) and isinstance(size, int)
    if kind.lower() == b"text":
        assert isinstance(rest.pop(0), int)
    elif (kind.lower(), subtype.lower()) == (b"message", b"rfc822"):
        check_envelope(rest.pop(0))
        check_body(rest.pop(0), extended)
        assert isinstance(rest.pop(0), int)
    assert len(rest) == (4 if extended else 0)


@given(HOSTILE | FIELDS)
def test_any_message_gives_valid_answers(data: bytes) -> None:
    summary = summarise(data)
    check_envelope(read(summary.envelope))
    check_body(read(summary.bodystructure), True)
    check_body(read(summary.body), False)


@given(HOSTILE)
def test_a_file_gives_the_same(data: bytes) -> None:
    assert summarise(FileOctets(io.BytesIO(data))) == summarise(data)


@pytest.mark.parametrize(
    ("octets", "wire"),
    [
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b'a"\\', b'"a\\"\\\\"'),
        (b"\xe3\x81\x82", b"{3}\r\n\xe3\x81\x82"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\x00b", b"{5}\r\na\xef\xbf\xbdb"),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings(octets: bytes, wire: bytes) -> None:
    assert quoted(octets) == wire


def test_ten_thousand_nested_parts() -> None:
    unit = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    summary = summarise(unit * 10_000)
    assert summary.bodystructure.count(b"(") == summary.bodystructure.count(b")")
    message = b"Content-Type: message/rfc822\r\n\r\n"
    check_body(read(summarise(message * 10_000).bodystructure), True)


def test_a_large_file_costs_the_memory_of_a_piece() -> None:
    import tracemalloc

    class Endless(io.RawIOBase):
        """A multipart of 50 MB that is made as it is read."""

        head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        size = 50_000_000
        place = 0

        def seek(self, offset: int, whence: int = 0) -> int:
            self.place = offset if whence == 0 else self.size
            return self.place

        def read(self, most: int = -1) -> bytes:
            start = self.place
            most = min(most, self.size - start)
            data = self.head[start : start + most]
            data += b"x" * (most - len(data))
            self.place += most
            return data

    tracemalloc.start()
    try:
        summary = summarise(FileOctets(Endless()))  # type: ignore[arg-type]
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert b'"7bit" %d 0 ' % (Endless.size - len(Endless.head)) in summary.bodystructure
