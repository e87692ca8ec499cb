"""Lists of addresses: what is read from each form."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mime.addresses import ADDRESSES, GROUP_END, Address, addresses

LIST = [
    (b"", []),
    (b" , ,, ", []),
    (b"a@b", [Address(None, None, b"a", b"b")]),
    (b"<a@b>", [Address(None, None, b"a", b"b")]),
    (b"Taro Yamada <a@b>, c@d", [Address(b"Taro Yamada", None, b"a", b"b"), Address(None, None, b"c", b"d")]),
    (b'"Yamada, Taro" <a@b>', [Address(b"Yamada, Taro", None, b"a", b"b")]),
    (b'"q\\"uote\\\\" <a@b>', [Address(b'q"uote\\', None, b"a", b"b")]),
    (b"=?UTF-8?B?5pel?= <a@b>", [Address(b"=?UTF-8?B?5pel?=", None, b"a", b"b")]),
    (b"J. R. Taro <a@b>", [Address(b"J. R. Taro", None, b"a", b"b")]),
    (b'a  "b  c"   d <e@f>', [Address(b"a b  c d", None, b"e", b"f")]),
    (b"a@b (Taro)", [Address(b"Taro", None, b"a", b"b")]),
    (b"a@b (one) (two (in) side)", [Address(b"two (in) side", None, b"a", b"b")]),
    (b"Name (note) <a@b> (more)", [Address(b"Name", None, b"a", b"b")]),
    (b"<@r,@s:a@b>", [Address(None, b"@r,@s", b"a", b"b")]),
    (b'"a b"@c', [Address(None, None, b"a b", b"c")]),
    (b"a@[192.0.2.1]", [Address(None, None, b"a", b"[192.0.2.1]")]),
    (b"a . b @ c . d", [Address(None, None, b"a.b", b"c.d")]),
    (b"\xe5\xb1\xb1 <a@\xe4\xbe\x8b.jp>", [Address(b"\xe5\xb1\xb1", None, b"a", b"\xe4\xbe\x8b.jp")]),
    (b"G: a@b, c@d;, e@f", [
        Address(None, None, b"G", None), Address(None, None, b"a", b"b"), Address(None, None, b"c", b"d"),
        GROUP_END, Address(None, None, b"e", b"f"),
    ]),
    (b"undisclosed-recipients:;", [Address(None, None, b"undisclosed-recipients", None), GROUP_END]),
    (b"G: a@b", [Address(None, None, b"G", None), Address(None, None, b"a", b"b"), GROUP_END]),
    (b"taro", [Address(None, None, b"taro", b"MISSING_DOMAIN")]),
    (b"Taro Yamada", [Address(b"Taro Yamada", None, b"MISSING_MAILBOX", b"MISSING_DOMAIN")]),
    (b"<>", [Address(None, None, b"MISSING_MAILBOX", b"MISSING_DOMAIN")]),
    (b"Taro <a@b, c@d", [Address(b"Taro", None, b"a", b"SYNTAX_ERROR"), Address(None, None, b"c", b"d")]),
    (b"a@b c@d, e@f", [Address(None, None, b"a", b"b"), Address(None, None, b"e", b"f")]),
    (b'"open <a@b>', [Address(None, None, b"MISSING_MAILBOX", b"MISSING_DOMAIN")]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), LIST)
def test_form(value: bytes, expected: list[Address]) -> None:
    assert addresses(value) == expected


@given(st.text(alphabet='ab.@<>,;:"\\()[] \x80', max_size=60))
def test_any_octets_give_a_list_with_balanced_groups(text: str) -> None:
    depth = 0
    for address in addresses(text.encode("latin-1")):
        if address.host is None:
            depth += 1 if address.mailbox is not None else -1
            assert depth in (0, 1)
        else:
            assert address.mailbox and address.host
    assert depth == 0


@pytest.mark.parametrize(
    "unit", [b"(", b'"', b"<", b"a<", b"a:", b"a ", b"a,", b"a@", b"\\", b"[", b"a (", b","]
)
def test_a_long_value_takes_time_in_proportion(unit: bytes) -> None:
    started = time.process_time()
    assert len(addresses(unit * (200_000 // len(unit)))) <= ADDRESSES + 1
    assert time.process_time() - started < 5
