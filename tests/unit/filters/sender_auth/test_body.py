"""Body hashes: RFC 6376's rules, dkimpy's opinion, and the same result wherever the pieces are cut."""

import hashlib
import itertools

from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from filters.sender_auth.body import Wanted, hashes

BODIES = st.lists(
    st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r\n\r\n", b"b c", b" \r\n", b"  "]), max_size=30
).map(lambda parts: b"".join(parts) + b"\r\n")


def digest(pieces: list[bytes], relaxed: bool, length: int | None = None) -> bytes:
    wanted = Wanted(relaxed, length)
    return hashes(pieces, [wanted])[wanted][0]


@given(BODIES)
def test_it_is_what_dkimpy_makes_of_a_body(body: bytes) -> None:
    assert digest([body], False) == hashlib.sha256(Simple.canonicalize_body(body)).digest()
    assert digest([body], True) == hashlib.sha256(Relaxed.canonicalize_body(body)).digest()


@given(st.binary(max_size=60) | BODIES, st.lists(st.integers(0, 60), max_size=6), st.booleans())
def test_the_cuts_do_not_matter(body: bytes, cuts: list[int], relaxed: bool) -> None:
    edges = [0, *sorted(cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
    assert digest(pieces, relaxed) == digest([body], relaxed)


def test_the_empty_body() -> None:
    assert digest([], False) == hashlib.sha256(b"\r\n").digest()  # RFC 6376 §3.4.3
    assert digest([], True) == hashlib.sha256(b"").digest()  # RFC 6376 §3.4.4


def test_a_length_counts_canonical_octets() -> None:
    wanted = Wanted(True, 5)
    assert hashes([b"a  b \r\n c\r\n\r\n"], [wanted])[wanted] == (hashlib.sha256(b"a b\r\n").digest(), 9)


def test_line_ends_without_end_cost_little_memory() -> None:
    import tracemalloc

    tracemalloc.start()
    digest([b"x"] + [b"\r\n" * 32_768] * 400 + [b"y\r\n"], False)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
