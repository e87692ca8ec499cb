"""Writes the corpus: `python -m tests.corpus.write`. Odd messages, each with what is odd about it.

NNN.eml is the message, NNN.imap what IMAP says of it: a line that names the oddity, for each item in which
we differ from Dovecot on purpose a line that says why, then the items. The expectations are written from our
own code, so whoever runs this looks at the difference in git; `test_corpus.py` holds them against Dovecot.
"""

import base64
from pathlib import Path

from storage.mime.summary import summarise
from tests.corpus.made import digest, made
from tests.corpus.odd import AFTER_FAULT, BROKEN_TYPE, HEAD, NO_BLANK, NULL_ELEMENT, SPACES, Odd

HERE = Path(__file__).parent


MESSAGES: list[Odd] = []


def odd(what: str, message: bytes | str, **differs: str) -> None:
    """One message. Lines are written with LF here and end in CRLF; `\\r` and `\\n` alone are kept as ␍ and ␊."""
    octets = message.encode("utf-8") if isinstance(message, str) else message
    octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    octets = octets.replace("␊".encode(), b"\n").replace("␍".encode(), b"\r")
    MESSAGES.append(Odd(what, octets, differs))


def word(text: str, charset: str, declared: str | None = None) -> str:
    """An encoded word."""
    octets = text.encode(charset)
    return f"=?{declared or charset}?B?{base64.b64encode(octets).decode()}?="


def headers() -> None:
    odd("nothing at all", "")
    odd("an empty header", "\nbody\n")
    odd("a header and nothing more", HEAD)
    odd("a header without its last line end", HEAD.rstrip("\n"))
    odd("no header, only text", "hello\nthis is no header\n\nmore\n")
    odd("an mbox line on top", "From taro@example.jp Mon Jan  1 12:00:00 2024\n" + HEAD + "\nx\n")
    odd(
        "folded fields",
        "Subject: one\n two\n\tthree\nFrom: Taro\n <taro@example.jp>\nTo:\n hanako@example.jp\n\nx\n",
    )
    odd(
        "a value that begins on the second line",
        "Subject:\n one\nDate:\n Mon, 1 Jan 2024 12:00:00 +0900\n\nx\n",
        ENVELOPE=SPACES,
    )
    odd("white space around values", "Subject:   a   b  \nMessage-ID: \t<x@y> \n\nx\n", ENVELOPE=SPACES)
    odd("empty fields", "Subject:\nFrom:\nTo: \nDate:\nMessage-ID:\n\nx\n")
    odd(
        "fields twice",
        "Subject: one\nFrom: a@b\nSubject: two\nFrom: c@d\nMessage-ID: <1>\nMessage-ID: <2>\n\nx\n",
    )
    odd("spaces before the colon", "Subject : spaced\nFrom\t: a@b\n\nx\n")
    odd("names in any case", "SUBJECT: loud\nfrom: a@b\nMESSAGE-id: <a>\nin-REPLY-to: <b>\n\nx\n")
    odd("NUL in fields", b'Subject: a\x00b\nFrom: "x\x00y" <a@b>\n\nx\n')
    odd("control characters in fields", b"Subject: a\x01\x1b\x7fb\nFrom: a@b\n\nx\n")
    odd("raw 8-bit UTF-8 in fields", "Subject: 会議のお知らせ\nFrom: 山田太郎 <taro@example.jp>\n\nx\n")
    odd("raw Shift_JIS in fields", "Subject: 会議\nFrom: 山田 <taro@example.jp>\n\nx\n".encode("cp932"))
    odd(
        "raw ISO-2022-JP in fields",
        "Subject: 会議\nFrom: 山田 <taro@example.jp>\n\nx\n".encode("iso2022_jp"),
    )
    odd("quotes and backslashes", 'Subject: a "quoted" \\ subject\nFrom: "Q \\"uote\\" \\\\" <a@b>\n\nx\n')
    odd("a very long subject", "Subject: " + "long " * 400 + "\nFrom: a@b\n\nx\n")
    odd("a bare CR in a field", "Subject: a␍b\nFrom: a@b\n\nx\n")
    odd(
        "encoded words of many kinds",
        f"Subject: {word('会議', 'iso2022_jp', 'ISO-2022-JP')}\n {word('資料', 'utf-8')}\n"
        f"From: {word('山田', 'cp932', 'Shift_JIS')} <taro@example.jp>\n"
        f'To: "{word("花子", "utf-8")}" <hanako@example.jp>\n\nx\n',
    )
    odd("an encoded word without an end", "Subject: =?ISO-2022-JP?B?GyRCMnE1\nFrom: a@b\n\nx\n")
    odd(
        "a character split between two words",
        "Subject: =?UTF-8?B?5pel5p?= =?UTF-8?B?ys6Kqe?=\nFrom: a@b\n\nx\n",
    )


