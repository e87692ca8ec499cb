"""Public keys of DKIM and ARC as they stand in DNS (RFC 6376 §3.6.1, RFC 8463 §4.2), and what they verify.

Keys that are no use any more or that cost too much are refused here, so that whoever has a `Key` may use it:
RSA from 1024 to 4096 bits (RFC 8301 §3.2), SHA-256 only (RFC 8301 §3.1).
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from dkim.util import InvalidTagValueList, parse_tag_value

RSA_LEAST, RSA_MOST = 1024, 4096  # bits
RECORD_MOST = 8192  # octets of a key record
REMEMBERED = 500  # keys: most mail comes from few domains


class KeyRefused(Exception):
    """The record holds no key that may be used; the text is for the comment of a result."""


@dataclass(frozen=True, slots=True)
class Key:
    """A usable public key."""

    public: RSAPublicKey | Ed25519PublicKey
    testing: bool  # t=y: the domain is trying DKIM out (RFC 6376 §3.6.1)
    exact: bool  # t=s: i= must be the domain itself, not one below it

    def verifies(self, algorithm: bytes, digest: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's over the SHA-256 `digest`."""
        try:
            if isinstance(self.public, RSAPublicKey):
                if algorithm != b"rsa-sha256":
                    return False
                self.public.verify(signature, digest, padding.PKCS1v15(), Prehashed(SHA256()))
            else:
                if algorithm != b"ed25519-sha256":
                    return False
                self.public.verify(signature, digest)  # RFC 8463 §3: the digest is what is signed
        except InvalidSignature:
            return False
        return True


def read(records: Sequence[bytes]) -> Key:
    """The key of a selector's TXT records. Raises KeyRefused."""
    if not records:
        raise KeyRefused("no key for signature")
    if len(records) > 1:  # RFC 6376 §3.6.2.2: undefined; which one is meant nobody can say
        raise KeyRefused("several key records")
    (record,) = records
    if len(record) > RECORD_MOST:
        raise KeyRefused("key record too long")
    return _read(record)


@lru_cache(maxsize=REMEMBERED)
def _read(record: bytes) -> Key:
    try:
        tags = parse_tag_value(record)
    except InvalidTagValueList:
        raise KeyRefused("key record is no tag list") from None
    _check(tags)
    flags = [flag.strip() for flag in tags.get(b"t", b"").split(b":")]
    return Key(_public(tags), b"y" in flags, b"s" in flags)


def _check(tags: dict[bytes, bytes]) -> None:
    if tags.get(b"v", b"DKIM1") != b"DKIM1":
        raise KeyRefused("key record of an unknown version")
    if b"h" in tags and b"sha256" not in [each.strip() for each in tags[b"h"].split(b":")]:
        raise KeyRefused("key not for SHA-256")
    if b"s" in tags and not {b"*", b"email"} & {each.strip() for each in tags[b"s"].split(b":")}:
        raise KeyRefused("key not for e-mail")
    if not tags.get(b"p"):
        raise KeyRefused("key revoked" if b"p" in tags else "key record without a key")


def _public(tags: dict[bytes, bytes]) -> RSAPublicKey | Ed25519PublicKey:
    try:
        data = base64.b64decode(b"".join(tags[b"p"].split()), validate=True)
        if tags.get(b"k", b"rsa") == b"ed25519":
            return Ed25519PublicKey.from_public_bytes(data)
        if tags.get(b"k", b"rsa") != b"rsa":
            raise KeyRefused("key of an unknown kind")
        key = load_der_public_key(data)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise KeyRefused("key unreadable") from None
    if not isinstance(key, RSAPublicKey):
        raise KeyRefused("key of another kind than it says")
    if not RSA_LEAST <= key.key_size <= RSA_MOST:
        raise KeyRefused(f"key of {key.key_size} bits")
    return key
