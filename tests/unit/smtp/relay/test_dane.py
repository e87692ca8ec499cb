"""TLSA records against chains made here, and against servers."""

import datetime
import hashlib

import dns.rcode
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from smtp.relay import dane
from smtp.relay.dane import Tlsa
from smtp.relay.letter import Unreachable
from tests.unit.smtp.relay.conftest import World, letter, server_context

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
Key = ec.EllipticCurvePrivateKey


def issue(
    name: str,
    key: Key,
    issuer: str,
    signer: Key,
    *,
    authority: bool = False,
    begin: datetime.datetime = NOW - 3 * DAY,
    end: datetime.datetime = NOW + DAY,
) -> bytes:
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.DER)


ROOT, MIDDLE, LEAF = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
root = issue("root", ROOT, "root", ROOT, authority=True)
middle = issue("middle", MIDDLE, "root", ROOT, authority=True)
leaf = issue("mx.example.com", LEAF, "middle", MIDDLE)
NAMES = ("mx.example.com",)


def public_key(certificate: bytes) -> bytes:
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def record(usage: int, selector: int, matching: int, certificate: bytes) -> Tlsa:
    data = certificate if selector == 0 else public_key(certificate)
    if matching:
        data = (hashlib.sha256 if matching == 1 else hashlib.sha512)(data).digest()
    return Tlsa(usage, selector, matching, data)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_selector_and_digest(selector: int, matching: int) -> None:
    for chain, usage, certificate in (
        ([leaf], 3, leaf),
        ([leaf, middle, root], 2, root),
        ([leaf, middle], 2, middle),
    ):
        assert dane.check(chain, [record(usage, selector, matching, certificate)], NAMES, NOW) is None
        other = record(usage, selector, matching, issue("x", LEAF, "x", ROOT) if selector == 0 else root)
        if certificate is not root:
            assert dane.check(chain, [other], NAMES, NOW) == "no TLSA record fits its certificates"


def test_under_dane_ee_names_and_dates_do_not_count() -> None:
    old = issue("other.example", LEAF, "nobody", MIDDLE, end=NOW - DAY)
    assert dane.check([old], [record(3, 1, 1, old)], NAMES, NOW) is None


def test_under_dane_ta_they_do() -> None:
    old = issue("mx.example.com", LEAF, "root", ROOT, end=NOW - DAY)
    assert dane.check([old, root], [record(2, 0, 1, root)], NAMES, NOW) == "its certificate is not in force"
    early = issue("mx.example.com", LEAF, "root", ROOT, begin=NOW + DAY / 2)
    assert dane.check([early, root], [record(2, 0, 1, root)], NAMES, NOW) == "its certificate is not in force"
    assert dane.check([leaf, middle], [record(2, 0, 1, middle)], ["a.example"], NOW) is not None
    assert dane.check([leaf], [record(2, 0, 1, leaf)], ["a.example"], NOW) is not None
    assert dane.check([leaf, middle], [record(2, 0, 1, middle)], ["a.example", *NAMES], NOW) is None


def test_the_authority_may_stand_in_the_record_alone() -> None:
    assert dane.check([leaf, middle], [record(2, 0, 0, root)], NAMES, NOW) is None


def test_a_chain_must_hold() -> None:
    forged = issue("mx.example.com", LEAF, "root", MIDDLE)  # says root, signed by another
    assert dane.check([forged, root], [record(2, 0, 1, root)], NAMES, NOW) is not None
    no_authority = issue("middle", MIDDLE, "root", ROOT)
    assert dane.check([leaf, no_authority, root], [record(2, 0, 1, root)], NAMES, NOW) is not None
    expired = issue("middle", MIDDLE, "root", ROOT, authority=True, end=NOW - DAY)
    assert dane.check([leaf, expired, root], [record(2, 0, 1, root)], NAMES, NOW) is not None
    assert dane.check([leaf], [record(2, 0, 1, root)], NAMES, NOW) is not None
    # what DANE-EE means is the server's own certificate, and no authority
    assert dane.check([leaf, middle, root], [record(3, 0, 1, middle)], NAMES, NOW) is not None


def test_garbage_is_a_refusal() -> None:
    assert dane.check([], [record(3, 0, 1, leaf)], NAMES, NOW) is not None
    assert dane.check([b"garbage"], [record(3, 0, 1, leaf)], NAMES, NOW) is not None
    assert dane.check([leaf], [Tlsa(2, 0, 0, b"garbage")], NAMES, NOW) is not None