def addresses() -> None:
    odd("groups", "From: a@b\nTo: Friends: one@x, Two <two@x>;, three@x\nCc: undisclosed-recipients:;\n\nx\n")
    odd("a group that is not closed", "From: a@b\nTo: Friends: one@x, two@x\n\nx\n")
    odd("comments for names", "From: taro@example.jp (Yamada Taro)\nTo: (note) a@b (x (nested) y)\n\nx\n")
    odd("routes", "From: <@relay.example,@other.example:a@b>\nTo: Name <@r:c@d>\n\nx\n")
    odd("quoted local parts", 'From: "a b"@c\nTo: "x@y"@z, "q\\"r"@s\n\nx\n')
    odd("domain literals", "From: a@[192.0.2.1]\nTo: b@[IPv6:2001:db8::1]\n\nx\n")
    odd(
        "space around dots",
        "From: a . b @ c . d\nTo: e@f\n\nx\n",
        ENVELOPE="obsolete syntax allows white space around the dots of an address (RFC 5322 §4.4)",
    )
    odd("names with dots and no quotes", "From: J. R. Taro <taro@example.jp>\nTo: Example Inc. <a@b>\n\nx\n")
    odd("many words in quotes and not", 'From: "a" b "c d" <e@f>\n\nx\n')
    odd("empty elements", "From: a@b\nTo: , c@d, , e@f,\n\nx\n", ENVELOPE=NULL_ELEMENT)
    odd("only a comma", "From: a@b\nTo: ,\n\nx\n", ENVELOPE=NULL_ELEMENT)
    odd("no domain", "From: taro\nTo: Yamada Taro\nCc: <hanako>\n\nx\n")
    odd("an angle that is not closed", "From: Taro <taro@example.jp\nTo: a@b\n\nx\n")
    odd("an empty angle", "From: <>\nTo: Name <>\n\nx\n")
    odd("a fault in the middle", "From: a@b\nTo: c@d e@f, g@h\n\nx\n", ENVELOPE=AFTER_FAULT)
    odd("semicolons for commas", "From: a@b\nTo: c@d; e@f\n\nx\n")
    odd(
        "a comment that is not closed",
        "From: a@b (never\nTo: c@d\n\nx\n",
        ENVELOPE="the address in front of it is whole",
    )
    odd("a quote that is not closed", 'From: "never <a@b>\nTo: c@d\n\nx\n')
    odd("all address fields", "From: a@b\nSender: c@d\nReply-To: e@f, g@h\nTo: i@j\nCc: k@l\nBcc: m@n\n\nx\n")
    odd("an empty Sender and Reply-To", "From: a@b\nSender:\nReply-To: \n\nx\n")
    odd("a non-ASCII address", "From: 山田 <山田@例え.jp>\nTo: a@b\n\nx\n")
    odd(
        "two hundred recipients",
        "From: a@b\nTo: " + ",\n ".join(f"u{n}@example.jp" for n in range(200)) + "\n\nx\n",
    )


