"""The stage itself: what the other tests take for granted of it."""

import dns.flags
import dns.rcode
import pytest

from tests.neighbours.land import Land


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "secure"),
    [
        ("alpha.test.", "MX", "NOERROR", True),
        ("_25._tcp.mail.beta.test.", "TLSA", "NOERROR", True),
        ("somewhere.many.test.", "MX", "NOERROR", True),
        ("nobody.test.", "MX", "NXDOMAIN", True),
        ("plain.test.", "MX", "NOERROR", False),
        ("bogus.test.", "MX", "SERVFAIL", False),
        ("lame.test.", "MX", "SERVFAIL", False),
    ],
)
def test_names(land: Land, name: str, kind: str, rcode: str, secure: bool) -> None:
    answer = land.names.ask(name, kind)
    assert dns.rcode.to_text(answer.rcode()) == rcode
    assert bool(answer.flags & dns.flags.AD) is secure


def test_no_way_outside(land: Land) -> None:
    for host in land.stage.hosts:
        assert "default" not in host.run("ip", "route"), host.name
    with pytest.raises(OSError):
        land.alpha.host.connect("192.0.2.1", 25)
