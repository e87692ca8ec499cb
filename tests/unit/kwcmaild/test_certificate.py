"""The certificates to start with are accepted by TLS clients that trust the authority, and no others."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from kwcmaild.certificate import self_signed


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = self_signed(["localhost", "127.0.0.1", "mail.example.test"], "Demo CA")
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "ca.pem").write_bytes(made.authority)
    (folder / "cert.pem").write_bytes(made.certificate)
    (folder / "key.pem").write_bytes(made.key)
    return folder


def handshake(files: Path, name: str, trust: bool = True) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files / "cert.pem", files / "key.pem")
    client = (
        ssl.create_default_context(cafile=str(files / "ca.pem")) if trust else ssl.create_default_context()
    )
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "mail.example.test"])
def test_client_that_trusts_the_authority_accepts_each_name(files: Path, name: str) -> None:
    handshake(files, name)


def test_other_names_and_other_clients_refuse(files: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(files, "other.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(files, "localhost", trust=False)


def test_life_is_one_that_all_systems_accept() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    for pem in (made := self_signed(["a.test"], "A", now)).authority, made.certificate:
        certificate = x509.load_pem_x509_certificate(pem)
        assert certificate.not_valid_before_utc < now
        assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < timedelta(days=825)
