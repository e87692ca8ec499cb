"""Messages of APPEND in all their forms, one line at a time."""

import pytest

from imap.append_grammar import Begin, Mark, Messages, Url
from imap.scanner import BadSyntax, Scanner
from imap.urls import BadUrl, parse

LIT, E = Mark.OCTETS, Mark.END
PLAIN = Begin(frozenset(), None)
PARTS = Begin(frozenset(), None, catenate=True)


@pytest.mark.parametrize(
    "lines",
    [
        [(b"{3}", (PLAIN, LIT)), (b"", (E,))],
        [(b"(\\Seen) ~{3+}", (Begin(frozenset({"\\Seen"}), None), LIT)), (b"", (E,))],
        [(b"{3}", (PLAIN, LIT)), (b" {3}", (E, PLAIN, LIT)), (b"", (E,))],
        [(b"CATENATE (URL /a)", (PARTS, Url(b"/a"), E))],
        [(b"CATENATE (URL /a TEXT {3}", (PARTS, Url(b"/a"), LIT)), (b" URL /b)", (Url(b"/b"), E))],
        [(b"CATENATE (TEXT {3}", (PARTS, LIT)), (b" TEXT {3}", (LIT,)), (b")", (E,))],
        [(b"CATENATE (TEXT {3}", (PARTS, LIT)), (b") {3}", (E, PLAIN, LIT)), (b"", (E,))],
        [(b"CATENATE (URL /a) CATENATE (TEXT {1}", (PARTS, Url(b"/a"), E, PARTS, LIT)), (b")", (E,))],
        [
            (b"UTF8 (~{3}", (Begin(frozenset(), None, utf8=True), LIT)),
            (b") {3}", (E, PLAIN, LIT)),
            (b"", (E,)),
        ],
    ],
)
def test_steps(lines: list[tuple[bytes, tuple[object, ...]]]) -> None:
    grammar = Messages()
    for line, steps in lines:
        scanner = Scanner(line)
        assert grammar.line(scanner) == steps
        if steps[-1] is not LIT:
            scanner.end()


@pytest.mark.parametrize(
    "lines",
    [
        [b""],
        [b"(\\Seen)"],
        [b"CATENATE ()"],
        [b"CATENATE (URL)"],
        [b"CATENATE (TEXT {3}", b""],
        [b"CATENATE (TEXT {3}", b" )"],
        [b"CATENATE (URL /a TEXT {3} )"],
        [b"UTF8 ({3}"],
        [b"UTF8 (~{3}", b""],
        [b"{3}", b"x"],
        [b"{3}", b" x"],
    ],
)
def test_refused(lines: list[bytes]) -> None:
    grammar = Messages()
    with pytest.raises(BadSyntax):
        for line in lines:
            grammar.line(Scanner(line))


def test_one_message_alone() -> None:
    grammar = Messages(single=True)
    grammar.line(Scanner(b"{3}"))
    with pytest.raises(BadSyntax):
        grammar.line(Scanner(b" {3}"))


@pytest.mark.parametrize(
    ("text", "mailbox", "rest"),
    [
        (b"/INBOX/;UID=7", "INBOX", (7, None, None, None, 0, None)),
        (b"/a%2Fb%20%E4%BC%9A;UIDVALIDITY=3/;UID=7", "a/b 会", (7, 3, None, None, 0, None)),
        (b"/Work/2024/;uid=7/;section=1.2/;partial=3.4", "Work/2024", (7, None, None, None, 3, 4)),
        (b"imap://taro@h.test:143/INBOX/;UID=7", "INBOX", (7, None, "taro", "h.test", 0, None)),
        (b"imap://taro%40x.test;AUTH=*@h.test/INBOX/;UID=7", "INBOX", (7, None, "taro@x.test", "h.test", 0, None)),
    ],
)  # fmt: skip
def test_urls(text: bytes, mailbox: str, rest: tuple[object, ...]) -> None:
    url = parse(text)
    assert url.mailbox == mailbox
    assert (url.uid, url.uidvalidity, url.user, url.host, url.offset, url.length) == rest


@pytest.mark.parametrize(
    "text",
    [b"", b"/INBOX", b"/INBOX/;UID=0", b"INBOX/;UID=1", b"http://h/INBOX/;UID=1", b"/%ff/;UID=1", b"/\xff/;UID=1",
     b"/INBOX/;UID=1/;SECTION=x", b"/INBOX/;UID=1/;SECTION=1]x", b"/" + b"a" * 5000 + b"/;UID=1"],
)  # fmt: skip
def test_no_urls(text: bytes) -> None:
    with pytest.raises(BadUrl):
        parse(text)
