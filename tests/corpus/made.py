"""The larger part of the corpus: messages made by rule, so that every form of an oddity is there, and not only the
one that somebody thought of. `made()` gives the same ones each time.

What is said of them is kept as digests (`made.txt`, written by `tests.corpus.write`); `test_corpus.py` asks Dovecot
about all in one run. Where we differ on purpose, `WHY` says why.
"""

import base64
import hashlib
from collections.abc import Iterator

from storage.mime.summary import summarise
from tests.corpus.made_fields import bare, fields, types
from tests.corpus.odd import AFTER_FAULT, BROKEN_TYPE, HEAD, NO_BLANK, NULL_ELEMENT, Odd, odd, wire

MIXED = HEAD + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
PARTS = (
    "preamble\n--b\nContent-Type: text/plain; charset=utf-8\n\none\n"
    "--b\nContent-Type: application/pdf; name=a.pdf\n"
    "Content-Transfer-Encoding: base64\n\nJVBERg==\n--b--\nepilogue\n"
)
CHARSETS = (("ISO-2022-JP", "iso2022_jp"), ("Shift_JIS", "cp932"), ("EUC-JP", "euc_jp"), ("UTF-8", "utf-8"))
TEXT = "会議のお知らせ"
_BARE = "octets are counted as they are sent; Dovecot counts and sends CRLF for a bare LF"
_NO_DISPOSITION = "a disposition without a word is none (RFC 2183 §2)"

# The names of messages, or their beginnings: in which items we differ from Dovecot, and why.
WHY = {
    "RFC 2231 in a type: name*0=one; NAME*1=two": "a parameter's name is the same in any case (RFC 2045 §5.1)",
    "RFC 2231 in a type: name**=one": "what is no form of RFC 2231 stays as it is written",
    "cut short at 143": BROKEN_TYPE,
    "cut short at 251": BROKEN_TYPE,
    "cut short at 260": BROKEN_TYPE,
    "a boundary "
    + "0" * 71: "the end is found, however long the boundary is; Dovecot looks at its first 80 octets",
    "a message in a part, 1": NO_BLANK,
    "a message in a part, 4": NO_BLANK,
    "a message in a part, 5": NO_BLANK,
    "a message in a part, 6": NO_BLANK,
    "a digest with ''": NO_BLANK,
    "raw iso2022_jp in Cc": AFTER_FAULT,
    "raw iso2022_jp in Content-Type": "a name without quotes is kept as far as it goes",
    "a binary part b'a\\nb'": _BARE,
    "a binary part b'\\n": _BARE,
    "a binary part b'\\x00": _BARE,
    "a binary part b'\\r\\n\\r\\r": _BARE,
    "a text b'a\\nb'": _BARE,
    "a text b'\\n": _BARE,
    "a text b'\\x00": _BARE,
    "a text b'\\r\\n\\r\\r": _BARE,
    'addresses ""': "an empty name is none",
    "a type 'text/plain;;charset=utf-8'": "an empty parameter is nothing, and those behind it count",
    "a type 'text/plain; =x'": "a parameter has a name (RFC 2045 §5.1)",
    "a type 'text/'": BROKEN_TYPE,
    "a type '/plain'": BROKEN_TYPE,
    "a type 'text/plain; a=\"unclosed'": "a quote that never closes runs to the end",
    "Content-Disposition: ": _NO_DISPOSITION,
    "Content-Language: ja,,en": NULL_ELEMENT,
}


def made() -> list[Odd]:
    return [_explained(one) for one in _all()]


def _explained(one: Odd) -> Odd:
    for name, why in WHY.items():
        if one.what.startswith(name) and not (
            name == "Content-Disposition: " and one.what[len(name) :].strip(";")
        ):
            items = (
                ("ENVELOPE",)
                if name.startswith(("addresses", "raw iso2022_jp in Cc"))
                else ("BODYSTRUCTURE", "BODY")
            )
            items = (
                ("BODYSTRUCTURE",) if name.startswith(("Content-Disposition", "Content-Language")) else items
            )
            return Odd(one.what, one.message, dict.fromkeys(items, why))
    return one


def _all() -> list[Odd]:
    return [
        *parameters(),
        *words(),
        *cut_short(),
        *boundaries(),
        *nested(),
        *raw_fields(),
        *line_ends(),
        *bare(),
        *fields(),
        *types(),
    ]


def digest(one: Odd) -> str:
    """Of all that IMAP says of it."""
    summary = summarise(one.message)
    said = b"\n".join((summary.envelope, summary.bodystructure, summary.body))
    return hashlib.sha256(said).hexdigest()[:16]


