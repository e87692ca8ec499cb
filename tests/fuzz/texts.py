"""What becomes text: mail that is searched, sorted and shown, and files that a person uploads.

The promise beside "a value or its own error": every text is one that can be written (no lone surrogates: the index
and the wire take none), and what is made of a message is bounded by the message.
"""

import unicodedata

from storage import account_csv, list_csv
from storage.mime import parts as mime
from storage.mime.charset import decode, decode_header
from storage.mime.head import base_subject, read_date
from storage.mime.summary import summarise
from storage.mime.text import fold, texts

CHARSETS = (None, "utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "utf-7", "utf-16", "x-unknown")
NFKC_MOST = 18  # characters that one may become (U+FDFA)


def _writable(text: str) -> None:
    text.encode()


def mail_texts(data: bytes) -> None:
    """A message's texts, as SEARCH and the index of words meet them."""
    root = mime.parse(data, depth=10, parts=50)
    for text in texts(data, root, most=4096):
        _writable(text)
        folded = fold(text)
        _writable(folded)
        assert folded == " ".join(folded.split()) and len(folded) <= NFKC_MOST * 3 * len(text)
        assert unicodedata.is_normalized("NFKC", folded)


def mail_head(data: bytes) -> None:
    """What SORT, THREAD and SEARCH compare, also where a field is anything at all."""
    for start in (b"", b"Subject: ", b"Date: ", b"References: ", b"From: "):
        head = summarise(start + data).head
        for value in head:
            if isinstance(value, str):
                _writable(value)
            else:
                assert value is None or -(2**63) <= value < 2**63, "the index takes 64 bits"
    day, moment = read_date(data)
    assert 0 <= day <= 99_991_299 and (moment is None or abs(moment) < 2**40)


def words(data: bytes) -> None:
    """Octets of any declared charset, and encoded words."""
    for charset in CHARSETS:
        _writable(decode(data, charset))
    shown = decode_header(data)
    _writable(shown)
    base, _ = base_subject(fold(shown))
    assert len(base) <= len(fold(shown))


def member_list(data: bytes) -> None:
    """Rows that come back as they were when they are written and read again."""
    try:
        rows = list_csv.read(data)
    except list_csv.BadCsv as error:
        assert str(error)
        return
    assert len({row.address for row in rows}) == len(rows)
    written = list_csv.write(rows, "utf-8")
    for row in rows:
        assert "\n" not in row.address and "\0" not in (row.name or "")
    again = list_csv.read(written)
    assert [(row.address, row.name or "") for row in again] == [(row.address, row.name or "") for row in rows]


def account_list(data: bytes) -> None:
    """Each line is a row or says what is wrong with it."""
    try:
        rows, wrong = account_csv.read(data, "example.test")
    except list_csv.BadCsv as error:
        assert str(error)
        return
    for row in rows:
        assert row.address and row.line > 0
    for each in wrong:
        assert each.problem and each.line > 0


TARGETS = {
    "mail_texts": (
        mail_texts,
        (
            b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>a&amp;b<style>x</style>&#55296;&#x110000;<br>c",
            b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B7oL>\x1b(B",
            b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4=BB=B6=ZZ=",
        ),
    ),
    "mail_head": (
        mail_head,
        (
            b"Re: [x] =?utf-8?B?5Lu2?= (fwd)",
            b"Mon, 30 Feb 9999 24:61:61 +9999",
            b"31 Dec 0000 00:00 -9959",
            b'<a@b> <"c d"@e> <f',
        ),
    ),
    "words": (
        words,
        (
            b"=?utf-8?Q?=ED=A0=80?= =?x?B?a?=",
            b"\x1b$B7o",
            b"\xed\xa0\x80",
            b"=?utf-16?B?2AA=?=",
            b"\xff\xfe\0\xd8",
        ),
    ),
    "member_list": (
        member_list,
        (
            b'address,name,receives\r\na@b.example,"=1+1, \'x",yes\r\n',
            "メールアドレス\t名前\r\na@b.example\t田中\r\n".encode("cp932"),
            b'\xef\xbb\xbfa@b.example,\'=x\nc@d.example,"a\nb",1,0\n',
        ),
    ),
    "account_list": (
        account_list,
        (
            "address,limit,comment,aliases,forward_to\r\ntaro,1.5,営業部,a b,c@d.example\r\n".encode(),
            "メールアドレス,容量(GB),停止\r\ntaro@example.test,9e999,はい\r\n".encode("cp932"),
            b"address\n../x\n@\n",
        ),
    ),
}
