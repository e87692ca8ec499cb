"""Every fuzz target with hypothesis: its examples, examples cut and spliced, and any octets at all."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

PIECES = st.sampled_from(
    [bytes([octet]) for octet in b'\r\n\0 "\\()<>@./&-:;,=*%{}[]\xff']
    + [b"\r\n", b"{3}\r\n", b"{0+}\r\n", b"--b", b"..", b"\xed\xa0\x80", "é".encode()]
)


@pytest.mark.parametrize("name", TARGETS)
def test_examples(name: str) -> None:
    for example in TARGETS[name].examples:
        TARGETS[name].run(example)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_promises_are_kept_for_any_octets(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    examples = st.sampled_from(target.examples)
    part = st.one_of(
        PIECES,
        st.binary(max_size=8),
        st.tuples(examples, st.integers(0, 60), st.integers(0, 60)).map(
            lambda cut: cut[0][cut[1] : cut[1] + cut[2]]
        ),
    )
    target.run(data.draw(st.one_of(st.binary(max_size=200), st.lists(part, max_size=12).map(b"".join))))