@pytest.mark.parametrize("text", ["0 0 1 00", "1 1 1 00", "3 2 1 00", "3 1 3 00", "255 0 0 00"])
def test_records_of_no_use(text: str) -> None:
    usage, selector, matching, data = text.split()
    assert not Tlsa(int(usage), int(selector), int(matching), bytes.fromhex(data)).usable
    assert not Tlsa(3, 1, 1, b"").usable


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("mx.example.com", "MX.example.com.", True),
        ("mx.example.com", "*.example.com", True),
        ("a.mx.example.com", "*.example.com", False),
        ("example.com", "*.example.com", False),
        ("mx.example.com", "m*.example.com", False),
    ],
)
def test_names(name: str, pattern: str, fits: bool) -> None:
    assert dane.name_matches(name, [pattern]) is fits


# Against servers


def own(world: World) -> tuple[Tlsa, bytes]:
    pem = (world.folder / "mx.example.com.pem").read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return record(3, 1, 1, der), der


async def stage(world: World, *, secure: bool = True, **more: object) -> None:
    await world.peer(context=server_context(world.folder, "mx.example.com"), **more)
    world.serve(secure=secure)


def publish(world: World, tlsa: Tlsa | str, host: str = "mx.example.com", secure: bool = True) -> None:
    world.names.put(f"_{world.peers[0].port}._tcp.{host}", "TLSA", str(tlsa), secure=secure)


async def status(world: World) -> str:
    with pytest.raises(Unreachable) as caught:
        await world.send(letter("b@example.com"))
    assert not any(peer.taken for peer in world.peers)
    return caught.value.status.code


async def test_a_server_that_fits(world: World) -> None:
    await stage(world)
    publish(world, own(world)[0])
    answered = await world.send(letter("b@example.com"))
    assert answered[0].tls is not None and answered[0].tls.endswith("(DANE)")
    assert world.peers[0].taken[0].tls and world.peers[0].greeted == ["mx.example.com"]


async def test_a_server_that_does_not_fit_gets_nothing(world: World) -> None:
    await stage(world)
    publish(world, record(3, 1, 1, root))
    assert await status(world) == "4.7.5"


async def test_a_server_without_starttls_gets_nothing(world: World) -> None:
    await world.peer()
    world.serve(secure=True)
    publish(world, record(3, 1, 1, root))
    assert await status(world) == "4.7.4"


async def test_the_next_host_that_fits_is_taken(world: World) -> None:
    context = server_context(world.folder, "mx.example.com")
    await world.peer("127.0.0.1")
    await world.peer("127.0.0.2", context=context)
    world.serve("example.com", "mx1.example.com=127.0.0.1", "mx2.example.com=127.0.0.2", secure=True)
    for host in ("mx1.example.com", "mx2.example.com"):
        publish(world, own(world)[0], host)
    assert (await world.send(letter("b@example.com")))[0].remote == "mx2.example.com"


@pytest.mark.parametrize("secure", [(False, True), (True, False)])
async def test_without_dnssec_all_the_way_there_is_no_dane(world: World, secure: tuple[bool, bool]) -> None:
    await stage(world, secure=secure[0])
    publish(world, record(3, 1, 1, root), secure=secure[1])
    answered = await world.send(letter("b@example.com"))
    assert answered[0].status.ok and answered[0].tls and "DANE" not in answered[0].tls


async def test_records_of_no_use_still_ask_for_tls(world: World) -> None:
    await stage(world)
    publish(world, "1 1 1 " + "00" * 32)
    assert (await world.send(letter("b@example.com")))[0].status.ok
    world.peers[0].context = None
    assert await status_after(world) == "4.7.4"


async def status_after(world: World) -> str:
    with pytest.raises(Unreachable) as caught:
        await world.send(letter("b@example.com"))
    return caught.value.status.code


async def test_dns_that_fails_passes_the_host_over(world: World) -> None:
    await stage(world)
    world.names.answer(f"_{world.peers[0].port}._tcp.mx.example.com", dns.rcode.SERVFAIL)
    assert await status(world) == "4.4.3"
    assert not world.peers[0].sessions


async def test_the_canonical_name_counts_first(world: World) -> None:
    await world.peer(context=server_context(world.folder, "mx.example.com"))
    world.names.put("example.com", "MX", "10 alias.example.com.", secure=True)
    world.names.put("alias.example.com", "CNAME", "mx.example.com.", secure=True)
    world.names.put("mx.example.com", "A", "127.0.0.1", secure=True)
    publish(world, own(world)[0], "mx.example.com")
    publish(world, f"3 1 1 {'00' * 32}", "alias.example.com")
    answered = await world.send(letter("b@example.com"))
    assert answered[0].tls and "DANE" in answered[0].tls
    assert world.peers[0].greeted == ["mx.example.com"]


async def test_it_may_be_turned_off(world: World) -> None:
    await stage(world)
    publish(world, record(3, 1, 1, root))
    tls = world.settings.queue.tls.model_copy(update={"dane": False})
    world.configure(tls=tls)
    assert (await world.send(letter("b@example.com")))[0].status.ok
