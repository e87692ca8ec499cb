"""SCRAM-SHA-256-PLUS over TLS: the server binds to the certificate that it shows, and only where it is told to."""

import base64
import hashlib
import hmac
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from storage.people import passwords
from tests.house import HOSTNAME, House, Site
from tests.wire import Wire, connect

PLUS = b"AUTH=SCRAM-SHA-256-PLUS"


async def prove(wire: Wire, password: bytes, binding: bytes) -> bytes:
    """Log in as taro; the tagged reply."""
    gs2 = b"p=tls-server-end-point,,"
    begin = b"n=taro@example.test,r=clientnonce"
    tag = wire.begin(b"AUTHENTICATE SCRAM-SHA-256-PLUS " + base64.b64encode(gs2 + begin))
    first = base64.b64decode((await wire.line()).removeprefix(b"+ "))
    told = dict(part.split(b"=", 1) for part in first.split(b","))
    salted = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(told[b"s"]), int(told[b"i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    final = b"c=" + base64.b64encode(gs2 + binding) + b",r=" + told[b"r"]
    signature = hmac.digest(hashlib.sha256(key).digest(), begin + b"," + first + b"," + final, "sha256")
    proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
    wire.writer.write(base64.b64encode(final + b",p=" + base64.b64encode(proof)) + b"\r\n")
    line = await wire.line()
    if line.startswith(b"+ "):
        wire.writer.write(b"\r\n")
        line = await wire.line()
    assert line.startswith(tag)
    return line


async def test_bound_to_the_certificate(tmp_path: Path) -> None:
    folder = tmp_path / "bound"
    folder.mkdir()
    names = "[PLAIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS]"
    site = Site.make(folder, auth=f"{{plaintext_without_tls: loopback, mechanisms: {names}}}")
    key = passwords.scram_sha_256_key("tarosecret")
    site.write_account("taro", more=f'scram_sha_256: "{key}"\n')
    binding = x509.load_pem_x509_certificate(site.certificate.read_bytes()).fingerprint(SHA256())
    house = await House(site).open()
    try:
        secure = await house.imap("implicit")
        wire = await tls(house, secure)
        assert PLUS in b"".join(await wire.do(b"CAPABILITY"))
        assert b"OK" in await prove(wire, b"tarosecret", binding)
        wire = await tls(house, secure)
        assert b"BAD" in await prove(wire, b"tarosecret", bytes(32)), (
            "somebody between shows another certificate"
        )
        plain = await Wire.open(await house.imap())
        assert PLUS not in b"".join(await plain.do(b"CAPABILITY")), "there is nothing to bind to"
        assert b"NO" in (await plain.do(b"AUTHENTICATE SCRAM-SHA-256-PLUS cD10bHM="))[-1]
    finally:
        await house.close()


async def test_off_by_default(house: House) -> None:
    wire = await tls(house, await house.imap("implicit"))
    assert PLUS not in b"".join(await wire.do(b"CAPABILITY"))


async def tls(house: House, address: tuple[str, int]) -> Wire:
    context: ssl.SSLContext = house.client_context()
    wire = Wire(*await connect(address, ssl=context, server_hostname=HOSTNAME))
    await wire.line()
    return wire
