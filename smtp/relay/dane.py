"""DANE for SMTP (RFC 7672): servers that must show the certificate, or the authority, that DNSSEC vouches for.

Only answers that DNSSEC vouches for count, from the MX to the addresses to the TLSA records; if one on the way is
not secure, there is no DANE. Records that cannot be used (other usages than DANE-TA and DANE-EE, unknown digests)
still mean that TLS is spoken (RFC 7672 §2.2). DNS that does not answer is neither: the host is passed over for now,
or an attacker who can suppress an answer could do away with the whole thing (§2.1.1).
"""

import datetime
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from net.resolver import Resolver

DANE_TA, DANE_EE = 2, 3  # RFC 7218 §2.1
CERTIFICATE, PUBLIC_KEY = 0, 1  # RFC 7218 §2.2
_DIGESTS: dict[int, Callable[[bytes], bytes]] = {  # RFC 7218 §2.3
    0: lambda data: data,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}
DEEPEST = 10  # certificates of a chain that are looked at


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def usable(self) -> bool:
        return (
            self.usage in (DANE_TA, DANE_EE)
            and self.selector in (CERTIFICATE, PUBLIC_KEY)
            and self.matching in _DIGESTS
            and bool(self.data)
        )

    def fits(self, certificate: x509.Certificate) -> bool:
        if self.selector == CERTIFICATE:
            data = certificate.public_bytes(Encoding.DER)
        else:
            data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return _DIGESTS[self.matching](data) == self.data

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


@dataclass(frozen=True, slots=True)
class Found:
    """The TLSA records of a host, and the name that they stand under: what SNI asks for."""

    base: str
    records: tuple[Tlsa, ...]

    @property
    def usable(self) -> tuple[Tlsa, ...]:
        return tuple(record for record in self.records if record.usable)


async def find(resolver: Resolver, host: str, canonical: str, port: int) -> Found | None:
    """The records of a host whose addresses are secure: under its canonical name, else under its own
    (RFC 7672 §2.2.2). None: the host has none. Raises DnsFailure."""
    for base in dict.fromkeys((canonical, host)):
        answer = await resolver.look_up(f"_{port}._tcp.{base}", "TLSA")
        if answer.secure and answer.records:
            return Found(base, tuple(_tlsa(record) for record in answer.records))
    return None


def _tlsa(record: Any) -> Tlsa:
    return Tlsa(record.usage, record.selector, record.mtype, record.cert)


def check(
    chain: Sequence[bytes], records: Sequence[Tlsa], names: Sequence[str], now: datetime.datetime
) -> str | None:
    """Whether a server that showed `chain` (DER, its own certificate first) is the one that the records mean: None;
    else what is wrong. `names` are those that a certificate under DANE-TA may be for."""
    try:
        certificates = [x509.load_der_x509_certificate(each) for each in chain[:DEEPEST]]
        if not certificates:
            return "it showed no certificate"
        # RFC 7672 §3.1.1: with DANE-EE neither names nor dates nor signatures count
        if any(record.usage == DANE_EE and record.fits(certificates[0]) for record in records):
            return None
        return _check_authority(certificates, [each for each in records if each.usage == DANE_TA], names, now)
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType) as error:
        return f"its certificate cannot be read ({type(error).__name__})"


def _check_authority(
    certificates: list[x509.Certificate], records: list[Tlsa], names: Sequence[str], now: datetime.datetime
) -> str | None:
    """RFC 7672 §3.1.2: a chain from the server's certificate to one that a record means."""
    shown = list(certificates)
    for record in records:  # the authority itself may stand in the record, and in no chain
        if record.selector == CERTIFICATE and record.matching == 0:
            shown.append(x509.load_der_x509_certificate(record.data))
    current, rest = shown[0], shown[1:]
    if not _in_force(current, now):
        return "its certificate is not in force"
    if not any(name_matches(name, _names(current)) for name in names):
        return "its certificate is for another name"
    for _ in range(DEEPEST):
        if any(record.fits(current) for record in records):
            return None
        issuer = next((each for each in rest if _issued(each, current) and _in_force(each, now)), None)
        if issuer is None:
            break
        rest.remove(issuer)
        current = issuer
    return "no TLSA record fits its certificates"


def _issued(issuer: x509.Certificate, subject: x509.Certificate) -> bool:
    try:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        subject.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return True


def _in_force(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def name_matches(name: str, patterns: Sequence[str]) -> bool:
    """RFC 6125 §6.4: a name, or one with `*` for its first label."""
    name = name.lower().rstrip(".")
    parent = "*." + name.partition(".")[2]
    return any(pattern.lower().rstrip(".") in (name, parent) for pattern in patterns)
