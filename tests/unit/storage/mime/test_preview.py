"""What is shown of a message to who decides about it."""

import base64

from storage.message import Message
from storage.mime.preview import LETTERS, MOST, preview


def message(text: str) -> Message:
    return Message.of(text.replace("\n", "\r\n").encode())


def test_a_japanese_message_with_an_attachment() -> None:
    body = base64.b64encode("来週の会議\r\n\r\n\r\n\r\n場所は未定".encode("iso-2022-jp")).decode()
    found = preview(
        message(
            f"""Received: from x
From: =?utf-8?B?{base64.b64encode("山田太郎".encode()).decode()}?= <taro@example.test>
To: list@example.test
Subject: =?iso-2022-jp?B?{base64.b64encode("会議".encode("iso-2022-jp")).decode()}?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-2022-jp
Content-Transfer-Encoding: base64

{body}
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''%E8%B3%87%E6%96%99.pdf

x
--b
Content-Type: image/png

x
--b--
"""
        )
    )
    assert found.fields == (
        ("From", "山田太郎 <taro@example.test>"),
        ("To", "list@example.test"),
        ("Subject", "会議"),
    )
    assert found.text == "来週の会議\n\n場所は未定"
    assert found.attachments == ("資料.pdf", "image/png")
    assert not found.more


def test_html_is_shown_as_a_reader_sees_it_and_plain_text_comes_first() -> None:
    html = "Content-Type: text/html\n\n<style>p{}</style><p>Hello&nbsp;&lt;b&gt;</p><script>alert(1)</script>"
    alone = preview(message(f"MIME-Version: 1.0\n{html}"))
    assert " ".join(alone.text.split()) == "Hello <b>"
    head = "MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n"
    both = preview(message(f"{head}--b\n\nplain\n--b\n{html}\n--b--\n"))
    assert both.text == "plain"
    assert both.attachments == ()


def test_a_long_message_is_cut_and_says_so() -> None:
    long = preview(Message.of(b"Subject: x\r\n\r\n" + b"word " * 200_000))
    assert long.more
    assert len(long.text) == LETTERS
    assert preview(Message.of(b"Subject: x\r\n\r\n" + b" \r\n" * MOST)).more
    assert not preview(Message.of(b"")).more
