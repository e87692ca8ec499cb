"""Japanese mail as it is met: SEARCH, SORT, THREAD, PREVIEW and BINARY read it as its sender meant it.

A row is a subject and a body as octets, how the body is declared, and what both say. Each is looked for by a scan
of the message, in the head that is kept of it and in the full-text index.
"""

import base64
import quopri

import pytest

from imap.bodies import plan, read
from imap.fetch_grammar import parse as parse_fetch
from imap.scanner import Scanner
from imap.search import Scope, confirm
from imap.search_grammar import parse
from imap.sorting import criteria, order
from imap.threading import Sent, ordered_subject, written
from storage.columns import Columns
from storage.message import Message
from storage.mime.opening import opening
from storage.mime.parts import parse as parse_mime
from storage.mime.summary import summarise
from storage.mime.text import fold
from storage.rows import Row
from storage.search import fulltext
from storage.search.words import query, tokens
from tests.unit.storage.mime.test_charset import iso_2022_jp_ms

MEETING = "会議室の予約"
CODECS = [
    ("ISO-2022-JP", "iso2022_jp"),
    ("iso-2022-jp-1", "iso2022_jp_1"),
    ("ISO-2022-JP-2", "iso2022_jp_2"),
    ("ISO-2022-JP-3", "iso2022_jp_3"),
    ("iso-2022-jp-2004", "iso2022_jp_2004"),
    ("Shift_JIS", "cp932"),
    ("x-sjis", "cp932"),
    ("Windows-31J", "cp932"),
    ("EUC-JP", "euc_jp"),
    ("x-euc-jp", "euc_jp"),
    ("UTF-8", "utf-8"),
    ("utf8", "utf-8"),
    ("UTF-7", "utf-7"),
]
WRONG = ["", "us-ascii", "iso-8859-1", "windows-1252", "x-unknown", "utf-8", '"bad name!"']

Case = tuple[
    bytes, bytes, str, bytes, str
]  # subject, body, declared charset, transfer encoding, what both say


def word(octets: bytes, charset: str, kind: str = "B") -> bytes:
    if kind == "B":
        return b"=?%b?B?%b?=" % (charset.encode(), base64.b64encode(octets))
    return b"=?%b?Q?%b?=" % (charset.encode(), b"".join(b"=%02X" % octet for octet in octets))


def split(octets: bytes, at: int, charset: str, fold_with: bytes = b"\r\n ") -> bytes:
    """Two words with a line end between them, cut wherever it may be."""
    return word(octets[:at], charset) + fold_with + word(octets[at:], charset)


def cases() -> list[Case]:
    found: list[Case] = []
    for name, codec in CODECS:
        octets = MEETING.encode(codec)
        found.append((word(octets, name), octets, name, b"8bit", MEETING))
        found.append((word(octets, name, "Q"), base64.encodebytes(octets), name, b"base64", MEETING))
        found.append(
            (split(octets, 3, name), quopri.encodestring(octets), name, b"quoted-printable", MEETING)
        )
    for _, codec in (CODECS[0], CODECS[5], CODECS[8], CODECS[10]):  # nothing declared, or something wrong
        octets = MEETING.encode(codec)
        for wrong in WRONG:
            subject = octets if wrong in ("", '"bad name!"') else word(octets, wrong)
            found.append((subject, octets, wrong, b"8bit", MEETING))
    ms = iso_2022_jp_ms("①㈱髙﨑ﾃｽﾄ～№")  # what Outlook calls iso-2022-jp
    for name in ("iso-2022-jp", "ISO-2022-JP-MS", "cp50221", "cp50220", "csISO2022JP"):
        found.append((word(ms, name), ms, name, b"7bit", "①㈱髙﨑ﾃｽﾄ～№"))
    jis = MEETING.encode("iso2022_jp")
    for at in range(1, len(jis), 2):  # escape sequences and characters cut anywhere
        found.append((split(jis, at, "ISO-2022-JP"), jis, "ISO-2022-JP", b"7bit", MEETING))
    for at in (1, 2, 4, 5):
        found.append((split(MEETING.encode(), at, "UTF-8"), MEETING.encode(), "UTF-8", b"8bit", MEETING))
        sjis = MEETING.encode("cp932")
        found.append((split(sjis, at, "Shift_JIS", b" \r\n\t"), sjis, "Shift_JIS", b"8bit", MEETING))
    return [*found, *ODD]


