"""The Received field: its protocol keyword, its harmlessness, its parts."""

import email.utils
from dataclasses import replace
from typing import Any

import pytest

from net.layer import TlsInfo
from smtp.received import Hop, protocol, received

TLS = TlsInfo("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, None)
HOP = Hop("client.example", True, "192.0.2.1", None, False, False)


@pytest.mark.parametrize(
    ("changes", "keyword"),
    [
        ({"extended": False}, "SMTP"),
        ({}, "ESMTP"),
        ({"tls": TLS}, "ESMTPS"),
        ({"authenticated": True}, "ESMTPA"),
        ({"tls": TLS, "authenticated": True}, "ESMTPSA"),
        ({"smtputf8": True}, "UTF8SMTP"),
        ({"lmtp": True}, "LMTP"),
        ({"lmtp": True, "smtputf8": True}, "UTF8LMTP"),
        ({"smtputf8": True, "tls": TLS}, "UTF8SMTPS"),
        ({"smtputf8": True, "authenticated": True}, "UTF8SMTPA"),
        ({"smtputf8": True, "tls": TLS, "authenticated": True}, "UTF8SMTPSA"),
    ],
)
def test_protocol(changes: dict[str, Any], keyword: str) -> None:
    assert protocol(replace(HOP, **changes)) == keyword


def test_field() -> None:
    field = received(replace(HOP, tls=TLS), "mx.example", "abc.1", "taro@example.test", 1_700_000_000)
    *lines, last = field.decode().split("\r\n")
    assert lines[:4] == [
        "Received: from client.example ([192.0.2.1])",
        "\tby mx.example (kwcmaild) with ESMTPS id abc.1",
        "\t(TLSv1.3 TLS_AES_256_GCM_SHA384 256 bits)",
        "\tfor <taro@example.test>;",
    ]
    assert email.utils.parsedate_to_datetime(lines[4].strip()).timestamp() == 1_700_000_000
    assert last == ""


def test_an_ipv6_client_is_a_tagged_literal() -> None:
    field = received(replace(HOP, peer="2001:db8::1"), "mx.example", "a", None, 0)
    assert b"client.example ([IPv6:2001:db8::1])\r\n" in field
    assert b"for" not in field


@pytest.mark.parametrize(
    "name", ["(comment", "a;b", 'a"b', "<a>", "a@b", "\N{REPLACEMENT CHARACTER}", "a\\b"]
)
def test_a_name_cannot_break_out(name: str) -> None:
    field = received(replace(HOP, helo=name), "mx.example", "a", None, 0)
    said = field.split(b" ([")[0].removeprefix(b"Received: from ")
    assert b"?" in said
    assert not set(said) & set(b'();"<>@\\ ')
