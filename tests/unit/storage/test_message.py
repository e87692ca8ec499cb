"""The two edits that exist, and nothing else: whole fields in front, byte ranges replaced; every other octet stays.

Holds of DESIGN "Two edits exist". What is done with them is in tests/unit/filters/test_originate.py.
"""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import message as messages
from storage.message import Message

FIELDS = st.lists(st.sampled_from([b"A: 1\r\n", b"B: folded\r\n\tline\r\n", b""]), max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("messages")


@given(
    st.binary(max_size=400),
    FIELDS,
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60), st.binary(max_size=9)), max_size=4),
    st.booleans(),
    st.integers(1, 64),
)
@settings(deadline=None)
def test_edits_are_splices(
    folder: Path,
    data: bytes,
    fields: list[bytes],
    wanted: list[tuple[int, int, bytes]],
    file: bool,
    chunk: int,
) -> None:
    source = folder / "source"
    source.write_bytes(data)
    original = Message(source if file else data, len(data))
    edited, end, expected = original, 0, b""
    for start, length, text in sorted(wanted):
        if end <= start and start + length <= len(data):
            edited = edited.replace(start, start + length, text)
            expected += data[end:start] + text
            end = start + length
    edited = edited.prepend(*fields)
    expected = b"".join(fields) + expected + data[end:]

    before, messages.CHUNK = messages.CHUNK, chunk  # pieces small enough to be cut anywhere
    try:
        assert edited.read() == expected
        assert edited.size == len(expected)
        assert edited.head(chunk) == expected[:chunk]
        with edited.open() as stream:
            assert stream.read() == expected
        with edited.octets() as octets:
            assert octets[0 : len(octets)] == expected
        with (folder / "target").open("wb") as target:
            assert edited.write_to(target.fileno()) == len(expected)
        assert (folder / "target").read_bytes() == expected
        assert original.read() == data == source.read_bytes()
    finally:
        messages.CHUNK = before


@pytest.mark.parametrize("spans", [[(0, 5), (4, 6)], [(4, 6), (0, 5)], [(2, 3), (2, 3)]])
def test_edits_that_overlap_are_refused(spans: list[tuple[int, int]]) -> None:
    message = Message.of(b"x" * 10).replace(*spans[0], b"")
    with pytest.raises(ValueError, match="overlap"):
        message.replace(*spans[1], b"")


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\0"]), max_size=30), st.integers(1, 8))
@settings(deadline=None)
def test_an_lf_file_is_served_with_crlf_and_left_alone(folder: Path, parts: list[bytes], chunk: int) -> None:
    data = b"".join(parts)
    source = folder / "lf"
    source.write_bytes(data)
    expected = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    message = Message(source, len(expected), lf=True)
    before, messages.CHUNK = messages.CHUNK, chunk
    try:
        assert message.read() == expected
        with message.open() as stream:
            assert stream.read() == expected
    finally:
        messages.CHUNK = before
    assert source.read_bytes() == data


def test_a_file_is_shared_by_its_copies(folder: Path) -> None:
    source = folder / "shared"
    source.write_bytes(b"A: 1\r\n\r\n")
    os.chmod(source, 0o400)
    one = Message(source, 8).prepend(b"B: 2\r\n")
    two = one.prepend(b"C: 3\r\n")
    assert one.source is two.source
    assert (one.read(), two.read()) == (b"B: 2\r\nA: 1\r\n\r\n", b"C: 3\r\nB: 2\r\nA: 1\r\n\r\n")
