"""Modified UTF-7 as RFC 3501 §5.1.3 has it, in its one canonical spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.mailbox_name import BadName, canonical, decode, decode_text, encode, encode_text


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", b"INBOX"),
        ("Work/2024", b"Work/2024"),
        ("R&D", b"R&-D"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("受信トレイ", b"&U9dP4TDIMOwwpA-"),
        ("送信済みアイテム", b"&kAFP4W4IMH8wojCkMMYw4A-"),
        ("下書き", b"&Tgtm+DBN-"),
        ("迷惑メール", b"&j,dg0TDhMPww6w-"),
        ("ごみ箱", b"&MFQwf3ux-"),
        ("😀", b"&2D3eAA-"),
        ("tab\there", b"tab&AAk-here"),
        ("", b""),
    ],
)
def test_both_ways(name: str, wire: bytes) -> None:
    assert encode_text(name) == wire
    assert decode_text(wire) == name


@pytest.mark.parametrize(
    "wire",
    [
        b"&",
        b"&U9d",
        b"a&b",
        b"&AGEAYg-",  # "ab" need not be encoded
        b"&ZeVnLIqe",
        b"&ZeVnLIqe--&-&Jjo-!&",
        b"&ZeU-&Zyw-",  # two runs where one is enough
        b"&2D0-",  # half of a surrogate pair
        b"&ZeVnLIq-",  # bits left over
        b"&Zg=-",
        b"&//8-",
        b"caf\xc3\xa9",
        b"\xff",
        b"a\x00b",
        b"a\x1fb",
        b"&AC8-",  # a "/" in hiding
        b"&AC4ALg-",  # ".." in hiding
    ],
)
def test_other_spellings_are_refused(wire: bytes) -> None:
    with pytest.raises(BadName):
        decode_text(wire)


@given(st.text(max_size=30))
def test_every_text_comes_back(text: str) -> None:
    try:
        text.encode("utf-16-be")
    except UnicodeEncodeError:
        return
    wire = encode_text(text)
    assert wire.isascii()
    assert decode_text(wire) == text


@given(st.binary(max_size=30))
def test_what_decodes_encodes_to_the_same_bytes(wire: bytes) -> None:
    try:
        text = decode_text(wire)
    except BadName:
        return
    assert encode_text(text) == wire


@pytest.mark.parametrize(
    ("name", "is_really"),
    [("inbox", "INBOX"), ("InBox/Sub", "INBOX/Sub"), ("inboxes", "inboxes"), ("a/inbox", "a/inbox")],
)
def test_inbox_in_any_case(name: str, is_really: str) -> None:
    assert canonical(name) == is_really
    assert decode(name.encode()) == is_really


def test_utf8_names() -> None:
    assert decode("受信".encode(), utf8=True) == "受信"
    assert encode("受信", utf8=True) == "受信".encode()
    with pytest.raises(BadName):
        decode(b"\xff", utf8=True)
