"""Made by rule: hardly any message at all, address fields, and Content-* fields as programs have written them."""

from collections.abc import Iterator

from tests.corpus.odd import HEAD, Odd, odd

ADDRESSES = """\
a@b.jp, c@d.jp
<a@b.jp>,<c@d.jp>
Name<a@b.jp>
"N, a" <a@b.jp>
N a@b.jp
a@b.jp N
a..b@docomo.ne.jp
.a@b.jp
a.@docomo.ne.jp
a@b
@b.jp
a@
a@b@c
<a@b.jp
a@b.jp>
<<a@b.jp>>
=?utf-8?q?x?=<a@b.jp>
G:a@b.jp;
G:;
G: a@b.jp, c@d.jp;, e@f.jp
G: H: a@b.jp;;
a@b.jp (c)
(c) a@b.jp
a(c)@(d)b.jp
MAILER-DAEMON
mailto:a@b.jp
"a"@b.jp
"a b"@c.jp
a@[1.2.3.4]
undisclosed recipients
""
''
a@b.jp;
N <>
""".splitlines()


def bare() -> Iterator[Odd]:
    """Only headers, no headers, nearly nothing."""
    for data in (
        b"\r\n",
        b"\n",
        b"\r",
        b"x",
        b":",
        b": x\r\n\r\n",
        b"a:",
        b"a:\r\n",
        b"\r\n\r\n",
        b"x\r\n\r\ny",
        b" x: y\r\n\r\n",
        b"Subject: x",
        b"Subject: x\r\n",
        b"Subject: x\n\n",
        b"Subject:\r\n x\r\n\r\n",
        b"Subject: x\r\n\t\r\n\r\n",
        b"From \r\n\r\n",
        b">From x\r\nSubject: y\r\n\r\n",
        b"\xef\xbb\xbfSubject: x\r\n\r\n",
        b"\0\r\n\r\n",
    ):
        yield Odd(f"the message {data!r}", data, {})


def fields() -> Iterator[Odd]:
    """Address fields as programs have written them."""
    for value in ADDRESSES:
        yield odd(f"addresses {value}", f"From: {value}\nTo: {value}\n\nx\n")


def types() -> Iterator[Odd]:
    """Content-* fields with odd values."""
    for value in (
        "text/plain;",
        "text/plain;;charset=utf-8",
        "text/plain; charset",
        "text/plain; charset=",
        'text/plain; charset=""',
        "text/plain; =x",
        "text/plain ; charset = utf-8",
        "text / plain",
        "text/",
        "/plain",
        "text/html; charset='utf-8'",
        "text/plain; charset=utf-8; charset=x",
        'text/plain; a="unclosed',
        'text/plain; a="b\\"c"',
        "text/plain; a=b c=d",
        'application/octet-stream;\n name="a\n b"',
        "multipart/mixed; boundary=",
        "multipart/mixed",
        "image/svg+xml",
    ):
        yield odd(f"a type {value!r}", HEAD + f"MIME-Version: 1.0\nContent-Type: {value}\n\nx\n")
    for name, values in (
        (
            "Content-Disposition",
            ("attachment", "attachment;", "", ";", "inline; filename", "a/b", "(c) inline"),
        ),
        ("Content-Language", ("ja", "ja, en", "ja,,en", "", "ja en", "(c) ja")),
        ("Content-Transfer-Encoding", ("", "7bit;", "BASE64", "base 64", "(c) 8bit")),
        ("Content-ID", ("<a@b>", "a", "", "<a@b> x")),
        ("Content-MD5", ("Q2hlY2s=", "")),
        ("Content-Location", ("http://a/b c", "")),
    ):
        for value in values:
            head = HEAD + f"MIME-Version: 1.0\nContent-Type: text/plain\n{name}: {value}\n\nx\n"
            yield odd(f"{name}: {value}", head)
