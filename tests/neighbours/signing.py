"""Domains that sign, and what they publish: signed.test is ours, author.test sends through Postfix.

The keys are made anew for each stage, before its zones are signed. `resolver` gives dkimpy what NSD serves.
"""

import base64
import time
from collections.abc import Callable

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from filters.sender_auth import sign
from filters.sender_auth.body import Wanted, hashes
from storage.mime.header import end_of_header
from tests.neighbours.names import Names
from tests.neighbours.stage import NETWORK

OURS, OURS_HOST = "signed.test", 11
AUTHOR, AUTHOR_HOST = "author.test", 13


class Signing:
    def __init__(self) -> None:
        self._ours = {"r1": rsa.generate_private_key(65537, 2048), "e1": Ed25519PrivateKey.generate()}
        self._author = rsa.generate_private_key(65537, 2048)

    @property
    def keys(self) -> dict[str, bytes]:
        """The files of signed.test, by selector."""
        return {
            selector: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            for selector, key in self._ours.items()
        }

    @property
    def records(self) -> str:
        """Those of test."""
        rsa_key, ed25519_key = self._ours["r1"], self._ours["e1"]
        assert isinstance(rsa_key, rsa.RSAPrivateKey) and isinstance(ed25519_key, Ed25519PrivateKey)
        octets = base64.b64encode(ed25519_key.public_key().public_bytes_raw()).decode()
        return f"""\
signed MX 10 mail.alpha
signed TXT "v=spf1 ip4:{NETWORK}.{OURS_HOST} -all"
_dmarc.signed TXT "v=DMARC1; p=reject; adkim=s"
r1._domainkey.signed TXT {_rsa(rsa_key)}
e1._domainkey.signed TXT "v=DKIM1; k=ed25519; p={octets}"
author MX 10 mail.post
author TXT "v=spf1 ip4:{NETWORK}.{AUTHOR_HOST} -all"
_dmarc.author TXT "v=DMARC1; p=reject; rua=mailto:taro@post.test"
author.test._report._dmarc.post TXT "v=DMARC1"
r1._domainkey.author TXT {_rsa(self._author)}
"""

    def signed(self, message: bytes) -> bytes:
        """A message as author.test sends it."""
        cut = end_of_header(message)
        signer = sign.Signer(AUTHOR, "r1", self._author)
        digest = hashes([message[cut:]], [Wanted(True)])[Wanted(True)][0]
        return sign.dkim_signature(signer, sign.canonical(message[:cut]), digest, time.time()) + message


def _rsa(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))


def resolver(names: Names) -> Callable[..., bytes | None]:
    """For dkimpy: TXT of a name, asked of the validator."""

    def ask(name: bytes, timeout: float = 20) -> bytes | None:
        for rrset in names.ask(name.decode(), "TXT", max(timeout, 20)).answer:
            for record in rrset:
                if strings := getattr(record, "strings", None):
                    return b"".join(strings)
        return None

    return ask


def verified(message: bytes, names: Names, domain: str) -> int:
    """How many RSA signatures of a domain dkimpy finds right; it knows no Ed25519 without another library."""
    dns = resolver(names)
    checker = dkim.DKIM(message)
    right = 0
    fields = [value for name, value in checker.headers if name.lower() == b"dkim-signature"]
    for index, field in enumerate(fields):
        if b"a=rsa-sha256" in field and f"d={domain};".encode() in field:
            right += checker.verify(index, dnsfunc=dns)
    return right
