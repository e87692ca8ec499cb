"""Spellings of addresses and login names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.people.address import (
    Address,
    AddressError,
    canonical,
    login_address,
    names_a_file,
    parse,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("taro@example.test", "taro@example.test"),
        ("Taro@Example.TEST", "taro@example.test"),
        ('"taro"@example.test', "taro@example.test"),
        ('"ta\\ro"@example.test', "taro@example.test"),
        ("a..b@docomo.ne.jp", "a..b@docomo.ne.jp"),
        ('"a..b"@docomo.ne.jp', "a..b@docomo.ne.jp"),
        ("ab.@ezweb.ne.jp", "ab.@ezweb.ne.jp"),
        (".ab@ezweb.ne.jp", ".ab@ezweb.ne.jp"),
        ('"John Doe"@example.test', '"john doe"@example.test'),
        ('"a@b"@example.test', '"a@b"@example.test'),
        ('"a\\"b\\\\c"@example.test', '"a\\"b\\\\c"@example.test'),
        ("ﾀﾛｳ@example.test", "ﾀﾛｳ@example.test"),
        ("e\u0301te\u0301@example.test", "été@example.test"),
        ("ÉTÉ@example.test", "été@example.test"),
        ("taro@[192.0.2.1]", "taro@[192.0.2.1]"),
        ("taro@[IPv6:2001:db8::1]", "taro@[ipv6:2001:db8::1]"),
        ("taro@日本語.jp", "taro@日本語.jp"),
        ("a/b'=?^_`{|}~!#$%&*+-@example.test", "a/b'=?^_`{|}~!#$%&*+-@example.test"),
        ("x" * 256 + "@example.test", "x" * 256 + "@example.test"),
    ],
)
def test_canonical(written: str, expected: str) -> None:
    assert canonical(written) == expected


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "no @"),
        ("taro", "no @"),
        ("@example.test", "empty"),
        ('""@example.test', "empty"),
        ("taro@", "domain is empty"),
        ("taro@-example.test", "not a domain name"),
        ("taro@example..test", "not a domain name"),
        ("taro@../../etc", "not a domain name"),
        ("taro@exam ple.test", "not a domain name"),
        ("taro@example.test\r\nRCPT TO:<x>", "not a domain name"),
        ("ta ro@example.test", "quoted"),
        ("ta\x00ro@example.test", "quoted"),
        ("ta\u0085ro@example.test", "quoted"),
        ("ta@ro@example.test", "quoted"),
        ('"taro@example.test', "not closed"),
        ('"ta\nro"@example.test', "not closed"),
        ('"taro"example.test', "followed by @"),
        ("t\udce9@example.test", "UTF-8"),
        ("x" * 257 + "@example.test", "longer than 256"),
        ("太" * 86 + "@example.test", "longer than 256"),
        ("taro@" + "a." * 130 + "test", "longer than 255"),
    ],
)
def test_what_is_no_address_is_said(written: str, why: str) -> None:
    with pytest.raises(AddressError, match=why):
        parse(written)


def test_the_local_part_keeps_its_case_for_the_next_host() -> None:
    address = parse("Taro.Yamada@Example.TEST")
    assert str(address) == "Taro.Yamada@example.test"
    assert str(address.folded) == "taro.yamada@example.test"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("taro+Shop@example.test", ("taro@example.test", "Shop")),
        ("taro+a+b@example.test", ("taro@example.test", "a+b")),
        ("taro+@example.test", ("taro@example.test", "")),
        ("taro@example.test", None),
        ("+shop@example.test", None),
    ],
)
def test_subaddress(written: str, expected: tuple[str, str] | None) -> None:
    parts = parse(written).without_detail()
    assert (parts and (str(parts[0]), parts[1])) == expected


@pytest.mark.parametrize(
    ("login", "default", "expected"),
    [
        ("taro@example.test", None, "taro@example.test"),
        ("TARO@EXAMPLE.test", None, "taro@example.test"),
        (" taro@example.test ", None, "taro@example.test"),
        ("taro%example.test", None, "taro@example.test"),
        ("Taro%Example.test", "other.test", "taro@example.test"),
        ("taro", "example.test", "taro@example.test"),
        ("Taro", "example.test", "taro@example.test"),
        ("taro", None, None),
        ("", "example.test", None),
        ("%example.test", None, None),
        ("taro%", None, None),
        ("a b", "example.test", None),
        ("t\udce9", "example.test", None),
    ],
)
def test_login_names(login: str, default: str | None, expected: str | None) -> None:
    address = login_address(login, default)
    assert (str(address) if address else None) == expected


@pytest.mark.parametrize(
    ("local", "may"),
    [
        ("taro", True),
        ("a..b", True),
        ("taro+x", True),
        ("太郎", True),
        ("", False),
        (".hidden", False),
        ("..", False),
        ("a/b", False),
        ("../../etc/passwd", False),
        ("a\x00b", False),
        ("a\nb", False),
        ("x" * 64, True),
        ("x" * 65, False),
        ("太" * 22, False),
    ],
)
def test_names_of_files(local: str, may: bool) -> None:
    assert names_a_file(local) is may


@given(st.text(max_size=40), st.sampled_from(["example.test", "EXAMPLE.test", "[192.0.2.1]"]))
def test_canonical_is_idempotent_whatever_comes(local: str, domain: str) -> None:
    try:
        once = canonical(f"{local}@{domain}")
    except AddressError:
        return
    assert canonical(once) == once


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40))
def test_any_printable_local_part_comes_back_from_its_written_form(local: str) -> None:
    address = Address(local, "example.test")
    assert parse(str(address)) == address
