"""The vectors of ARC: each step of the validation, and chains that stay whole."""

import pytest

from tests.unit.filters.sender_auth.arc_vectors import KEYS, Vector, vectors
from tests.unit.filters.sender_auth.test_signatures import looked_at


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector.name)
def test_chain(vector: Vector) -> None:
    assert looked_at(vector.head, vector.body, KEYS)[1].result == vector.result