def content() -> None:
    types = "Content-Type: "
    odd("no type", HEAD + "MIME-Version: 1.0\n\nx\n")
    odd("Content-* without MIME-Version or type", HEAD + "Content-Transfer-Encoding: base64\n\neA==\n")
    odd(
        "MIME-Version and an encoding",
        HEAD + "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\neA==\n",
    )
    odd(
        "capital letters",
        HEAD + types + 'TEXT/HTML; CHARSET="ISO-2022-JP"\nContent-Transfer-Encoding: 7BIT\n\nx\n',
    )
    odd("a type of one word", HEAD + types + "text\n\nx\n", BODYSTRUCTURE=BROKEN_TYPE, BODY=BROKEN_TYPE)
    odd("an empty type", HEAD + types + "\n\nx\n", BODYSTRUCTURE=BROKEN_TYPE, BODY=BROKEN_TYPE)
    odd(
        "no semicolon",
        HEAD + types + "text/plain charset=utf-8\n\nx\n",
        BODYSTRUCTURE=BROKEN_TYPE,
        BODY=BROKEN_TYPE,
    )
    odd(
        "an empty parameter in front",
        HEAD + types + "text/plain; ; charset=utf-8\n\nx\n",
        BODYSTRUCTURE="what follows a fault is read",
        BODY="what follows a fault is read",
    )
    odd("comments in the type", HEAD + types + "text/plain (a comment); charset=us-ascii (another)\n\nx\n")
    odd("folded parameters", HEAD + types + 'text/plain;\n\tcharset="utf-8";\n format=flowed\n\nx\n')
    odd(
        "an unquoted name with spaces",
        HEAD + types + "application/pdf; name=annual report.pdf\n\nx\n",
        BODYSTRUCTURE="the whole name is what the sender meant",
        BODY="the whole name is what the sender meant",
    )
    odd(
        "an encoded word as a parameter",
        HEAD + types + f'application/pdf; name="{word("請求書.pdf", "utf-8")}"\n\nx\n',
    )
    odd("raw 8-bit in a parameter", HEAD + types + 'application/pdf; name="請求書.pdf"\n\nx\n')
    odd(
        "RFC 2231, one piece",
        HEAD
        + "Content-Disposition: attachment; filename*=UTF-8''%E8%AB%8B%E6%B1%82.pdf\n"
        + types
        + "application/pdf\n\nx\n",
    )
    odd(
        "RFC 2231, many pieces",
        HEAD + "Content-Disposition: attachment;\n filename*0*=iso-2022-jp''%1B$B%3Bq%3B\n"
        ' filename*1*=NA%1B%28B;\n filename*2=".pdf"\n' + types + "application/pdf\n\nx\n",
    )
    odd("RFC 2231, pieces out of order", HEAD + types + "application/x; name*1=b; name*0=a; name*2=c\n\nx\n")
    odd("RFC 2231, a piece missing", HEAD + types + "application/x; name*0=a; name*2=c\n\nx\n")
    odd(
        "RFC 2231, a percent in a plain piece",
        HEAD + types + "application/x; name*0*=utf-8''a; name*1=\"100%\"\n\nx\n",
    )
    odd(
        "all content fields",
        HEAD + types + "text/plain\nContent-ID: <id@x>\nContent-Description: what it is\n"
        "Content-Transfer-Encoding: quoted-printable\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
        "Content-Disposition: inline; filename=a.txt\nContent-Language: ja, en-GB\nContent-Location: http://x/y\n\nx\n",
    )
    odd(
        "content fields twice",
        HEAD + types + "text/plain\n" + types + "text/html\nContent-ID: <1>\nContent-ID: <2>\n\nx\n",
    )
    odd(
        "an encoding that is no word",
        HEAD + types + "text/plain\nContent-Transfer-Encoding: 8bit and more\n\nx\n",
    )
    odd(
        "an encoding with a comment",
        HEAD + types + "text/plain\nContent-Transfer-Encoding: 8bit (really)\n\nx\n",
    )
    odd("a body without its last line end", HEAD + types + "text/plain\n\nno end")
    odd(
        "bare LF and CR in a body",
        HEAD + types + "text/plain\n\none␊two␍three␍␍␊four\n",
        BODYSTRUCTURE="octets are counted as they are sent; Dovecot counts and sends CRLF for a bare LF",
        BODY="octets are counted as they are sent; Dovecot counts and sends CRLF for a bare LF",
    )
    odd("NUL in a body", HEAD + types.encode().decode() + "application/octet-stream\n\na\0b\0\n")