UTF8 = MEETING.encode()
BASE64 = base64.b64encode(UTF8)
MIXED = b"\x1b$B2q5D\x1b(B" + "資料".encode("cp932")
JIS = MEETING.encode("iso2022_jp")
ODD: list[Case] = [
    # raw octets in the subject, folded as a mail program folds
    (UTF8, UTF8, "utf-8", b"8bit", MEETING),
    (MEETING.encode("cp932"), MEETING.encode("cp932"), "", b"8bit", MEETING),
    (MEETING.encode("euc_jp"), MEETING.encode("euc_jp"), "", b"8bit", MEETING),
    (JIS, JIS, "", b"7bit", MEETING),
    (JIS, JIS.replace(b"\x1b", b""), "iso-2022-jp", b"7bit", MEETING),  # a gateway took the ESC octets
    (b"=?ISO-2022-JP?B?" + base64.b64encode(JIS).rstrip(b"="), JIS, "iso-2022-jp", b"7bit", MEETING),
    (b'"' + word(UTF8, "utf-8") + b'"', UTF8, "utf-8", b"8bit", MEETING),
    (b"Re:" + word(UTF8, "utf-8") + b"(2)", UTF8, "utf-8", b"8bit", MEETING),
    (word(UTF8, "utf-8*ja"), UTF8, "utf-8", b"8bit", MEETING),
    # base64 cut between its groups of four
    (b"=?UTF-8?B?%b?=\r\n =?UTF-8?B?%b?=" % (BASE64[:6], BASE64[6:]), UTF8, "utf-8", b"8bit", MEETING),
    # wrapped in the middle of a word, and of a character
    (UTF8, "会議室の\r\n予約".encode(), "utf-8", b"8bit", MEETING),
    (JIS, b"\x1b$B2q5D\r\n<<$NM=Ls\x1b(B", "iso-2022-jp", b"7bit", MEETING),
    # half and full width, composed or not
    ("ｶﾞｲﾄﾞ".encode(), "ｶﾞｲﾄﾞ".encode("cp932"), "shift_jis", b"8bit", "ガイド"),
    ("ガイド".encode(), "ガイド".encode(), "utf-8", b"8bit", "ｶﾞｲﾄﾞ"),
    ("カ\u3099イト\u3099".encode(), "カ\u3099イト\u3099".encode(), "utf-8", b"8bit", "ガイド"),
    ("ＩＮＶＯＩＣＥ　１２３".encode(), "Ｉｎｖｏｉｃｅ　１２３".encode("cp932"), "cp932", b"8bit", "invoice 123"),
    ("㈱営業".encode(), "㈱営業".encode("cp932"), "shift_jis", b"8bit", "(株)営業"),
    ("①番".encode(), "①番".encode("cp932"), "shift_jis", b"8bit", "1番"),
    ("１０～２０".encode(), "10〜20".encode(), "utf-8", b"8bit", "10~20"),
    ("ー長音".encode(), "ｰ長音".encode("cp932"), "cp932", b"8bit", "ー長音"),
    # ISO-2022-JP with what it should not have
    (MIXED, MIXED, "iso-2022-jp", b"8bit", "会議資料"),
    (word(b"\x1b(IC=D\x1b(B", "iso-2022-jp"), b"\x1b(IC=D\x1b(B", "iso-2022-jp", b"7bit", "テスト"),
    (word(b"\x1b$@2q5D\x1b(J", "iso-2022-jp"), b"\x1b$@2q5D\x1b(J", "iso-2022-jp", b"7bit", "会議"),
    (word(b"\x1b$B2q5D", "iso-2022-jp"), b"\x1b$B2q5D", "iso-2022-jp", b"7bit", "会議"),
]  # fmt: skip

CASES = cases()