def parameters() -> Iterator[Odd]:
    """RFC 2231 in all forms, where a name stands in Content-Type and where in Content-Disposition."""
    forms = [
        "name=plain.txt",
        'name="quoted name.txt"',
        "name*=utf-8''%E4%BC%9A%E8%AD%B0.txt",
        "name*=UTF-8'ja'%E4%BC%9A%E8%AD%B0.txt",
        "name*=''plain.txt",
        "name*=iso-2022-jp'ja-JP'%1B%24B2q5D%1B%28B.txt",
        "name*=shift_jis''%89%EF%8Bc.txt",
        "name*=us-ascii'en'a%20b.txt",
        "name*=\"utf-8''%E4%BC%9A.txt\"",
        "name*=utf-8'%E4%BC%9A.txt",
        "name*=%E4%BC%9A.txt",
        "name*=utf-8''%E4%BC%9",
        "name*=utf-8''%ZZ",
        "name*=utf-8''",
        "name*=",
        "name*0=one; name*1=two",
        'name*0="one "; name*1="two"',
        "name*0*=utf-8''%E4%BC; name*1*=%9A.txt",
        "name*0*=utf-8''%E4%BC%9A; name*1=plain%20; name*2*=%E8%AD%B0",
        "name*0=plain; name*1*=%20b",
        "name*1=two; name*0=one",
        "name*1*=%9A.txt; name*0*=utf-8''%E4%BC",
        "; ".join(f"name*{n}={n}." for n in range(12)),
        "name*0=one; name*2=three",
        "name*1=two; name*2=three",
        "name*0=one; name*0=again; name*1=two",
        "name*00=one; name*01=two",
        "name*0=one; NAME*1=two",
        "name=plain.txt; name*=utf-8''%E4%BC%9A.txt",
        "name*=utf-8''%E4%BC%9A.txt; name=plain.txt",
        "name=plain.txt; name*0=one; name*1=two",
        "name*0=one;\n name*1=two;\n\tname*2=three",
        "name*a=one",
        "name*0*0=one",
        "name**=one",
        "x*0=1; y*0=2; x*1=3; y*1=4",
    ]
    for form in forms:
        yield odd(
            f"RFC 2231 in a type: {form}",
            HEAD + f"MIME-Version: 1.0\nContent-Type: text/plain; {form}\n\nx\n",
        )
    for form in forms[2::3]:
        form = form.replace("name", "filename").replace("NAME", "FILENAME")
        disposition = f"Content-Disposition: attachment; {form}; size=1\n"
        yield odd(f"RFC 2231 in a disposition: {form}", HEAD + "MIME-Version: 1.0\n" + disposition + "\nx\n")


def words(step: int = 3) -> Iterator[Odd]:
    """Encoded words cut anywhere, folded in all ways, in texts and in names."""
    for name, codec in CHARSETS:
        octets = TEXT.encode(codec)
        for at in range(1, len(octets), step * 2):
            first, second = (base64.b64encode(piece).decode() for piece in (octets[:at], octets[at:]))
            for between in ("\n ", "\n\t", " "):
                subject = f"=?{name}?B?{first}?={between}=?{name}?B?{second}?="
                yield odd(f"{name} cut at {at}", f"Subject: {subject}\nFrom: {subject} <a@example.jp>\n\nx\n")
    for word in (
        "=?utf-8?q?a_b?=",
        "=?utf-8?Q?=E4=BC?=",
        "=?utf-8?B?5pel",
        "=?utf-8??x?=",
        "=?utf-8?B??=",
        "=?utf-8?Q?a?b?=",
    ):
        yield odd(
            f"a word such as {word}", f'Subject: {word}\nFrom: {word} <a@b.jp>\nTo: "{word}" <c@d.jp>\n\nx\n'
        )


def cut_short() -> Iterator[Odd]:
    """A multipart that ends in the middle, at any place."""
    whole = wire(MIXED + PARTS)
    start = len(wire(HEAD)) + 10
    for at in range(start, len(whole), 9):
        yield Odd(f"cut short at {at}", whole[:at], {})


def boundaries() -> Iterator[Odd]:
    """Boundaries in odd spellings, in the field and on the lines."""
    for boundary in (
        "=_a",
        "a b",
        "a'()+_,-./:=?z",
        "0" * 70,
        "0" * 200,
        "b--",
        "-b",
        "--b",
        "会",
        "B",
        " b ",
        "a\\\\b",
    ):
        head = HEAD + f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{boundary}"\n\n'
        real = boundary.replace("\\\\", "\\")
        yield odd(f"a boundary {boundary}", head + f"--{real}\n\none\n--{real}\n\ntwo\n--{real}--\n")
    for line in (
        "--b ",
        "--b\t",
        "--b  x",
        "--B",
        " --b",
        "-b",
        "---b",
        "--b-",
        "--b--x",
        "--b --",
        "--b\f",
        "b",
        "--",
    ):
        yield odd(f"a line {line!r}", MIXED + f"--b\n\none\n{line}\n\ntwo\n--b--\n")
    for parts in (
        "--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
        "--b--\n",
        "--b\n",
        "--b\n--b--",
        "\n\n--b\n\n\n--b--\n\n\n",
    ):
        yield odd(f"parts {parts!r}", MIXED + parts)
    for kind in (
        "alternative",
        "related",
        "report",
        "signed",
        "form-data",
        "x-unknown",
        "mixed; charset=utf-8",
    ):
        head = HEAD + f"MIME-Version: 1.0\nContent-Type: multipart/{kind}; boundary=b\n"
        yield odd(
            f"multipart/{kind}", head + "Content-Disposition: inline; a=b\nContent-Language: ja\n\n" + PARTS
        )
    for encoding in ("base64", "quoted-printable", "8bit", "x-odd"):
        head = MIXED.replace("\n\n", f"\nContent-Transfer-Encoding: {encoding}\n\n")
        yield odd(f"a multipart in {encoding}", head + PARTS)