def multiparts() -> None:
    mixed = HEAD + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    two = "--b\nContent-Type: text/plain\n\none\n--b\nContent-Type: text/html\n\n<p>two\n--b--\n"
    odd("an ordinary multipart", mixed + two)
    odd("preamble and epilogue", mixed + "preamble\n\n" + two + "epilogue\n--b\nnot a part\n")
    odd("no end", mixed + two.replace("--b--\n", ""))
    odd("a boundary without its line end", mixed + "--b\n\none\n--b")
    odd("a boundary and nothing after it", mixed + "--b\n\none\n--b\n")
    odd("no parts", mixed + "nothing here\n")
    odd("no boundary parameter", HEAD + "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n")
    odd("an empty boundary", HEAD + 'Content-Type: multipart/mixed; boundary=""\n\n--\n\nx\n----\n')
    odd("parts without headers", mixed + "--b\n\none\n--b\n\ntwo\n--b--\n")
    odd("parts without anything", mixed + "--b\n--b\n--b--\n")
    odd("headers that end in a boundary", mixed + "--b\nContent-Type: text/html\n--b\nX: y\n--b--\n")
    odd("text after the boundary", mixed + "--b   \n\none\n--b junk\n\ntwo\n--b--junk\n")
    odd("a longer line with the boundary in front", mixed + "--bb\n\none\n--b--\n")
    odd(
        "a boundary in quotes with spaces",
        HEAD + 'Content-Type: multipart/mixed; boundary="a b"\n\n--a b\n\nx\n--a b--\n',
    )
    odd(
        "a boundary on the first line of the body",
        HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--",
    )
    inner = "--o\nContent-Type: multipart/alternative; boundary=i\n\n"
    inner += "--i\n\none\n--i\nContent-Type: text/html\n\ntwo\n--i--\n"
    outer = HEAD + "Content-Type: multipart/mixed; boundary=o\n\n"
    odd("nested", outer + inner + "\n--o--\n")
    odd(
        "nested, the inner one without an end", outer + inner.replace("--i--\n", "") + "--o\n\nthree\n--o--\n"
    )
    odd("nested with the same boundary", outer + inner.replace("i", "o") + "--o--\n")
    odd(
        "nested, one boundary the beginning of the other",
        HEAD
        + "Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/mixed; boundary=abc\n\n"
        "--abc\n\none\n--abc--\n\n--ab\n\ntwo\n--ab--\n",
    )
    odd(
        "nested, the outer ends first",
        outer + "--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\none\n--o--\n--i--\n",
    )
    odd(
        "a digest",
        HEAD + "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\nFrom: a@b\n\nx\n\n--b\n"
        "Content-Type: text/plain\n\ntext\n--b--\n",
    )
    odd(
        "a digest with a header cut short",
        HEAD + "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n--b--\n",
        BODYSTRUCTURE=NO_BLANK,
        BODY=NO_BLANK,
    )
    odd(
        "signed",
        HEAD
        + 'Content-Type: multipart/signed; micalg=sha-256; protocol="application/pgp-signature"; boundary=s\n\n'
        "--s\nContent-Type: text/plain\n\nsigned\n"
        "--s\nContent-Type: application/pgp-signature; name=s.asc\n\nsig\n--s--\n",
    )
    odd("a hundred parts", mixed + "".join(f"--b\n\npart {n}\n" for n in range(100)) + "--b--\n")
    odd(
        "a hundred and fifty levels",
        HEAD
        + "".join(f"Content-Type: multipart/mixed; boundary=b{n}z\n\n--b{n}z\n" for n in range(150))
        + "\nx\n",
    )
    odd(
        "a report",
        HEAD
        + "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n\nfailed\n--r\n"
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\n\n--r\n"
        "Content-Type: text/rfc822-headers\n\nSubject: x\n\n--r--\n",
    )


