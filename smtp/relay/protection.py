"""What a server must show before mail is given to it, and the TLS contexts that hold it to that.

From the weakest: nothing at all; TLS if it is there; TLS, whoever it is; a certificate of a trusted authority for
its name; a certificate that DNSSEC vouches for. TLS without proof keeps out who only listens (RFC 7435), and is the
most that most of the world offers; so there nothing may fail for the lack of it.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import verification

from config.outbound import OutboundTls
from net.tls import VERSIONS
from smtp.relay import dane


class Level(IntEnum):
    """How much is asked of a server, in rising order."""

    NONE = 0  # TLS is not spoken
    MAY = 1  # TLS where it is offered and works
    MUST = 2  # TLS, proving nothing
    PROVEN = 3  # a certificate for the host's name, of a trusted authority
    DANE = 4  # what the TLSA records say


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose wish it is, as reports call it (RFC 8460 §4.2)."""

    kind: str  # tlsa, sts, no-policy-found
    lines: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()


NO_POLICY = Policy("no-policy-found")


@dataclass(frozen=True, slots=True)
class Protection:
    """What one host must show. With `lenient` (MTA-STS testing) a failure is reported and no more."""

    level: Level
    name: str  # what SNI asks for
    names: tuple[str, ...] = ()  # what a certificate under DANE-TA may be for
    tlsa: tuple[dane.Tlsa, ...] = ()
    implicit: bool = False  # TLS from the first byte
    lenient: bool = False
    named: bool = True  # False: the policy does not name this host, and no certificate will do
    policy: Policy = NO_POLICY

    def lowered(self) -> "Protection | None":
        """The next thing to try where this one failed; None: nothing weaker will do."""
        if self.level is Level.PROVEN and self.lenient:
            return Protection(Level.MAY, self.name, policy=self.policy)
        if self.level is Level.MAY:
            return Protection(Level.NONE, self.name, policy=self.policy)
        return None


def context(tls: OutboundTls, proven: bool) -> ssl.SSLContext:
    """For a handshake that must prove the server's name, or need not."""
    return _context(tls.minimum, tls.trust, proven)


@cache
def _context(minimum: str, trust: Path | None, proven: bool) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    if proven:
        if trust is None:
            made.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            made.load_verify_locations(trust)
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        made.set_ciphers(
            "DEFAULT:@SECLEVEL=0"
        )  # weak keys are better than none, and nothing is proven anyway
    made.minimum_version = VERSIONS[minimum]
    return made


def forget_contexts() -> None:
    """The configuration was read again: so are the authorities."""
    _context.cache_clear()
    _authorities.cache_clear()


def proves(tls: OutboundTls, chain: Sequence[bytes], name: str, now: datetime) -> bool:
    """Whether a chain that was shown under unproven TLS would have proven the name (for REQUIRETLS). Blocks."""
    try:
        leaf, *others = (x509.load_der_x509_certificate(each) for each in chain)
        verifier = (
            verification.PolicyBuilder()
            .store(_authorities(tls.trust))
            .time(now)
            .build_server_verifier(x509.DNSName(name))
        )
        verifier.verify(leaf, others)
    except (ValueError, OSError, verification.VerificationError):
        return False
    return True


@cache
def _authorities(trust: Path | None) -> verification.Store:
    if trust is not None:
        return verification.Store(x509.load_pem_x509_certificates(trust.read_bytes()))
    # OpenSSL looks into the folder of the system only when it needs one of them, and lists none
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if paths.capath:
        files += sorted(Path(paths.capath).glob("*.[0-9]"))  # named by the hash of what is in them
    found = {}
    for file in files:
        try:
            for each in x509.load_pem_x509_certificates(file.read_bytes()):
                found[each.fingerprint(hashes.SHA256())] = each
        except (OSError, ValueError):
            continue
    return verification.Store(list(found.values()))
