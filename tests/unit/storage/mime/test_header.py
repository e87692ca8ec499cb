"""Fields of a header block as ranges of octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mime.header import end_of_header, fields, named, unfold

LINES = st.lists(
    st.sampled_from(
        [b"A: b", b" folded", b"\t", b"", b"no field", b"B:", b": x", b"C \t: d", b"\x00\xff: \x80", b"\r"]
    )
)


def test_a_field_is_all_its_lines() -> None:
    data = b"From: a@b\r\nBcc: c@d,\r\n\te@f\r\nsubject : x\r\n\r\nBcc: body\r\n"
    found = fields(data)
    assert [field.name for field in found] == [b"from", b"bcc", b"subject"]
    bcc = found[1]
    assert data[bcc.start : bcc.end] == b"Bcc: c@d,\r\n\te@f\r\n"
    assert data[bcc.value_start : bcc.end] == b" c@d,\r\n\te@f\r\n"


def test_what_is_no_field_belongs_to_none() -> None:
    data = b"From taro Mon Jan 1\r\n folded\r\nA: 1\r\nnonsense\r\nB: 2"
    assert [data[field.start : field.end] for field in fields(data)] == [b"A: 1\r\n", b"B: 2"]


def test_a_block_within_a_message() -> None:
    data = b"A: 1\r\n\r\nB: 2\r\n\r\nbody"
    assert [field.name for field in fields(data, 8)] == [b"b"]
    assert [field.start for field in fields(data, 8)] == [8]
    assert fields(data, 8, 9) == []


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", -1),
        (b"\r\n", 2),
        (b"\nx", 1),
        (b"A: 1", -1),
        (b"A: 1\r\n", -1),
        (b"A: 1\r\n\r\nx", 8),
        (b"A: 1\n\nx", 6),
        (b"A: 1\r\n\nx\r\n\r\n", 7),
        (b"A: 1\n\r\nx", 7),
        (b"A: 1\r\r\n\r\n", 9),
    ],
)
def test_end_of_header(data: bytes, end: int) -> None:
    assert end_of_header(data) == end


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" a\r\n b\r\n", b"a b"),
        (b"\r\n a\r\n\t b \r\n", b"a b"),
        (b" a  b\t", b"a  b"),
        (b"", b""),
        (b" a\x00b", b"a\xef\xbf\xbdb"),
        (b" a\rb", b"a b"),
    ],
)
def test_unfold(raw: bytes, value: bytes) -> None:
    assert unfold(raw) == value


@given(LINES, st.sampled_from([b"\r\n", b"\n"]))
def test_fields_lie_apart_in_order_and_begin_lines(lines: list[bytes], end: bytes) -> None:
    data = end.join(lines)
    last = 0
    for field in fields(data):
        assert last <= field.start < field.value_start <= field.end <= len(data)
        assert field.start == 0 or data[field.start - 1 : field.start] == b"\n"
        assert field.end == len(data) or data[field.end - 1 : field.end] == b"\n"
        assert data[field.start : field.value_start].lower().startswith(field.name)
        last = field.end


@given(st.binary(max_size=200))
def test_any_octets_are_read(data: bytes) -> None:
    fields(data)
    assert b"\n" not in unfold(data) and b"\0" not in unfold(data) and b"\r" not in unfold(data)


@given(
    st.lists(
        st.sampled_from(
            [b"From: a\r\n", b"FROM : b\n", b" fold\r\n", b"Sender:c\r\n", b"nonsense\r\n", b"\r\n"]
        )
    )
)
def test_named_are_those_of_fields(lines: list[bytes]) -> None:
    data = b"".join(lines)
    wanted = [
        [unfold(data[each.value_start : each.end]) for each in fields(data) if each.name == name]
        for name in (b"from", b"sender")
    ]
    assert [[unfold(value) for value in values] for values in named(data, b"from", b"sender")] == wanted
