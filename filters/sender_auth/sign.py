"""DKIM signatures and ARC sets, made (RFC 6376 §5, RFC 8463, RFC 8617 §5.1). Pure: octets and a key in, fields out.

Relaxed canonicalisation of header and body, SHA-256. Fields that may stand once are signed once more than they
stand there, so that nobody can put a second one in front of them (RFC 6376 §8.15).
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from dkim.canonicalization import Relaxed

from storage.mime.header import values

LINE = 72  # octets of a line of base64

_BROKEN = re.compile(rb"(?:^|;)\s*cv\s*=\s*fail\s*(?:;|$)")
_ONCE = (b"from", b"subject", b"date", b"message-id", b"to", b"cc", b"mime-version", b"content-type")
_ALSO = (
    b"sender",
    b"reply-to",
    b"content-transfer-encoding",
    b"in-reply-to",
    b"references",
    b"list-id",
    b"list-post",
    b"list-help",
    b"list-owner",
    b"list-archive",
    b"list-subscribe",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
    b"auto-submitted",
    b"resent-from",
    b"resent-to",
    b"resent-date",
    b"resent-message-id",
)


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and where its public half is published: `selector._domainkey.domain`."""

    domain: str
    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).digest()
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(digest, padding.PKCS1v15(), Prehashed(SHA256()))
        return self.key.sign(digest)  # RFC 8463 §3


Fields = list[tuple[bytes, bytes]]  # canonical: name in lower case, value with its CRLF


def canonical(head: bytes) -> Fields:
    """The fields of a header block in relaxed form (RFC 6376 §3.4.2)."""
    return [(name, value) for name, value in Relaxed.canonicalize_headers(values(head))]


def dkim_signature(signer: Signer, fields: Fields, body_hash: bytes, now: float) -> bytes:
    """A DKIM-Signature field with its CRLF, for the header block `fields` and the hash of the relaxed body."""
    names = _names(fields)
    start = (
        f" v=1; a={signer.algorithm}; c=relaxed/relaxed; d={signer.domain};\r\n\ts={signer.selector};"
        f" t={int(now)};\r\n\th={_folded(names)};\r\n\tbh={_base64(body_hash)};\r\n\tb="
    )
    return _signed(signer, "DKIM-Signature", start, _select(fields, names))


def arc_set(
    signer: Signer, fields: Fields, body_hash: bytes, results: str, validation: str, instance: int, now: float
) -> tuple[bytes, bytes, bytes]:
    """One ARC set, in the order in which it is put in front: seal, message signature, results (RFC 8617 §5.1).

    `validation` is what was found of the chain so far (none, pass, fail), `results` those of our own
    Authentication-Results, from our name on.
    """
    authentication = f"ARC-Authentication-Results: i={instance}; {results}\r\n".encode()
    names = [name for name in _names(fields, once_more=()) if not name.startswith(b"arc-")]
    names += [name for name, _ in fields if name == b"dkim-signature"]
    start = (
        f" i={instance}; a={signer.algorithm}; c=relaxed/relaxed;\r\n\td={signer.domain}; s={signer.selector};"
        f" t={int(now)};\r\n\th={_folded(names)};\r\n\tbh={_base64(body_hash)};\r\n\tb="
    )
    message = _signed(signer, "ARC-Message-Signature", start, _select(fields, names))
    start = (
        f" i={instance}; a={signer.algorithm}; t={int(now)}; cv={validation};\r\n\td={signer.domain};"
        f" s={signer.selector};\r\n\tb="
    )
    sealed = [*_sets(fields, instance, validation), *canonical(authentication + message + b"\r\n")]
    return _signed(signer, "ARC-Seal", start, sealed), message, authentication


def _sets(fields: Fields, instance: int, validation: str) -> Fields:
    """The ARC fields below ours in the order of RFC 8617 §5.1.1; after a failure ours stands alone (§5.1.2)."""
    if validation == "fail":
        return []
    found: Fields = []
    for number in range(1, instance):
        for name in (b"arc-authentication-results", b"arc-message-signature", b"arc-seal"):
            found += [field for field in fields if field[0] == name and instance_of(field[1]) == number]
    return found


def instance_of(value: bytes) -> int:
    """The i= of an ARC field; 0 where there is none."""
    for tag in value.split(b";"):
        name, found, number = tag.partition(b"=")
        if found and name.strip() == b"i":
            number = number.strip()
            return int(number) if number.isdigit() and len(number) < 4 else 0
    return 0


def ended(fields: Fields, instance: int) -> bool:
    """Whether the newest set has said that the chain is broken: then no other is added (RFC 8617 §5.1)."""
    seals = [value for name, value in fields if name == b"arc-seal" and instance_of(value) == instance]
    return any(_BROKEN.search(value) for value in seals)


def _signed(signer: Signer, name: str, start: str, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    own = canonical(f"{name}:{start}\r\n\r\n".encode())
    data = b"".join([b"%b:%b" % field for field in fields]) + b"%b:%b" % (
        own[0][0],
        own[0][1].rstrip(b"\r\n"),
    )
    return f"{name}:{start}{_base64(signer.sign(data))}\r\n".encode()


def _names(fields: Fields, once_more: Sequence[bytes] = _ONCE) -> list[bytes]:
    """What is signed: each field of interest that is there, those that may stand once one time more."""
    present = [name for name, _ in fields]
    names = []
    for name in (*_ONCE, *_ALSO):
        names += [name] * (present.count(name) + (name in once_more))
    return names


def _select(fields: Fields, names: Sequence[bytes]) -> Fields:
    """The fields for the names of h=, from the bottom upwards (RFC 6376 §5.4.2)."""
    left: dict[bytes, Fields] = {}
    for field in fields:
        left.setdefault(field[0], []).append(field)
    return [left[name].pop() for name in names if left.get(name)]


def _folded(names: Sequence[bytes]) -> str:
    lines = [""]
    for name in names:
        text = name.decode()
        if len(lines[-1]) + len(text) > LINE:
            lines.append("")
        lines[-1] += f"{text}:"
    return "\r\n\t ".join(lines).rstrip(":")


def _base64(data: bytes) -> str:
    text = base64.b64encode(data).decode()
    return "\r\n\t ".join(text[at : at + LINE] for at in range(0, len(text), LINE))
