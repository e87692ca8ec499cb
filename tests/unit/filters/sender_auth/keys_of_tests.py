"""Keys that the tests of signatures sign with, and the records that publish them."""

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from filters.sender_auth.sign import Signer

DOMAIN = "example.com"


@cache
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ed25519_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def rsa_record(bits: int = 2048) -> bytes:
    public = rsa_key(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def ed25519_record() -> bytes:
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(ed25519_key().public_key().public_bytes_raw())


RSA = Signer(DOMAIN, "r1", rsa_key(2048))
ED25519 = Signer(DOMAIN, "e1", ed25519_key())
