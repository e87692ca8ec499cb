"""What a person reads in a message, and the form in which texts are compared."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mime.parts import parse
from storage.mime.text import content, fold, header_text, texts
from tests.unit.storage.mime.test_parts import HOSTILE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ｶﾞ", "ガ"),
        ("ﾊﾟｿｺﾝ", "パソコン"),
        ("ＡＢＣ１２３", "abc123"),
        ("Straße", "STRASSE"),
        ("①", "1"),
        ("㈱", "(株)"),
        ("～", "〜"),
        ("－", "−"),
        ("―", "—"),
        ("∥", "‖"),
        ("Ｉｎｖｏｉｃｅ　No", "invoice no"),
        ("か\u3099", "が"),
        ("a\r\n\tb", "a b"),
        ("請求\r\n書", "請求書"),
        ("請求\r\n  書", "請求書"),
        ("zero\u200bwidth", "zerowidth"),
        ("ﬁle", "file"),
    ],
)
def test_these_are_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("か", "が"), ("カ", "か"), ("ハ", "パ"), ("a b", "ab"), ("会 議", "会議")]
)
def test_these_are_not(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def read(message: bytes) -> str:
    return "\n".join(texts(message, parse(message)))


def part(text: bytes, media: str = "text/plain; charset=utf-8", encoding: str = "8bit") -> bytes:
    return f"Content-Type: {media}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + text


def test_transfer_encodings() -> None:
    raw = "会議のお知らせ".encode()
    assert read(part(base64.encodebytes(raw), encoding="BASE64")) == "会議のお知らせ"
    assert read(part(b"=E4=BC=9A=\r\n=E8=AD=B0", encoding="quoted-printable")) == "会議"
    assert read(part(b"begin 644 x\r\n#0V%T\r\n`\r\nend\r\n", encoding="x-uuencode")) == "Cat"


def test_broken_base64() -> None:
    message = part(
        base64.b64encode(b"one") + b"!" + base64.b64encode(b"twos") + b"\r\n--junk", encoding="base64"
    )
    assert content(message, parse(message)).startswith(b"onetwos")


def test_attachments_are_not_read_but_their_names_are() -> None:
    message = (
        b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        + part(b"hello")
        + b"\r\n--b\r\n"
        b"Content-Type: application/pdf; name*=utf-8''%E8%AB%8B%E6%B1%82.pdf\r\n\r\nsecret\r\n--b--\r\n"
    )
    found = read(message)
    assert "hello" in found and "請求.pdf" in found
    assert "secret" not in found and "outer" not in found


def test_messages_within_are_read_with_their_headers() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?=E4=BC=9A?=\r\n\r\nbody"
    assert "会" in read(message) and "body" in read(message)


def test_html_is_read_as_it_is_shown() -> None:
    found = read(part("<style>p {red}</style><p>会<b>議</b>&#36039;&#26009;</p>".encode(), "text/html"))
    assert "会議資料" in found.split("\n")[-1]
    assert "red" not in found.split("\n")[-1]


def test_html_names_its_charset_itself() -> None:
    body = '<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">会議'.encode("cp932")
    assert "会議" in read(part(body, "text/html"))


def test_of_a_part_so_much_is_read() -> None:
    message = part(b"x" * 100)
    assert len(content(message, parse(message), most=10)) == 10


@given(HOSTILE)
def test_any_message_is_read(data: bytes) -> None:
    for piece in texts(data, parse(data)):
        fold(piece).encode("utf-8")
    header_text(data, parse(data))
