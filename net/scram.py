"""SASL SCRAM-SHA-256 (RFC 5802 with the hash of RFC 7677) as a server hears it: nobody sends a password.

Messages in, messages out, without I/O and without base64 around them. Who the client says it is comes out as
`KeyWanted`; whoever keeps the accounts answers with a key, and for a name that is nobody's with one that fits
nothing, so that the exchange looks the same. The end is a `Proof`, right or not; a right one's `final` message lets
the client see that the server knows the key too.

Channel binding (`-PLUS`) is to the server's certificate, `tls-server-end-point` (RFC 5929 §4.1): Python's TLS gives
no `tls-exporter` value (RFC 9266). Where it is offered, a client that says "I could, but you can't" was lied to
by somebody between, and is refused (RFC 5802 §6).
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from net.step import Challenge, Failed

NONCE_OCTETS = 18
MOST = 1024  # octets of one message

_PRINTABLE = re.compile(r"[!-+\--~]+")  # RFC 5802 §7: a nonce has no comma
_SASLNAME = re.compile(r"(?:[^\0=,]|=2C|=3D)+")  # RFC 5802 §7
_EXTENSION = re.compile(r"[A-Za-z]=[^\0,]+")


class Key(Protocol):
    """What is kept of a password (RFC 5803 §2)."""

    @property
    def iterations(self) -> int: ...
    @property
    def salt(self) -> bytes: ...
    @property
    def stored_key(self) -> bytes: ...
    @property
    def server_key(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class KeyWanted:
    """The client has said who it is; `Scram.keyed` goes on with that account's key."""

    login: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What the client has proved: that it knows the password of `key`, or not."""

    login: str
    authzid: str
    key: Key = field(repr=False)
    right: bool
    final: bytes = field(repr=False)  # told to a client whose proof is accepted


class Scram:
    """One exchange of SCRAM-SHA-256. `binding`: what `-PLUS` binds to; `plus`: it is that mechanism."""

    def __init__(self, nonce: str | None = None, binding: bytes = b"", plus: bool = False) -> None:
        self._binding = binding
        self._plus = plus
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(NONCE_OCTETS)).decode()
        self._login = self._authzid = self._header = self._first = self._server_first = ""
        self._key: Key | None = None

    def start(self, initial: bytes | None) -> Challenge | KeyWanted | Proof | Failed:
        return Challenge(b"") if initial is None else self.feed(initial)

    def feed(self, response: bytes) -> Challenge | KeyWanted | Proof | Failed:
        try:
            text = response.decode("utf-8")
        except UnicodeDecodeError:
            return Failed("SCRAM is spoken in UTF-8")
        if len(response) > MOST:
            return Failed("the message is too long")
        return self._client_first(text) if self._key is None else self._client_final(text, self._key)

    def keyed(self, key: Key) -> Challenge:
        """The server's first message (RFC 5802 §5)."""
        self._key = key
        salt = base64.b64encode(key.salt).decode()
        self._server_first = f"r={self._nonce},s={salt},i={key.iterations}"
        return Challenge(self._server_first.encode())

    def _client_first(self, text: str) -> KeyWanted | Failed:
        """`gs2-cbind-flag,[a=authzid],n=user,r=nonce[,extensions]`"""
        flag, _, rest = text.partition(",")
        authzid, comma, bare = rest.partition(",")
        if self._plus != flag.startswith("p=") or (self._plus and flag != "p=tls-server-end-point"):
            return Failed("no such channel binding is offered")
        if flag == "y" and self._binding:
            return Failed("channel binding is offered")
        if not self._plus and flag not in ("n", "y"):
            return Failed("SCRAM begins with n,,n=name,r=nonce")
        if not comma or (authzid and not authzid.startswith("a=")):
            return Failed("SCRAM begins with n,,n=name,r=nonce")
        name, *others = bare.split(",")
        if name.startswith("m="):
            return Failed("no extension of SCRAM is known here")  # RFC 5802 §5.1
        login, whom = _saslname(name, "n="), _saslname(authzid, "a=") if authzid else ""
        nonce = others[0][2:] if others and others[0].startswith("r=") else ""
        if not login or whom is None or not _PRINTABLE.fullmatch(nonce):
            return Failed("SCRAM begins with n,,n=name,r=nonce")
        if not all(_EXTENSION.fullmatch(other) for other in others[1:]):
            return Failed("an extension of SCRAM is malformed")
        self._login, self._authzid = login, whom
        self._header, self._first = f"{flag},{authzid},", bare
        self._nonce = nonce + self._nonce
        return KeyWanted(login)

    def _client_final(self, text: str, key: Key) -> Proof | Failed:
        """`c=header,r=nonce[,extensions],p=proof`"""
        without_proof, found, proof_text = text.rpartition(",p=")
        words = without_proof.split(",")
        if not found or len(words) < 2 or not words[0].startswith("c=") or not words[1].startswith("r="):
            return Failed("SCRAM ends with c=…,r=nonce,p=proof")
        proof = _unbase64(proof_text)
        bound = self._header.encode() + (self._binding if self._plus else b"")
        if proof is None or _unbase64(words[0][2:]) != bound:
            return Failed("the message does not belong to this exchange")
        if not hmac.compare_digest(words[1][2:].encode(), self._nonce.encode()):
            return Failed("the message does not belong to this exchange")
        signed = f"{self._first},{self._server_first},{without_proof}".encode()
        signature = hmac.digest(key.stored_key, signed, "sha256")
        client_key = bytes(one ^ other for one, other in zip(proof, signature, strict=False))
        right = len(proof) == len(signature) and hmac.compare_digest(
            hashlib.sha256(client_key).digest(), key.stored_key
        )
        verifier = base64.b64encode(hmac.digest(key.server_key, signed, "sha256"))
        return Proof(self._login, self._authzid, key, right, b"v=" + verifier)


def _saslname(text: str, prefix: str) -> str | None:
    name = text.removeprefix(prefix)
    if name == text or not _SASLNAME.fullmatch(name):
        return None
    return name.replace("=2C", ",").replace("=3D", "=")


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
