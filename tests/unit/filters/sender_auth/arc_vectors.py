"""Chains of ARC and what is to be found of them: the steps of RFC 8617 §5.2 one by one, each broken in turn.

The suite that others share (ValiMail's) is in no package; its kinds of case are here, made with our own sealing.
Each vector is also shown to another implementation (tests/engines/test_arc_elsewhere.py).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from filters.sender_auth import sign
from tests.unit.filters.sender_auth.keys_of_tests import RSA
from tests.unit.filters.sender_auth.test_signatures import BODY, HEAD, NOW, RECORDS, chain_of, digest

KEYS = {**RECORDS, "revoked._domainkey.example.com": b"v=DKIM1; p="}

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Vector:
    """A message, and the result of its chain."""

    name: str
    head: bytes
    result: str
    body: bytes = BODY
    alone: bool = False  # Mail::DKIM takes minutes over it

    @property
    def message(self) -> bytes:
        return self.head + self.body


def _field(name: str, instance: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?im)^%b:[ \t]*i=%d;(?:[^\n]*\n[ \t])*[^\n]*\n" % (name.encode(), instance))


def _without(name: str, instance: int) -> Change:
    return lambda head: _field(name, instance).sub(b"", head)


def _twice(name: str, instance: int) -> Change:
    return lambda head: _field(name, instance).sub(lambda match: match[0] * 2, head)


def _in(name: str, instance: int, old: bytes, new: bytes) -> Change:
    return lambda head: _field(name, instance).sub(lambda match: match[0].replace(old, new, 1), head)


def _spoilt(name: str, instance: int, tag: bytes = b"b") -> Change:
    """Another letter at the start of a tag's value."""
    wrong = re.compile(rb"([;\s]%b=)(.)" % tag)

    def change(head: bytes) -> bytes:
        def other(match: re.Match[bytes]) -> bytes:
            return match[1] + (b"A" if match[2] != b"A" else b"B")

        return _field(name, instance).sub(lambda match: wrong.sub(other, match[0], count=1), head)

    return change


def _sealed(validation: str, instance: int, head: bytes = HEAD, signer: sign.Signer = RSA) -> bytes:
    """One more set on top, whatever stands below."""
    sets = sign.arc_set(
        signer, sign.canonical(head), digest(), "mx.example.com; spf=pass", validation, instance, NOW
    )
    return b"".join(sets) + head


AS, AMS, AAR = "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"
ONE, TWO, THREE = chain_of(1), chain_of(2), chain_of(3)

# What leaves a chain whole: relaxed canonicalisation, and what no seal speaks of.
WHOLE: dict[str, tuple[bytes, Change]] = {
    "one set": (ONE, lambda head: head),
    "three sets": (THREE, lambda head: head),
    "a trace field on top": (TWO, lambda head: b"Received: from a by b; now\r\n" + head),
    "names of fields in other cases": (TWO, lambda head: head.replace(b"ARC-Seal:", b"arc-SEAL:")),
    "blanks in a field": (TWO, lambda head: head.replace(b"Subject:  ", b"Subject:\t\t ")),
    "a seal folded elsewhere": (ONE, lambda head: head.replace(b" cv=none;", b"\r\n\t  cv=none;")),
    "sets in another order": (
        TWO,
        lambda head: (
            b"".join(_field(name, 1).search(head)[0] for name in (AAR, AS, AMS))  # type: ignore[index]
            + _without(AS, 1)(_without(AMS, 1)(_without(AAR, 1)(head)))
        ),
    ),
    "an older message signature that no more fits": (
        _sealed("pass", 2, b"Subject: [list] new\r\n" + ONE.replace(b"Subject:", b"X-Old:", 1)),
        lambda head: head,
    ),
}

