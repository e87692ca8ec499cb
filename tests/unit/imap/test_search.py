"""SEARCH: its grammar, and which messages it finds."""

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap.scanner import BadSyntax, Scanner
from imap.search import Scope, narrow, search
from imap.search_grammar import MOST_KEYS, parse
from imap.sequence import OutOfRange
from storage.columns import Columns
from storage.message import Message
from storage.rows import Row

DAY = 86400
NOON = int(time.mktime((2024, 3, 10, 12, 0, 0, 0, 0, -1)))


def mail(subject: bytes = b"plain", body: bytes = b"body", extra: bytes = b"") -> bytes:
    return b"From: Taro <taro@example.jp>\r\nSubject: " + subject + b"\r\n" + extra + b"\r\n" + body


MAILS = {
    3: mail(b"lunch", extra=b"Date: Sun, 10 Mar 2024 23:59:59 -1200\r\nTo: hanako@example.jp\r\n"),
    5: mail("会議".encode(), extra=b"Cc: jiro@example.jp\r\nDate: 9 Mar 24 01:00 GMT\r\n"),
    8: mail(b"=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=", "ﾊﾟｿｺﾝ".encode("cp932"), b"Bcc: x@y\r\n"),
    9: mail(
        b"multi",
        b"--b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
        + "請求書\r\n".encode("iso2022_jp")
        + b"--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"PGI+aW52PC9iPm9pY2U=\r\n--b--",
        b"Content-Type: multipart/mixed; boundary=b\r\nX-Empty:\r\nDate: nonsense\r\n",
    ),
}
ROWS = {
    3: Row(3, "a", "S", 10, 100, NOON, 10, "delivered", True, False),
    5: Row(5, "b", "", 20, 200, NOON - DAY, 20, "delivered", True, False),
    8: Row(8, "c", "FSa", 30, 300, NOON - 2 * DAY, 30, "appended", True, False),
    9: Row(9, "d", "DRTb", 40, 400, NOON + DAY, 40, "delivered", False, False),
}
UIDS = tuple(ROWS)


SCOPE = Scope(UIDS, Columns.of(ROWS.values()), ("$Work", "Later"), first_recent=9, now=NOON)


def find(text: str | bytes, scope: Scope = SCOPE) -> tuple[list[int], int]:
    """What is found, and how many messages were read for it."""
    read: list[int] = []

    def fetch(uid: int) -> Message:
        read.append(uid)
        return Message.of(MAILS[uid])

    octets = text.encode() if isinstance(text, str) else text
    program = parse(Scanner(octets))
    return search(program, scope, fetch), len(read)


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        ("ALL", [3, 5, 8, 9]),
        ("SEEN", [3, 8]),
        ("UNSEEN", [5, 9]),
        ("ANSWERED", [9]),
        ("UNANSWERED", [3, 5, 8]),
        ("DELETED", [9]),
        ("UNDELETED", [3, 5, 8]),
        ("DRAFT", [9]),
        ("UNDRAFT", [3, 5, 8]),
        ("FLAGGED", [8]),
        ("UNFLAGGED", [3, 5, 9]),
        ("RECENT", [9]),
        ("OLD", [3, 5, 8]),
        ("NEW", [9]),
        ("KEYWORD $Work", [8]),
        ("KEYWORD $WORK", [8]),
        ("UNKEYWORD $Work", [3, 5, 9]),
        ("KEYWORD later", [9]),
        ("KEYWORD other", []),
        ("UNKEYWORD other", [3, 5, 8, 9]),
        ("1", [3]),
        ("2:3", [5, 8]),
        ("*", [9]),
        ("1,4", [3, 9]),
        ("1:*", [3, 5, 8, 9]),
        ("UID 5:8", [5, 8]),
        ("UID 1:4", [3]),
        ("UID 100:*", [9]),
        ("UID 6", []),
        ("NOT UID 3,9", [5, 8]),
        ("LARGER 200", [8, 9]),
        ("SMALLER 200", [3]),
        ("ON 10-Mar-2024", [3]),
        ("BEFORE 10-Mar-2024", [5, 8]),
        ("SINCE 10-mar-2024", [3, 9]),
        ('SINCE "9-Mar-2024" BEFORE 11-Mar-2024', [3, 5]),
        ("YOUNGER 86400", [3, 5, 9]),
        ("OLDER 86400", [5, 8]),
        ("MODSEQ 30", [8, 9]),
        ('MODSEQ "/flags/\\\\draft" all 21', [8, 9]),
        ("OR SEEN FLAGGED", [3, 8]),
        ("OR (SEEN FLAGGED) DELETED", [8, 9]),
        ("NOT (OR SEEN DELETED)", [5]),
        ("NOT NOT SEEN", [3, 8]),
        ("(SEEN (UNFLAGGED))", [3]),
        ("UNSEEN SEEN", []),
    ],
)
def test_rows_alone_answer(text: str, uids: list[int]) -> None:
    assert find(text) == (uids, 0)


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        ("SUBJECT lunch", [3]),
        ("SUBJECT LUN", [3]),
        ('SUBJECT ""', [3, 5, 8, 9]),
        ("SUBJECT {6}\r\n会議", [5, 8]),
        ("CHARSET UTF-8 SUBJECT {6}\r\n会議", [5, 8]),
        ("FROM taro", [3, 5, 8, 9]),
        ("FROM taro@example", [3, 5, 8, 9]),
        ("TO hanako", [3]),
        ("CC jiro", [5]),
        ("BCC x@y", [8]),
        ('HEADER To ""', [3]),
        ('HEADER X-Empty ""', [9]),
        ("HEADER x-empty a", []),
        ("HEADER Subject lunch", [3]),
        ("SENTON 10-Mar-2024", [3]),
        ("SENTBEFORE 10-Mar-2024", [5]),
        ("SENTSINCE 9-Mar-2024", [3, 5]),
        ("NOT SENTSINCE 1-Jan-1990", [8, 9]),
        ("BODY {9}\r\n請求書", [9]),
        ("BODY invoice", [9]),
        ("BODY lunch", []),
        ("TEXT lunch", [3]),
        ("TEXT taro", [3, 5, 8, 9]),
        ("TEXT example.jp NOT SUBJECT multi", [3, 5, 8]),
        ("OR SUBJECT lunch BODY invoice", [3, 9]),
        ("OR DELETED SUBJECT lunch", [3, 9]),
        ("NOT BODY body", [8, 9]),
        ("NOT (SUBJECT lunch BODY body)", [5, 8, 9]),
        ('TEXT ""', [3, 5, 8, 9]),
    ],
)
def test_messages_are_read(text: str, uids: list[int]) -> None:
    assert find(text)[0] == uids


