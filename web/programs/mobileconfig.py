"""Apple's configuration profile: one tap sets up Mail on iPhone, iPad and Mac.

Format: https://developer.apple.com/documentation/devicemanagement/mail
The profile is signed with the server's own certificate (CMS, RFC 5652, the content inside), so the device shows by
whom it is and that nobody has changed it on the way. It holds no password: the device asks for it.

The identifiers are made of the server's name and the address, so a profile that is loaded again replaces the one
before instead of standing beside it.
"""

import plistlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from web.programs.servers import MailServer, best

CONTENT_TYPE = "application/x-apple-aspen-config"


@dataclass(frozen=True, slots=True)
class Words:
    """What the device shows, in the reader's language."""

    name: str
    description: str


def profile(servers: Sequence[MailServer], hostname: str, address: str, words: Words) -> bytes:
    """The profile for an address, not signed. Raises LookupError where IMAP or SMTP is not served."""
    incoming, outgoing = best(servers, "imap"), best(servers, "smtp")
    if incoming is None or outgoing is None:
        raise LookupError("a profile needs IMAP and SMTP")
    reverse = ".".join(reversed(hostname.split(".")))
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{reverse}.mail.{_id(hostname, address, 'account')}",
        "PayloadUUID": _id(hostname, address, "account"),
        "PayloadDisplayName": words.name,
        "EmailAccountDescription": words.name,
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAddress": address,
        **_server("Incoming", incoming, address),
        **_server("Outgoing", outgoing, address),
        "OutgoingPasswordSameAsIncomingPassword": True,
        "SMIMEEnabled": False,
    }
    whole = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{reverse}.profile.{_id(hostname, address, 'profile')}",
        "PayloadUUID": _id(hostname, address, "profile"),
        "PayloadDisplayName": words.name,
        "PayloadDescription": words.description,
        "PayloadOrganization": hostname,
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [account],
    }
    return plistlib.dumps(whole)


def signed(content: bytes, certificate: Path, key: Path) -> bytes:
    """The profile within a signature. Raises ValueError, OSError. Blocks on the disk.

    A key that CMS has no place for here (Ed25519) leaves it as it was: the device then says "not signed"."""
    own, *chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    private = load_pem_private_key(key.read_bytes(), None)
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return content
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(own, private, SHA256())
    for above in chain:
        builder = builder.add_certificate(above)
    return builder.sign(Encoding.DER, [PKCS7Options.Binary])


def _server(way: str, server: MailServer, address: str) -> dict[str, Any]:
    """`UseSSL` means both: TLS at once, or STARTTLS, which the device finds out by the port."""
    return {
        f"{way}MailServerAuthentication": "EmailAuthPassword",
        f"{way}MailServerHostName": server.host,
        f"{way}MailServerPortNumber": server.port,
        f"{way}MailServerUseSSL": True,
        f"{way}MailServerUsername": address,
    }


def _id(hostname: str, address: str, part: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{part}.{address.lower()}.{hostname}")).upper()