def nested() -> Iterator[Odd]:
    """Messages in messages, some of them without a header, a body or an end."""
    inner = "From: inner@example.jp\nSubject: inner\n\ninner text\n"
    insides = [
        inner,
        "",
        "\n",
        "\nonly a body\n",
        "From: x@y\nSubject: no body\n",
        "no header at all",
        "From: x@y",
        MIXED + PARTS,
    ]
    for number, inside in enumerate(insides):
        attached = "Content-Type: message/rfc822\n\n" + inside
        yield odd(f"a message in a message, {number}", HEAD + "MIME-Version: 1.0\n" + attached)
        yield odd(f"a message in a part, {number}", MIXED + f"--b\n{attached}\n--b--\n")
        yield odd(f"a message in a part without an end, {number}", MIXED + f"--b\n{attached}")
    for depth in (2, 5, 20):
        yield odd(f"messages {depth} deep", (HEAD + "Content-Type: message/rfc822\n\n") * depth + inner)
    for kind in (
        "message/rfc822",
        "message/global",
        "message/partial; id=x; number=1",
        "message/delivery-status",
        "message/external-body; access-type=url",
        "MESSAGE/RFC822",
        "message/rfc822; charset=utf-8",
    ):
        yield odd(f"a part of type {kind}", MIXED + f"--b\nContent-Type: {kind}\n\n{inner}\n--b--\n")
    for encoding in ("base64", "quoted-printable", "binary"):
        attached = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: {encoding}\n\n{inner}"
        yield odd(f"a message in {encoding}", MIXED + f"--b\n{attached}\n--b--\n")
    digest = HEAD + "Content-Type: multipart/digest; boundary=b\n\n"
    for part in ("", "\n", "Content-Type: message/rfc822\n\n", "Content-Type: text/plain\n\n", "X: y\n\n"):
        yield odd(f"a digest with {part!r}", digest + f"--b\n{part}{inner}\n--b--\n")


def raw_fields() -> Iterator[Odd]:
    """8-bit and JIS octets in every field, undeclared."""
    for _, codec in CHARSETS:
        for field in (
            "Subject: {}",
            "From: {} <a@b.jp>",
            'To: "{}" <a@b.jp>',
            "Cc: a@b.jp ({})",
            "In-Reply-To: {}",
            "Date: {}",
            "Message-ID: <{}@x>",
            "Content-Type: text/plain; name={}",
            'Content-Disposition: attachment; filename="{}"',
            "Content-Description: {}",
        ):
            yield odd(f"raw {codec} in {field}", (field.format(TEXT) + "\n\nx\n").encode(codec))


def line_ends() -> Iterator[Odd]:
    """CR or LF alone, in headers, at boundaries and in bodies: what APPEND with BINARY lets in."""
    data = wire(MIXED + PARTS)
    yield Odd("LF alone everywhere", data.replace(b"\r\n", b"\n"), {})
    for name, old in (
        ("before a boundary", b"\r\n--b"),
        ("behind one", b"--b\r\n"),
        ("in a header", b"utf-8\r\n\r\n"),
    ):
        for what, new in (("LF", old.replace(b"\r\n", b"\n")), ("CR", old.replace(b"\r\n", b"\r"))):
            yield Odd(f"{what} alone {name}", data.replace(old, new), {})
    for body in (
        b"a\rb",
        b"a\nb",
        b"\r",
        b"\n",
        b"\r\r\n",
        b"\n\r",
        b"a\r\n\rb\r\n",
        b"\0\r\0\n\0",
        b"\r\n\r\r\n\n",
    ):
        head = (
            wire(MIXED)
            + b"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        )
        yield Odd(f"a binary part {body!r}", head + body + b"\r\n--b--\r\n", {})
        text = wire(HEAD) + b"Content-Type: text/plain\r\n\r\n"
        yield Odd(f"a text {body!r}", text + body, {})
