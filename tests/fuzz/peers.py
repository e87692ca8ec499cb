"""What others say of themselves when mail goes out and comes in: servers, proxies, records in DNS, signatures.

Targets of `targets.py`, which says how they are run.
"""

import ipaddress

from filters.sender_auth import dmarc, signatures
from filters.sender_auth.author import author_domains
from net import proxy, scram
from net.step import Challenge, Failed
from smtp import xclient
from smtp.relay import mta_sts
from smtp.relay.reply import WORDS, BadReply, Replies, Reply
from smtp.replies import Malformed


def relay_reply(data: bytes) -> None:
    """Cut anywhere the replies are the same; what reaches a log or a person is printable, in one line, short."""
    text, step = data[1:], data[0] % 17 + 1 if data else 1
    found, why = _replies([text])
    assert _replies([text[at : at + step] for at in range(0, len(text), step)]) == (found, why)
    for reply in found:
        for shown in (str(reply), reply.words, reply.status().text):
            assert len(shown) <= WORDS + 40 and shown.isprintable()
        assert 200 <= reply.code < 600 and reply.status().code[0] in "245"


def _replies(pieces: list[bytes]) -> tuple[list[Reply], str]:
    replies, found = Replies(), []
    try:
        for piece in pieces:
            replies.feed(piece)
            while (reply := replies.next()) is not None:
                found.append(reply)
    except BadReply as error:
        assert str(error).isprintable()
        return found, "bad"
    return found, "more" if replies.waiting else "all"


def proxy_header(data: bytes) -> None:
    """A header is known as soon as it is whole, and no sooner; it names addresses."""
    try:
        whole = proxy.parse(data)
    except proxy.NotProxy:
        return
    if whole is None:
        return
    assert 0 < whole.length <= len(data)
    assert proxy.parse(data[: whole.length]) == whole
    assert proxy.parse(data[: whole.length - 1]) is None
    for place in (whole.client, whole.called):
        if place is not None:
            ipaddress.ip_address(place[0])
            assert 0 <= place[1] <= 65535


def xclient_command(data: bytes) -> None:
    try:
        given = xclient.parse(data)
    except Malformed:
        return
    assert given.keys() <= set(xclient.ATTRIBUTES)
    assert all(value.isprintable() and len(value) <= xclient.LONGEST for value in given.values())


class _Key:
    iterations, salt, stored_key, server_key = 4096, b"salt", b"s" * 32, b"v" * 32


def scram_exchange(data: bytes) -> None:
    """Nobody gets in with what he made up, and the server says nothing that breaks a line."""
    first, _, last = data.partition(b"\n")
    exchange = scram.Scram("nonce")
    step = exchange.start(first)
    if isinstance(step, scram.KeyWanted):
        assert step.login
        answer = exchange.keyed(_Key())
        assert answer.data.isascii() and b"\n" not in answer.data and b"\r" not in answer.data
        for said in (last, last.replace(b"NONCE", answer.data.partition(b",")[0])):
            step = exchange.feed(said)
            assert isinstance(step, Failed) or (isinstance(step, scram.Proof) and not step.right)
    assert isinstance(step, Challenge | Failed | scram.Proof)


def sts_policy(data: bytes) -> None:
    try:
        policy = mta_sts.parse(data.decode("utf-8", "replace"))
    except mta_sts.BadPolicy:
        return
    assert policy.mode in ("enforce", "testing", "none") and 0 <= policy.max_age <= mta_sts.MOST_AGE
    assert policy.mx or policy.mode == "none"
    assert not policy.names("") or "" in policy.mx
    mta_sts.record_id([data.decode("utf-8", "replace")])


def dmarc_record(data: bytes) -> None:
    record = dmarc.parse("example.com", data.decode("utf-8", "replace"))
    if record is not None:
        policies = ("none", "quarantine", "reject")
        assert {record.policy, record.subdomain_policy, record.missing_policy} <= set(policies)


def signed_header(data: bytes) -> None:
    """Signatures and authors of a header block: found, bounded, without an exception."""
    signed = signatures.find(data)
    assert len(signed.signatures) <= signatures.MOST_SIGNATURES
    assert len(signed.seals) <= 2 * signatures.MOST_SETS
    for signature in signed.signatures:
        assert signature.fault or (signature.domain and signature.key_name)
    for domain in author_domains(data):
        assert "\n" not in domain and "\r" not in domain


TARGETS = {
    "relay_reply": (
        relay_reply,
        (
            b"\x01250-mx\r\n250-SIZE 10\r\n250 OK\r\n",
            b"\x05550 5.1.1 nobody\r\n421",
            b"\x02220\n",
            b"\x00250-a\r\n251 b\r\n",
        ),
    ),
    "proxy_header": (
        proxy_header,
        (
            b"PROXY TCP4 192.0.2.1 198.51.100.1 50000 25\r\nEHLO",
            b"PROXY UNKNOWN\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x01\x02\0\x19",
        ),
    ),
    "xclient": (
        xclient_command,
        (b"NAME=a.example ADDR=192.0.2.1 PORT=5", b"LOGIN=+5BUNAVAILABLE+5D", b"HELO=a+2Bb"),
    ),
    "scram": (
        scram_exchange,
        (
            b"n,,n=taro,r=abc\nc=biws,NONCE,p=AAAA",
            b"y,a=x,n=a=2Cb,r=!\nc=eSxhPXgs,r=!nonce,p=" + b"A" * 44,
            b"p=x,,",
        ),
    ),
    "sts_policy": (
        sts_policy,
        (b"version: STSv1\r\nmode: enforce\r\nmx: *.a.example\r\nmax_age: 86400\r\n", b"mode:none"),
    ),
    "dmarc_record": (
        dmarc_record,
        (b"v=DMARC1; p=reject; sp=none; rua=mailto:a@b.example!10m", b"v = DMARC1;rua=x"),
    ),
    "signed_header": (
        signed_header,
        (
            b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s; h=from; bh=AA==; b=AA==; l=5\r\n\r\n",
            b"ARC-Seal: i=1; a=rsa-sha256; d=a.example; s=s; cv=none; b=AA==\r\n\r\n",
            b"ARC-Message-Signature: i=999; d=; s=\r\n\r\n",
            b'From: "a@b.example" <c@d.example>, <e@f\r\n .example>\r\n\r\n',
        ),
    ),
}