# What breaks it, by the steps of §5.2: structure, cv, newest message signature, every seal.
BROKEN: dict[str, tuple[bytes, Change]] = {
    **{
        f"{name} {number} is missing": (TWO, _without(name, number))
        for name in (AS, AMS, AAR)
        for number in (1, 2)
    },
    **{f"{name} {number} twice": (TWO, _twice(name, number)) for name in (AS, AMS, AAR) for number in (1, 2)},
    "a set in the middle is missing": (
        THREE,
        lambda head: _without(AS, 2)(_without(AMS, 2)(_without(AAR, 2)(head))),
    ),
    "the first set is missing": (TWO, lambda head: _without(AS, 1)(_without(AMS, 1)(_without(AAR, 1)(head)))),
    "i=0": (ONE, lambda head: head.replace(b" i=1;", b" i=0;")),
    "no i=": (ONE, _in(AS, 1, b" i=1;", b"")),
    "an empty i=": (ONE, _in(AS, 1, b"i=1;", b"i=;")),
    "a word for i=": (ONE, lambda head: head.replace(b" i=1;", b" i=one;")),
    "cv=pass in the first": (ONE, _in(AS, 1, b"cv=none", b"cv=pass")),
    "cv=pass in the first, sealed": (_sealed("pass", 1), lambda head: head),
    "cv=none in the second, sealed": (_sealed("none", 2, ONE), lambda head: head),
    "cv=fail in the newest": (_sealed("fail", 2, ONE), lambda head: head),
    "cv= is unknown": (_sealed("maybe", 2, ONE), lambda head: head),
    "no cv=": (ONE, _in(AS, 1, b" cv=none;", b"")),
    "h= in a seal": (ONE, _in(AS, 1, b" cv=none;", b" cv=none; h=from;")),
    **{
        f"b= of {name} {number} is another": (THREE, _spoilt(name, number))
        for name, number in ((AS, 1), (AS, 2), (AS, 3), (AMS, 3), (AMS, 1))  # a seal covers all below it
    },
    "bh= is another": (TWO, _spoilt(AMS, 2, b"bh")),
    "results of the first are others": (TWO, _in(AAR, 1, b"spf=pass", b"spf=fail")),
    "results of the newest are others": (TWO, _in(AAR, 2, b"spf=pass", b"spf=fail")),
    "another subject": (TWO, lambda head: head.replace(b"and more", b"and less")),
    "another author": (TWO, lambda head: head.replace(b"taro@", b"jiro@")),
    "another domain in a seal": (TWO, _in(AS, 2, b"d=example.com", b"d=example.net")),
    "another selector in a seal": (TWO, _in(AS, 2, b"s=r1", b"s=r2")),
    "no d= in a seal": (TWO, _in(AS, 2, b"d=example.com;", b"")),
    "no b= in a seal": (
        TWO,
        lambda head: re.sub(rb"(ARC-Seal: i=2;(?:[^\n]*\n)\t[^\n]*\n)\tb=", rb"\1\tx=", head),
    ),
    "an algorithm that is unknown": (TWO, _in(AS, 2, b"rsa-sha256", b"rsa-sha512")),
    "a canonicalisation that is unknown": (TWO, _in(AMS, 2, b"relaxed/relaxed", b"wide/open")),
}


def vectors() -> list[Vector]:
    """All of them. A change that changes nothing is a mistake of ours."""
    found = [Vector("no set", HEAD, "none")]
    for result, cases in (("pass", WHOLE), ("fail", BROKEN)):
        for name, (head, change) in cases.items():
            changed = change(head)
            found.append(Vector(name, changed, result))
            assert changed != head or change(b"x") == b"x", name
    found += [
        Vector("another body", TWO, "fail", BODY + b"more\r\n"),
        Vector("empty lines at the end", TWO, "pass", BODY + b"\r\n\r\n"),
        Vector("blanks in the body", TWO, "pass", BODY.replace(b"Hello,  world ", b"Hello, world")),
        Vector("fifty sets", chain_of(50), "pass", alone=True),
        Vector("fifty-one sets", chain_of(51), "fail", alone=True),  # RFC 8617 §4.2.1
        Vector("a key that is nowhere", _sealed("none", 1, signer=replace(RSA, selector="gone")), "fail"),
        Vector(
            "a key that was taken back", _sealed("none", 1, signer=replace(RSA, selector="revoked")), "fail"
        ),
    ]
    return found
