"""A file looked at like bytes."""

import io

from hypothesis import given
from hypothesis import strategies as st

from storage import octets
from storage.octets import FileOctets


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=4), st.integers(-2, 70), st.integers(0, 70))
def test_it_answers_as_bytes_do(data: bytes, needle: bytes, start: int, stop: int) -> None:
    whole, octets.PIECE = octets.PIECE, 5
    try:
        file = FileOctets(io.BytesIO(data))
        start = max(start, 0)
        assert len(file) == len(data)
        assert file[start:stop] == data[start:stop]
        assert file[start:] == data[start:]
        assert file.find(needle, start, stop) == data.find(needle, start, stop)
        assert file.find(needle) == data.find(needle)
        assert file.count(needle[:1], start, stop) == data.count(needle[:1], start, stop)
    finally:
        octets.PIECE = whole