def message(subject: bytes, body: bytes, charset: str, encoding: bytes) -> bytes:
    declared = b"text/plain" + (b"; charset=" + charset.encode() if charset else b"")
    fields = [
        b"Subject: " + subject,
        b"From: "
        + subject.replace(b'"', b"").replace(b"(2)", b"").replace(b"Re:", b"")
        + b" <taro@example.jp>",
        b"MIME-Version: 1.0",
        b"Content-Type: " + declared,
        b"Content-Transfer-Encoding: " + encoding,
        b"",
        body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n",
    ]
    return b"\r\n".join(fields)


def matches(data: bytes, command: bytes) -> bool:
    """Whether a scan of the message finds what a client looks for."""
    rows = Columns.of([Row(1, "m", "", 1, len(data), 0, 1, "", True, False)])
    program = parse(Scanner(command))
    return confirm(program, Scope((1,), rows, (), 0, 0), [(1, Message.of(data))]).found == [1]


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 100


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case[2]}" for n, case in enumerate(CASES)])
def test_found_previewed_and_sorted(case: Case) -> None:
    subject, body, charset, encoding, text = case
    data = message(subject, body, charset, encoding)
    needle = text.encode()
    for key in (b"SUBJECT", b"FROM", b"BODY", b"TEXT"):
        assert matches(data, b"CHARSET UTF-8 %b {%d+}\r\n%b" % (key, len(needle), needle)), key
        assert not matches(data, b"CHARSET UTF-8 %b {6+}\r\n%b" % (key, "無縁".encode())), key
    head = summarise(data).head
    folded = fold(text)
    assert head.subject is not None and folded in head.subject
    assert head.author is not None and folded in head.author
    assert folded in head.topic and folded in head.shown_author
    document = fulltext.read(data)
    assert folded in document.head and folded in document.body
    asked = query(folded)
    if asked is not None and "*" not in asked:
        words = tokens(document.body)
        assert all(one[1:-1] in words for one in asked.split(" AND "))
    assert folded in fold(opening(data, parse_mime(data)))


@pytest.mark.parametrize(("charset", "codec"), CODECS)
@pytest.mark.parametrize("text", ["会議室", "の予約", "予"])
def test_the_command_may_be_in_any_charset(charset: str, codec: str, text: str) -> None:
    octets = text.encode(codec)
    data = message(word(UTF8, "utf-8"), JIS, "iso-2022-jp", b"7bit")
    for key in (b"SUBJECT", b"BODY", b"HEADER From"):
        assert matches(data, b"CHARSET %b %b {%d}\r\n%b" % (charset.encode(), key, len(octets), octets))


@pytest.mark.parametrize(("charset", "codec"), CODECS[:11])
def test_binary_gives_the_octets_of_the_sender(charset: str, codec: str) -> None:
    octets = MEETING.encode(codec)
    data = message(b"x", base64.encodebytes(octets), charset, b"base64")
    wanted = parse_fetch(Scanner(b" 1 (BINARY.PEEK[1] BINARY.SIZE[1])"))
    (answers,) = read(plan(wanted.bodies), [Message.of(data)])
    assert answers == [b"{%d}\r\n%b" % (len(octets), octets), b"%d" % len(octets)]


def test_sorted_and_threaded_alike_whatever_the_charset() -> None:
    subjects = [
        word("ガイド".encode("cp932"), "shift_jis"),
        word("Re: 会議".encode("iso2022_jp"), "iso-2022-jp"),
        word("ｶﾞｲﾄﾞ".encode("cp932"), "windows-31j"),
        "会議".encode("euc_jp") + "（案）".encode("euc_jp"),
        word("会議".encode(), "utf-8"),
    ]
    heads = {uid: summarise(b"Subject: %b\r\n\r\n" % one).head for uid, one in enumerate(subjects, 1)}
    rows = Columns.of(Row(uid, "", "", 1, 1, uid, 1, "", True, False) for uid in heads)
    assert order(
        criteria(Scanner(b"(SUBJECT)")),
        list(heads),
        rows,
        {uid: (head.topic,) for uid, head in heads.items()},
    ) == [1, 3, 2, 5, 4]
    messages = [Sent(uid, uid, head.topic, head.reply, ("-",)) for uid, head in heads.items()]
    assert written(ordered_subject(messages)) == b"(1 3)(2 5)(4)"
