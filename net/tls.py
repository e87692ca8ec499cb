"""TLS contexts made of the configured certificates, chosen by the name that the client asks for (SNI).

A context is asked for at each handshake, so certificates can be replaced while connections stand: new
handshakes use the new ones. What cannot be read never replaces what works.

Defaults: TLS 1.2 at least (RFC 8996), no renegotiation, no compression, one session ticket (a mail program
resumes at its next poll; the second ticket of OpenSSL's default is bytes and CPU for nobody).
"""

import logging
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from config.settings import Tls
from net.layer import ServerContext, ServerSide
from net.log import event

_log = logging.getLogger("net")

VERSIONS: dict[str, ssl.TLSVersion] = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class Contexts:
    """The contexts of one process: one for each least version that a listener asks for."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._contexts: dict[str, ssl.SSLContext] = {tls.minimum: build(tls, tls.minimum)}

    @property
    def handshake_timeout(self) -> float:
        """Seconds that a handshake may take."""
        return self._tls.handshake_timeout

    def context(self, minimum: str | None = None) -> ssl.SSLContext:
        """The context for a handshake now; `minimum` is a listener's own least version."""
        wanted = minimum or self._tls.minimum
        if wanted not in self._contexts:
            self._contexts[wanted] = build(self._tls, wanted)
        return self._contexts[wanted]

    def reload(self, tls: Tls) -> bool:
        """Read the certificates again. False, with a line in the log, when the old ones stay in force."""
        try:
            fresh = {minimum: build(tls, minimum) for minimum in {str(tls.minimum), *self._contexts}}
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            event(_log, "tls.kept", logging.ERROR, certificate=tls.certificate, why=error)
            return False
        self._tls, self._contexts = tls, fresh
        return True


def build(tls: Tls, minimum: str) -> ssl.SSLContext:
    """The context for one least version, with those of the other names behind its SNI callback."""
    if tls.certificate is None or tls.key is None:
        raise ValueError("tls.certificate and tls.key are not set")
    context = _context(tls.certificate, tls.key, minimum)
    others = {
        name.lower().rstrip("."): _context(pair.certificate, pair.key, minimum)
        for name, pair in tls.names.items()
    }

    def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        if name is None:
            return
        if isinstance(connection, ServerSide):
            connection.server_name_asked = name
        other = others.get(name.lower().rstrip("."))
        if other is not None:
            connection.context = other

    # an unknown name gets the default certificate (RFC 6066 §3 lets us), since old mail programs ask for
    # whatever the user typed and check little
    context.sni_callback = choose
    return context


def _context(certificate: Path, key: Path, minimum: str) -> ssl.SSLContext:
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = ServerSide
    if VERSIONS[minimum] < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL 3 keeps old versions behind its lowest level
    context.minimum_version = VERSIONS[minimum]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 1
    # a key with a passphrase must be an error here, not a question on a terminal that nobody sees
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except OSError as error:  # which names no file
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"certificate {certificate} with key {key}: {why}") from error
    context.end_point = end_point(certificate.read_bytes())
    return context


def end_point(pem: bytes) -> bytes:
    """The hash of a certificate to which `tls-server-end-point` binds (RFC 5929 §4.1); empty where none is."""
    certificate = x509.load_pem_x509_certificate(pem)
    signed = certificate.signature_hash_algorithm
    if signed is None:  # Ed25519
        return b""
    chosen = hashes.SHA256() if signed.name in ("md5", "sha1") else signed
    return certificate.fingerprint(chosen)