def messages() -> None:
    forwarded = "Content-Type: message/rfc822\n\n"
    forwarded += "From: Inner <i@n>\nSubject: inner\nMessage-ID: <in@n>\n\nbody\nof two lines\n"
    odd("a message that is a message", HEAD + forwarded)
    odd(
        "a message in a multipart",
        HEAD + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n" + forwarded + "\n--b--\n",
    )
    odd(
        "a multipart in a message in a multipart",
        HEAD
        + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        + HEAD
        + "Content-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n\n--b--\n",
    )
    odd(
        "the same without a line between the ends",
        HEAD
        + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        + HEAD
        + "Content-Type: multipart/mixed; boundary=c\n\n--c\n\none\n--c--\n--b--\n",
        BODYSTRUCTURE=NO_BLANK,
        BODY=NO_BLANK,
    )
    odd("messages in messages", HEAD + "Content-Type: message/rfc822\n\nSubject: 1\n" * 3 + "\nx\n")
    odd("a hundred and fifty messages in messages", "Content-Type: message/rfc822\n\n" * 150 + "x\n")
    odd("a message with nothing in it", HEAD + "Content-Type: message/rfc822\n\n")
    odd("a message type in a header without an end", HEAD + "Content-Type: message/rfc822")
    odd(
        "a message in base64",
        HEAD
        + "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(b"Subject: x\r\n\r\ny\r\n").decode()
        + "\n",
    )
    odd(
        "a partial message",
        HEAD + 'Content-Type: message/partial; id="x"; number=1; total=2\n\nSubject: x\n\ny\n',
    )
    odd(
        "an external body",
        HEAD
        + "Content-Type: message/external-body; access-type=local-file; name=x\n\nContent-Type: image/gif\n\n",
    )


def japanese() -> None:
    def mail(subject: str, charset: str, codec: str, body: str, encoding: str = "7bit") -> bytes:
        head = f"From: {word('山田太郎', codec, charset)} <taro@example.jp>\n"
        head += f"To: hanako@example.jp\nSubject: {subject}\nDate: Mon, 1 Jan 2024 12:00:00 +0900\n"
        head += f"MIME-Version: 1.0\nContent-Type: text/plain; charset={charset}\n"
        octets = body.encode(codec)
        if encoding == "base64":
            octets = base64.encodebytes(octets)
        return head.encode("utf-8") + f"Content-Transfer-Encoding: {encoding}\n\n".encode() + octets

    text = "お世話になっております。\n会議の資料をお送りします。\n"
    odd("ISO-2022-JP", mail(word("会議の件", "iso2022_jp", "ISO-2022-JP"), "ISO-2022-JP", "iso2022_jp", text))
    odd("Shift_JIS", mail(word("会議の件", "cp932", "Shift_JIS"), "Shift_JIS", "cp932", text, "8bit"))
    odd("EUC-JP", mail(word("会議の件", "euc_jp", "EUC-JP"), "EUC-JP", "euc_jp", text, "8bit"))
    odd("UTF-8 in base64", mail(word("会議の件", "utf-8", "UTF-8"), "UTF-8", "utf-8", text, "base64"))
    odd(
        "a subject of many ISO-2022-JP words",
        mail(
            "\n ".join(word("請求書について", "iso2022_jp", "ISO-2022-JP") for _ in range(8)),
            "iso-2022-jp",
            "iso2022_jp",
            text,
        ),
    )
    odd("raw UTF-8 declared as ISO-2022-JP", mail("会議の件", "ISO-2022-JP", "utf-8", text, "8bit"))
    odd(
        "an attachment with a Japanese name, both ways",
        HEAD
        + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=iso-2022-jp\n\n"
        'text\n--b\nContent-Type: application/pdf;\n name="'
        + word("請求書.pdf", "iso2022_jp", "ISO-2022-JP")
        + '"\n'
        "Content-Disposition: attachment;\n filename*=ISO-2022-JP''%1B%24B%40A5a%3Dq%1B%28B%2Epdf\n"
        "Content-Transfer-Encoding: base64\n\nJVBERg==\n--b--\n",
    )


def write() -> None:
    for part in (headers, addresses, content, multiparts, messages, japanese):
        part()
    for old in (*HERE.glob("[0-9]*.eml"), *HERE.glob("[0-9]*.imap")):
        old.unlink()
    for number, one in enumerate(MESSAGES, 1):
        (HERE / f"{number:03d}.eml").write_bytes(one.message)
        summary = summarise(one.message)
        lines = [f"# {one.what}\n".encode()]
        lines += [f"differs: {item}: {why}\n".encode() for item, why in sorted(one.differs.items())]
        lines += [
            b"ENVELOPE " + summary.envelope + b"\n",
            b"BODYSTRUCTURE " + summary.bodystructure + b"\n",
            b"BODY " + summary.body + b"\n",
        ]
        (HERE / f"{number:03d}.imap").write_bytes(b"".join(lines))
    (HERE / "made.txt").write_text("".join(f"{digest(one)} {one.what!r}\n" for one in made()))


if __name__ == "__main__":
    write()
