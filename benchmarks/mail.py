"""Messages as they arrive from the world: a full header, text, dot-free lines; each with an ID of its own."""

import base64
import os

_HEAD = """\
Received: from out{n}.elsewhere.test (out{n}.elsewhere.test [192.0.2.{o}])
\tby relay.elsewhere.test (Postfix) with ESMTPS id 4WxY{n:06}
\tfor <someone@example.test>; Mon, 05 Oct 2026 10:{m:02}:{s:02} +0900 (JST)
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=elsewhere.test; s=2026;
\th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
\tb=ZmFrZSBzaWduYXR1cmUgb2Ygb25lIGh1bmRyZWQgb2N0ZXRzIG9yIHNvLCB3aGljaCBpcyBub3QgY2hlY2tlZA==
From: =?UTF-8?B?5bGx55Sw5aSq6YOO?= <taro{n}@elsewhere.test>
To: "Hanako Sato" <hanako@example.test>, Jiro <jiro@example.test>
Cc: team@example.test
Subject: =?UTF-8?B?6KaL56mN5pu444Gu5Lu2?= {n}
Date: Mon, 05 Oct 2026 10:{m:02}:{s:02} +0900
Message-ID: <{n}.{m}.{s}@elsewhere.test>
In-Reply-To: <{n}.1@example.test>
References: <{n}.0@example.test> <{n}.1@example.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

"""

_LINE = "The quick brown fox jumps over the lazy dog, and nobody minds at all.\r\n"


def message(number: int, size: int = 4096) -> bytes:
    """About `size` octets."""
    fields = {"n": number, "o": number % 250 + 1, "m": number // 60 % 60, "s": number % 60}
    head = _HEAD.format(**fields).replace("\n", "\r\n")
    return (head + _LINE * max(1, (size - len(head)) // len(_LINE))).encode()


def submitted(number: int, sender: str, size: int = 4096) -> bytes:
    """The same as its author hands it in: from an address of his own, not on its way yet."""
    author_and_rest = message(number, size).partition(b"From: ")[2]
    whole = b"From: " + sender.encode() + b"\r\n" + author_and_rest.partition(b"\r\n")[2]
    return whole + _LINE.encode() * ((size - len(whole)) // len(_LINE))


def large(size: int) -> bytes:
    """A message with one attachment in base64, as real large ones are; `size` octets on the wire."""
    head = message(0, 0).partition(b"Content-Type:")[0]
    boundary = b"----=_Part_bench"
    line = base64.b64encode(os.urandom(57)) + b"\r\n"
    return (
        head
        + b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n--%b\r\n' % (boundary, boundary)
        + b"Content-Type: text/plain\r\n\r\nSee attached.\r\n--%b\r\n" % boundary
        + b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + line * (size // len(line))
        + b"--%b--\r\n" % boundary
    )
