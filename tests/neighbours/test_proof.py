"""What a destination must prove: DANE (RFC 7672) and MTA-STS (RFC 8461), and REQUIRETLS (RFC 8689)."""

from collections.abc import Callable, Iterator

import pytest

from tests.neighbours.client import letter, submit, wait_mail
from tests.neighbours.land import PINNED_PLAIN, PINNED_WRONG, STS, STS_WRONG, UNSIGNED, VERIFIED, WEB, Land
from tests.neighbours.peers import Server, Sink
from tests.neighbours.policies import policies, policy

Serve = Callable[..., Server]


def send(land: Land, name: str, address: str, options: tuple[str, ...] = ()) -> int:
    """A mail from an account of its own; where the relay's log was before."""
    sender = land.alpha.account(name)
    mark = land.alpha.relay_log.mark()
    submit(land.alpha, sender, [address], letter(sender.address, address, name), options)
    return mark


def deferred(land: Land, address: str, mark: int) -> str:
    """Why it waits; it is taken out of the queue then."""
    line = land.alpha.relay_log.wait("queue.deferred", since=mark, to=address)
    land.alpha.run("queue", "delete", "--recipient", address)
    return str(line["status"])


def test_dane_verified(land: Land, serve: Serve) -> None:
    """Its certificate is of nobody's authority that we trust: the TLSA record alone vouches."""
    sink = serve(VERIFIED, Sink(land.verified))
    mark = send(land, "dane-verified", "x@dane.test")
    assert sink.one().tls
    line = land.alpha.relay_log.wait("queue.sent", since=mark, to="x@dane.test")
    assert "dane" in str(line["tls"]).lower()


def test_dane_mismatch_waits(land: Land, serve: Serve) -> None:
    sink = serve(PINNED_WRONG, Sink(land.pinned_wrong))
    status = deferred(land, "x@danebad.test", send(land, "dane-mismatch", "x@danebad.test"))
    assert status.startswith("4.7.")
    assert sink.connections and not any(line.startswith(b"MAIL") for line in sink.heard)


def test_dane_without_starttls_waits(land: Land, serve: Serve) -> None:
    sink = serve(PINNED_PLAIN, Sink())
    status = deferred(land, "x@daneplain.test", send(land, "dane-plain", "x@daneplain.test"))
    assert status.startswith("4.7.")
    assert sink.connections and not any(line.startswith(b"MAIL") for line in sink.heard)


def test_tlsa_without_dnssec_counts_for_nothing(land: Land, serve: Serve) -> None:
    sink = serve(UNSIGNED, Sink(land.pinned_wrong))
    send(land, "insecure", "x@plain.test")
    assert sink.one().tls


@pytest.fixture
def web(land: Land, serve: Serve) -> Iterator[Server]:
    texts = {"mta-sts.sts.test": policy("mx.sts.test"), "mta-sts.stsbad.test": policy("mx.stsbad.test")}
    yield serve(WEB, policies(land.policies, texts), 443)


def test_sts_enforced_and_proven(land: Land, serve: Serve, web: Server) -> None:
    sink = serve(STS, Sink(land.sts))
    mark = send(land, "sts-good", "x@sts.test")
    assert sink.one().tls
    line = land.alpha.relay_log.wait("queue.sent", since=mark, to="x@sts.test")
    assert "verified" in str(line["tls"])
    assert len(web.heard) == 1


def test_sts_wrong_certificate_waits(land: Land, serve: Serve, web: Server) -> None:
    sink = serve(STS_WRONG, Sink(land.sts_wrong))
    status = deferred(land, "x@stsbad.test", send(land, "sts-bad", "x@stsbad.test"))
    assert status.startswith("4.7.")
    assert sink.connections and not any(line.startswith(b"MAIL") for line in sink.heard)


def test_require_tls(land: Land, serve: Serve) -> None:
    """To a host that does not know REQUIRETLS, or whose name nobody vouches for, such mail never goes."""
    sink = serve(VERIFIED, Sink(land.verified))
    sender = land.alpha.account("require-tls")
    submit(land.alpha, sender, ["x@dane.test"], letter(sender.address, "x@dane.test", "tls"), ["REQUIRETLS"])
    assert b"5.7.30" in wait_mail(sender)
    assert not sink.received
