"""Text as its sender meant it: a table of what is met in Japanese mail."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.mime.charset import decode, decode_header, decode_parameter, known

MEETING = "会議のお知らせ"
VENDOR = "①㈱髙﨑ﾃｽﾄ～№"  # NEC's and IBM's characters, half-width kana, full-width tilde


def iso_2022_jp_ms(text: str) -> bytes:
    """What Outlook calls iso-2022-jp: any character of CP932 in 7-bit form."""
    out = bytearray()
    for character in text:
        octets = character.encode("cp932")
        if len(octets) == 1:
            out += b"\x1b(I%c" % (octets[0] & 0x7F) if octets[0] >= 0x80 else b"\x1b(B" + octets
            continue
        lead, trail = octets
        row = 2 * (lead - (0x81 if lead < 0xE0 else 0xC1))
        if trail >= 0x9F:
            row, cell = row + 1, trail - 0x9F
        else:
            cell = trail - 0x40 - (trail > 0x7F)
        out += b"\x1b$B%c%c" % (row + 0x21, cell + 0x21)
    return bytes(out + b"\x1b(B")


def b(text: str | bytes, codec: str, declared: str = "") -> bytes:
    octets = text if isinstance(text, bytes) else text.encode(codec)
    return b"=?%b?B?%b?=" % ((declared or codec).encode(), base64.b64encode(octets))


def q(octets: bytes, declared: str) -> bytes:
    return b"=?%b?Q?%b?=" % (declared.encode(), b"".join(b"=%02X" % octet for octet in octets))


JAPANESE = [("iso2022_jp", "ISO-2022-JP"), ("cp932", "Shift_JIS"), ("euc_jp", "EUC-JP"), ("utf-8", "UTF-8")]
WRONG = [None, "us-ascii", "iso-8859-1", "windows-1252", "utf-8", "x-unknown", "", "iso-2022-jp", "bad name!"]

BODIES = [
    *[(MEETING.encode(codec), name, MEETING) for codec, name in JAPANESE],
    *[(MEETING.encode(codec), name.lower(), MEETING) for codec, name in JAPANESE],
    *[(MEETING.encode(codec), wrong, MEETING) for codec, _ in JAPANESE for wrong in WRONG],
    (MEETING.encode("utf-8"), "shift_jis", MEETING),
    (MEETING.encode("utf-8"), "euc-jp", MEETING),
    (MEETING.encode("cp932"), "x-sjis", MEETING),
    (MEETING.encode("cp932"), "Windows-31J", MEETING),
    (MEETING.encode("cp932"), "MS_Kanji", MEETING),
    (MEETING.encode("euc_jp"), "x-euc-jp", MEETING),
    (MEETING.encode("euc_jp"), "cp51932", MEETING),
    (MEETING.encode("utf-7"), "utf-7", MEETING),
    (MEETING.encode("utf-7"), "unicode-1-1-utf-7", MEETING),
    (MEETING.encode("utf-16"), "utf-16", MEETING),
    (VENDOR.encode("cp932"), "shift_jis", VENDOR),
    (iso_2022_jp_ms(VENDOR), "iso-2022-jp", VENDOR),
    (iso_2022_jp_ms(VENDOR), "iso-2022-jp-ms", VENDOR),
    (iso_2022_jp_ms(VENDOR), "cp50221", VENDOR),
    (iso_2022_jp_ms(VENDOR), None, VENDOR),
    (b"\x1b$B2q5D", "iso-2022-jp", "会議"),  # no return to ASCII
    (b"\x1b$B2q5\x1b(B", "iso-2022-jp", "会\ufffd"),  # half a character
    (b"$B2q5D(B", "iso-2022-jp", "会議"),  # the ESC octets are gone
    (b"$B2q5D(B", None, "$B2q5D(B"),
    (b"\x1b$B2q\r\n5D\x1b(B x", "iso-2022-jp", "会\r\n議 x"),  # wrapped by a gateway
    (b"\x1b$B2q5D\r\nplain\r\n", "iso-2022-jp", "会議\r\nplain\r\n"),  # no return before the line's end
    (b"\x1b$@2q5D\x1b(J\x1b(B", "iso-2022-jp", "会議"),
    (b"\x1b&@\x1b$B2q5D\x1b(B", "iso-2022-jp", "会議"),
    (b"\x1b(IC=D\x1b(B", "iso-2022-jp", "ﾃｽﾄ"),
    (b"\x0eC=D\x0f", "iso-2022-jp", "ﾃｽﾄ"),
    (b"\x1b$B2q\x1b(B\x0eC=D\x0f", "iso-2022-jp", "会ﾃｽﾄ"),
    ("丂".encode("iso2022_jp_1"), "iso-2022-jp-1", "丂"),
    ("中国".encode("iso2022_jp_2"), "iso-2022-jp-2", "中国"),
    ("한국".encode("iso2022_jp_2"), "iso-2022-jp-2", "한국"),
    ("é".encode("iso2022_jp_2"), "iso-2022-jp-2", "é"),
    ("俠叱".encode("iso2022_jp_3"), "iso-2022-jp-3", "俠叱"),
    ("俱𠮟".encode("iso2022_jp_2004"), "iso-2022-jp-2004", "俱𠮟"),
    (b"\x1b$B2q5D\x1b(B " + "資料".encode("cp932"), "iso-2022-jp", "会議 資料"),
    ("ﾃｽﾄ".encode("cp932"), "shift_jis", "ﾃｽﾄ"),
    ("ﾊﾟｿｺﾝ".encode("cp932"), None, "ﾊﾟｿｺﾝ"),
    ("ÄRZTE".encode("latin-1"), None, "ÄRZTE"),
    ("日本".encode() + b"\xff" + "語".encode(), "utf-8", "日本\ufffd語"),
    ("日本語"[:2].encode() + "語".encode()[:2], "utf-8", "日本\ufffd"),
    ("café".encode("latin-1"), "iso-8859-1", "café"),
    ("Größe, Straße, übermäßig".encode("latin-1"), "iso-8859-1", "Größe, Straße, übermäßig"),
    ("“quoted”".encode("cp1252"), "iso-8859-1", "“quoted”"),
    ("Größe".encode("latin-1"), None, "Größe"),
    ("привет".encode("koi8-r"), "koi8-r", "привет"),
    ("안녕".encode("cp949"), "ks_c_5601-1987", "안녕"),
    ("汉字".encode("gb18030"), "gb2312", "汉字"),
    (b"plain", "rot13", "plain"),
    (b"plain", "base64", "plain"),
    (b"+2AA-", "utf-7", "\ufffd"),
]

HEADERS = [
    *[(b(MEETING, codec, name), MEETING) for codec, name in JAPANESE],
    *[(b(MEETING, codec, name.lower() + "*ja"), MEETING) for codec, name in JAPANESE],
    *[(q(MEETING.encode(codec), name), MEETING) for codec, name in JAPANESE],
    *[(MEETING.encode(codec), MEETING) for codec, _ in JAPANESE],
    *[(b"Re: " + b(MEETING, codec, name) + b" [1]", f"Re: {MEETING} [1]") for codec, name in JAPANESE],
    *[(b(MEETING, codec, wrong), MEETING) for codec, _ in JAPANESE for wrong in ("us-ascii", "x-unknown")],
    (b("会", "utf-8") + b" " + b("議", "utf-8"), "会議"),
    (b("会", "utf-8") + b"\t  " + b("議", "cp932", "shift_jis"), "会議"),
    (b("会", "utf-8") + b(" 議", "utf-8"), "会 議"),
    (b("会", "utf-8") + b" x " + b("議", "utf-8"), "会 x 議"),
    (b("会議".encode()[:4], "", "utf-8") + b" " + b("会議".encode()[4:], "", "UTF-8"), "会議"),
    (
        b("会議".encode("euc_jp")[:3], "", "euc-jp") + b" " + b("会議".encode("euc_jp")[3:], "", "euc-jp"),
        "会議",
    ),
    (b(b"\x1b$B2q", "", "iso-2022-jp") + b" " + b(b"5D\x1b(B", "", "iso-2022-jp"), "会議"),
    (b(b"\x1b$B2q5", "", "iso-2022-jp") + b" " + b(b"D\x1b(B", "", "iso-2022-jp"), "会議"),
    (b(b"\x1b", "", "iso-2022-jp") + b" " + b(b"$B2q5D\x1b(B", "", "iso-2022-jp"), "会議"),
    (b"=?UTF-8?B?5pel5p?= =?UTF-8?B?ys6Kqe?=", "日本語"),  # base64 cut between its groups
    (b"=?UTF-8?B?5pel?=", "日"),
    (b"=?utf-8?b?5pel5pys6Kqe", "日本語"),  # no end
    (b"=?ISO-2022-JP?B?GyRCMnE1RBsoQg?=", "会議"),  # no padding
    (b"=?ISO-2022-JP?B? GyRCMnE1RBsoQg== ?=", "会議"),  # folded inside
    (b"=?UTF-8?Q?=E4=BC=9A=E8=AD=B0?=", "会議"),
    (b"=?UTF-8?Q?a_b=20c?=", "a b c"),
    (b"=?UTF-8?Q?a b?=", "a b"),
    (b"=?UTF-8?Q?what?_no?=", "what? no"),
    (b"=?UTF-8?Q?=E4=BC=9?=", "\ufffd=9"),
    (b'"=?UTF-8?B?5pel?=" <a@b>', '"日" <a@b>'),
    (b"=?UTF-8?X?abc?=", "=?UTF-8?X?abc?="),
    (b"=?UTF-8?B??=", ""),
    (b"a =? b ?= c", "a =? b ?= c"),
    (b"50=?off", "50=?off"),
    (b"=?UTF-8?B?!!!?=", ""),
    (b"=?utf-8?Q?caf=C3=A9?=", "café"),
    (b"=?iso-8859-1?Q?caf=E9?=", "café"),
    (b"", ""),
]


@pytest.mark.parametrize(("octets", "charset", "text"), BODIES)
def test_text(octets: bytes, charset: str | None, text: str) -> None:
    assert decode(octets, charset) == text


@pytest.mark.parametrize(("value", "text"), HEADERS)
def test_header(value: bytes, text: str) -> None:
    assert decode_header(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (b"filename", b"a.txt", "a.txt"),
        (b"filename", b("請求書.pdf", "iso2022_jp", "iso-2022-jp"), "請求書.pdf"),
        (b"filename", "請求書.pdf".encode("cp932"), "請求書.pdf"),
        (b"filename*", b"utf-8''%E8%AB%8B%E6%B1%82.pdf", "請求.pdf"),
        (b"filename*", b"ISO-2022-JP'ja'%1B%24B2q5D%1B%28B.pdf", "会議.pdf"),
        (b"filename*", b"%E4%BC%9A", "会"),
        (b"filename*", b"''plain", "plain"),
        (b"filename*", b"utf-8''100%", "100%"),
    ],
)
def test_parameter(name: bytes, value: bytes, text: str) -> None:
    assert decode_parameter(name, value) == text


@pytest.mark.parametrize(
    "name", ["UTF-8", "us-ascii", "ISO-2022-JP", "shift_jis", "EUC-JP", "cp50220", "utf-7", "koi8-r"]
)
def test_known(name: str) -> None:
    assert known(name)


@pytest.mark.parametrize(
    "name", ["", "x-nonsense", "rot13", "base64", "hex", "idna", "unicode_escape", "a" * 100, "é", "../x"]
)
def test_not_known(name: str) -> None:
    assert not known(name)


OCTETS = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"\x1b$B", b"\x1b(B", b"\x1b", b"2q", b"\n", b"\xa4\xa2"])
).map(b"".join)
CHARSETS = [
    "utf-8",
    "iso-2022-jp",
    "shift_jis",
    "euc-jp",
    "utf-7",
    "utf-16",
    "hz",
    "big5",
    "iso-2022-kr",
    None,
]


@given(OCTETS, st.sampled_from(CHARSETS) | st.text(max_size=10))
def test_any_octets_in_any_charset_are_text(octets: bytes, charset: str | None) -> None:
    decode(octets, charset).encode("utf-8")


@given(
    st.lists(
        st.sampled_from(
            [b"=?", b"?=", b"?B?", b"?Q?", b"utf-8", b"iso-2022-jp", b"=E4", b"5pel", b" ", b"\x80"]
        )
    )
)
def test_any_value_is_text(pieces: list[bytes]) -> None:
    decode_header(b"".join(pieces)).encode("utf-8")


@pytest.mark.parametrize(
    "unit", [b"=?a?b?", b"=?a?b?x=?a", b"=?utf-8?q?=E6?= ", b"\x1b$B", b"\x1b", b"\xa4", b"?a", b"=a"]
)
def test_a_long_value_takes_time_in_proportion(unit: bytes) -> None:
    started = time.process_time()
    decode_header(unit * (200_000 // len(unit)))
    decode(unit * (200_000 // len(unit)), "iso-2022-jp")
    assert time.process_time() - started < 5