@pytest.mark.parametrize("charset", ["ISO-2022-JP", "Shift_JIS", "EUC-JP", "UTF-8", "utf-7", "cp932"])
@pytest.mark.parametrize(
    ("word", "key", "uids"), [("会議", "SUBJECT", [5, 8]), ("パソコン", "BODY", [8]), ("ﾊﾟｿ", "TEXT", [8])]
)
def test_any_charset_of_the_command(charset: str, word: str, key: str, uids: list[int]) -> None:
    codec = {"ISO-2022-JP": "iso2022_jp_ext", "Shift_JIS": "cp932"}.get(charset, charset)
    octets = word.encode(codec)
    assert (
        find(b"CHARSET %b %b {%d}\r\n%b" % (charset.encode(), key.encode(), len(octets), octets))[0] == uids
    )


def test_only_what_rows_leave_open_is_read() -> None:
    assert find("SUBJECT lunch SEEN") == ([3], 2)
    assert find("SUBJECT lunch UID 5") == ([], 1)
    assert find("OR DELETED SUBJECT lunch") == ([3, 9], 3)
    assert find("NOT (SUBJECT x) UNSEEN SEEN") == ([], 0)


def test_messages_that_are_gone_are_not_found() -> None:
    assert find("ALL", replace(SCOPE, rows=Columns.of([ROWS[3]])))[0] == [3]
    program = parse(Scanner(b"SUBJECT lunch"))
    assert search(program, SCOPE, lambda uid: None) == []


def test_numbers_the_client_was_not_told_of() -> None:
    with pytest.raises(OutOfRange):
        narrow(parse(Scanner(b"5")), SCOPE)
    assert narrow(parse(Scanner(b"1:*")), replace(SCOPE, uids=(), rows=Columns())).found == []


def test_program() -> None:
    program = parse(Scanner(b"RETURN (MIN COUNT) CHARSET x-nonsense MODSEQ 5"))
    assert program.returns == {b"MIN", b"COUNT"}
    assert program.unknown_charset and program.modseq
    assert parse(Scanner(b"RETURN () ALL")).returns == {b"ALL"}
    assert parse(Scanner(b"ALL")).returns is None


@pytest.mark.parametrize(
    "text",
    ["", " ALL", "ALL ", "FOO", "NOT", "OR SEEN", "(SEEN", "SEEN)", "()", "SUBJECT", "HEADER a", "ON 31-Feb-2024",
     'ON "1-Jan-2024', "ON 1-Foo-2024", "LARGER -1",
     "KEYWORD", "UID x", "OLDER 0", "0",
     'MODSEQ "/flags/x" some 1', "RETURN ALL", "RETURN (FOO) ALL", "RETURN (ALL)", "RETURN (PARTIAL 1) ALL",
     "RETURN (PARTIAL 1:-1) ALL", "RETURN (PARTIAL 0:1) ALL",
     "RETURN (ALL PARTIAL 1:2) ALL", "RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL", "$,1", "CHARSET UTF-8",
     "NOT(" * 60 + "ALL",
     "OR SEEN " * 60 + "SEEN",
     "(" * 60 + "ALL" + ")" * 60, "ALL " * (MOST_KEYS + 1) + "ALL"],
)  # fmt: skip
def test_bad_syntax(text: str) -> None:
    with pytest.raises(BadSyntax):
        scanner = Scanner(text.encode())
        parse(scanner)
        scanner.end()


KEYS = st.recursive(
    st.sampled_from(["ALL", "SEEN", "RECENT", "UID 5:8", "SUBJECT lunch", "BODY invoice", "SENTON 9-Mar-2024"]),
    lambda inner: st.builds("NOT {}".format, inner) | st.builds("OR {} {}".format, inner, inner)
    | st.builds("({} {})".format, inner, inner),
    max_leaves=8,
)  # fmt: skip


@given(KEYS, KEYS)
def test_logic_holds_whatever_is_read(one: str, other: str) -> None:
    everything = set(UIDS)
    first, second = set(find(one)[0]), set(find(other)[0])
    assert set(find(f"NOT {one}")[0]) == everything - first
    assert set(find(f"OR {one} {other}")[0]) == first | second
    assert set(find(f"{one} {other}")[0]) == first & second


@given(st.text(alphabet='ANDORTUISECHR 0123456789:*,()"{}\r\n-', max_size=40))
def test_any_text_is_a_program_or_bad_syntax(text: str) -> None:
    try:
        parse(Scanner(text.encode()))
    except BadSyntax:
        pass
