"""Signatures on what leaves the house: DKIM under the author's domain, ARC where a message is passed on.

A domain's keys are `domains/<domain>/dkim/<selector>.pem`, those named in its `dkim_selectors`; each of them
signs, so that RSA and Ed25519 stand side by side (RFC 8463 §4.1) and a key can be changed without a gap. Keys are
kept in memory and read again when a file has changed. Everything here blocks: for threads.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.domain import DomainFile
from filters.sender_auth.author import author_domains
from filters.sender_auth.body import Wanted, hashes
from filters.sender_auth.check import body
from filters.sender_auth.results import text
from filters.sender_auth.sign import Signer, arc_set, canonical, dkim_signature, ended, instance_of
from filters.verdict import AuthResult
from storage.message import Message
from storage.mime.header import end_of_header

HEAD = 1024 * 1024  # octets of a header block that is signed; a longer one leaves unsigned
SHORT = 32 * 1024  # octets of one that is looked at in the event loop
MOST_SETS = 50  # RFC 8617 §4.2.1

_log = logging.getLogger("filters.signing")
_RELAXED = Wanted(True)

_Stamp = tuple[int, int]


class Signing:
    """One for each process. `domain` gives a domain's file, or None where the domain is not ours."""

    def __init__(
        self,
        domains: Path,
        domain: Callable[[str], DomainFile | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._domains = domains
        self._domain = domain
        self._clock = clock
        self._keys: dict[Path, tuple[_Stamp, RSAPrivateKey | Ed25519PrivateKey]] = {}
        self._lock = threading.Lock()

    def sign(self, message: Message, *fallbacks: str) -> Message:
        """The message with a DKIM-Signature of each key of its author's domain, or of the first of `fallbacks` that
        has keys. Unsigned where none is ours or has any: mail without a signature is better than none."""
        head = self._head(message)
        for domain in dict.fromkeys((*author_domains(head)[:1], *fallbacks)):
            signers = self._signers(domain) if head else []
            if signers:
                fields, digest = canonical(head), self._body_hash(message)
                now = self._clock()
                return message.prepend(*(dkim_signature(each, fields, digest, now) for each in signers))
        return message

    def has_none(self, head: bytes, fallback: str, known: Callable[[str], DomainFile | None]) -> bool:
        """Whether it is known that `sign` would find no key, and need not be asked: for the event loop. `known`
        gives the files of domains that are in memory."""
        if len(head) > SHORT:
            return False
        files = [known(domain) for domain in {*author_domains(head)[:1], fallback}]
        return all(file is not None and not file.dkim_selectors for file in files)

    def seal(self, message: Message, domain: str, hostname: str, results: Sequence[AuthResult]) -> Message:
        """The message with an ARC set of `domain`, which passes it on; `results` are what was found when it came
        in, the chain's own among them."""
        head = self._head(message)
        signers = [each for each in self._signers(domain) if each.algorithm == "rsa-sha256"]
        if not head or not signers:
            return message
        fields = canonical(head)
        below = max([instance_of(value) for name, value in fields if name == b"arc-seal"], default=0)
        found = next((each.result for each in results if each.method == "arc"), "none")
        validation = "none" if below == 0 else "pass" if found == "pass" else "fail"
        if below >= MOST_SETS or ended(fields, below):
            return message
        said = text(hostname, results)
        digest = self._body_hash(message)
        return message.prepend(
            *arc_set(signers[0], fields, digest, said, validation, below + 1, self._clock())
        )

    def _head(self, message: Message) -> bytes:
        start = message.head(HEAD)
        end = end_of_header(start)
        return start[:end] if end >= 0 else b"" if len(start) >= HEAD else start

    def _body_hash(self, message: Message) -> bytes:
        return hashes(body(message), (_RELAXED,))[_RELAXED][0]

    def _signers(self, domain: str) -> list[Signer]:
        file = self._domain(domain) if domain else None
        found = []
        for selector in file.dkim_selectors if file is not None else ():
            path = self._domains / domain / "dkim" / f"{selector}.pem"
            try:
                found.append(Signer(domain, selector, self._key(path)))
            except (OSError, ValueError, TypeError) as error:
                fields = {"domain": domain, "selector": selector, "why": str(error)}
                _log.error("signing.no_key", extra={"fields": fields})
        return found

    def _key(self, path: Path) -> RSAPrivateKey | Ed25519PrivateKey:
        with self._lock:
            stat = os.stat(path)
            stamp = (stat.st_mtime_ns, stat.st_ino)
            kept = self._keys.get(path)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            key = load_pem_private_key(path.read_bytes(), None)
            if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
                raise ValueError("neither an RSA nor an Ed25519 key")
            self._keys[path] = stamp, key
            return key
