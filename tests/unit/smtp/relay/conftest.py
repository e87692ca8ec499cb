"""A small internet on loopback: a name server, mail servers at addresses of 127/8, and a courier between them."""

import asyncio
import dataclasses
import datetime
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.outbound import OutboundTls
from config.settings import Queue, Settings
from net import outgoing
from net.outgoing import Outgoing
from net.resolver import Resolver
from smtp.relay.courier import Courier
from smtp.relay.destination import Destinations
from smtp.relay.letter import Answered, Letter
from smtp.relay.mta_sts import Policies
from smtp.relay.protection import forget_contexts
from storage.message import Message
from storage.queue.queued import Envelope, Queued, State
from tests.certificate import make_certificate
from tests.nameserver import NameServer
from tests.peer import Peer

DAY = datetime.timedelta(days=1)
TEXT = b"From: a@example.test\r\nSubject: x\r\n\r\nhello\r\n"


def queued(number: int, address: str, **more: Any) -> Queued:
    return Queued(
        number,
        address,
        original=more.get("original", ""),
        mailbox="INBOX",
        notify=more.get("notify", ""),
        orcpt=more.get("orcpt", ""),
        state=State.WAITING,
        due=0,
        holder="test",
        attempts=0,
        last_attempt=None,
        status=None,
    )


def letter(*to: str, text: bytes = TEXT, sender: str = "a@example.test", **more: Any) -> Letter:
    envelope = Envelope("q1", sender, "trace", 0, len(text))
    recipients = tuple(queued(number, address) for number, address in enumerate(to))
    return Letter(dataclasses.replace(envelope, **more), Message.of(text), recipients)


@dataclasses.dataclass
class World:
    names: NameServer
    resolver: Resolver
    settings: Settings
    courier: Courier
    destinations: Destinations
    policies: Policies
    folder: Path
    peers: list[Peer] = dataclasses.field(default_factory=list)
    reported: list[tuple[Letter, Sequence[Answered]]] = dataclasses.field(default_factory=list)
    opened: dict[tuple[str, int], Outgoing] = dataclasses.field(default_factory=dict)  # by our own address

    async def peer(self, host: str = "127.0.0.1", **more: Any) -> Peer:
        """A mail server; all of them listen at the same port."""
        port = self.peers[0].port if self.peers else 0
        peer = await Peer(host=host, port=port, hung=self.expire, **more).start()
        self.peers.append(peer)
        self.configure(port=peer.port)
        return peer

    async def connect(self, *args: Any, **more: Any) -> Outgoing:
        """As `net.outgoing.connect`; remembered."""
        made = await outgoing.connect(*args, **more)
        self.opened[made.local, made.local_port] = made
        return made

    async def expire(self, address: tuple[str, int]) -> None:
        """All the time that is given to waits on a connection of ours is over at once, until we give it up."""
        while (waiting := self.opened.get(address)) is None or not waiting._lost:
            await asyncio.sleep(0.005)  # what was said before is heard first
            if waiting is not None:
                waiting._read_by = waiting._drain_by = 0.0
                waiting._expire()

    def serve(self, domain: str = "example.com", *hosts: str, secure: bool = False) -> None:
        """Put the MX of a domain into DNS: `name=address`, the best first."""
        for preference, host in enumerate(hosts or ("mx.example.com=127.0.0.1",)):
            name, _, address = host.partition("=")
            self.names.put(domain, "MX", f"{preference} {name}.", secure=secure)
            self.names.put(name, "A", address, secure=secure)

    def configure(self, **queue: Any) -> None:
        """Change keys of the section `queue`."""
        changed = self.settings.queue.model_copy(update=queue)
        self.settings = self.settings.model_copy(update={"queue": changed})
        self.courier.settings = self.settings

    async def send(self, *letters: Letter, key: str = "example.com") -> dict[int, Answered]:
        """Carry letters; what was answered, by number."""
        waiting = list(letters)

        async def take() -> Letter | None:
            return waiting.pop(0) if waiting else None

        async def report(letter: Letter, answered: Sequence[Answered]) -> None:
            self.reported.append((letter, answered))

        async with asyncio.timeout(60):
            try:
                await self.courier.carry(key, take, report)
            finally:
                await asyncio.gather(*(peer.idle() for peer in self.peers))
        return {each.number: each for _, answered in self.reported for each in answered}


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    names = await NameServer().start()
    resolver = Resolver([names.address], timeout=60)
    tls = OutboundTls(trust=tmp_path / "authority.pem")
    settings = Settings(hostname="mail.example.test", queue=Queue(tls=tls), data=tmp_path)

    async def threads(fn: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(fn, *args)

    made: list[World] = []
    policies = Policies(
        resolver,
        tmp_path / "state",
        threads,
        lambda: ssl.create_default_context(cafile=str(made[0].settings.queue.tls.trust)),
        lambda: made[0].settings.queue.tls.https_port,
    )
    destinations = Destinations(settings, resolver, policies)
    courier = Courier(settings, destinations, threads)
    world = World(names, resolver, settings, courier, destinations, policies, tmp_path)
    made.append(world)
    monkeypatch.setattr("smtp.relay.opening.connect", world.connect)
    yield world
    await asyncio.gather(*(peer.stop() for peer in world.peers))
    await policies.close()
    await resolver.close()
    await names.stop()


def server_context(folder: Path, name: str) -> ssl.SSLContext:
    """A server's TLS with a self-signed certificate for `name`."""
    certificate, key = make_certificate(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def proven_context(world: World, name: str, *, end: datetime.timedelta = DAY) -> ssl.SSLContext:
    """A server's TLS with a certificate for `name` of an authority that the world trusts from now on."""
    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {name}")])
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "crl_sign", "encipher_only", "decipher_only"), False
    )  # fmt: skip
    root_certificate = (
        _builder(authority, authority, root, DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root.public_key()), critical=False)
        .sign(root, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, authority, key, end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        .sign(root, hashes.SHA256())
    )
    path = world.folder / f"{name}.chain.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    trusted = world.folder / "authority.pem"
    before = trusted.read_bytes() if trusted.exists() else b""
    trusted.write_bytes(before + root_certificate.public_bytes(Encoding.PEM))
    forget_contexts()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, end: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + end)
    )
