"""PLAIN and LOGIN, their broken forms, and strict base64."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.sasl import Challenge, Credentials, Failed, Login, Plain, decode, encode


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"\0taro\0secret", Credentials("taro", "secret")),
        (b"hanako\0taro\0secret", Credentials("taro", "secret", "hanako")),
        ("\0taro\0パスワード".encode(), Credentials("taro", "パスワード")),
        (b"taro\0secret", None),
        (b"\0taro\0secret\0", None),
        (b"\0\0secret", None),
        (b"\0taro\0", None),
        (b"\0taro\0\xff", None),
        (b"\xff\0taro\0secret", None),
        (b"\0" + b"x" * 2000 + b"\0secret", None),
        (b"", None),
    ],
)
def test_plain(response: bytes, expected: Credentials | None) -> None:
    step = Plain().start(response)
    assert isinstance(step, Failed) if expected is None else step == expected
    waiting = Plain()
    assert waiting.start(None) == Challenge(b"")
    assert waiting.feed(response) == step


def test_login_asks_for_name_and_password() -> None:
    exchange = Login()
    assert exchange.start(None) == Challenge(b"Username:")
    assert exchange.feed(b"taro") == Challenge(b"Password:")
    assert exchange.feed(b"secret") == Credentials("taro", "secret")


def test_login_takes_the_name_at_once() -> None:
    exchange = Login()
    assert exchange.start(b"taro") == Challenge(b"Password:")
    assert exchange.feed(b"secret") == Credentials("taro", "secret")


@pytest.mark.parametrize("broken", [b"", b"\xff", b"a\0b", b"x" * 2000])
def test_login_refuses_what_is_no_text(broken: bytes) -> None:
    assert isinstance(Login().start(broken), Failed)
    second = Login()
    second.start(b"taro")
    assert isinstance(second.feed(broken), Failed)


def test_a_password_is_not_shown_by_repr() -> None:
    assert "secret" not in repr(Credentials("taro", "secret"))


@pytest.mark.parametrize("line", [b"AGE", b"A", b"AG E=", b"AGE=\r\n", b"AGE*", b"=", b"A" * 4000])
def test_base64_is_strict(line: bytes) -> None:
    assert decode(line) is None


@given(st.binary(max_size=1000))
def test_base64_comes_back(data: bytes) -> None:
    assert decode(encode(data)) == data
    assert encode(data) == base64.b64encode(data)


@given(st.binary(max_size=100))
def test_no_bytes_break_the_mechanisms(data: bytes) -> None:
    for mechanism in (Plain(), Login()):
        assert isinstance(mechanism.start(data), Challenge | Credentials | Failed)
