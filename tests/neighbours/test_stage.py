"""The stage itself: what the other tests take for granted of it."""

import os
import select
from pathlib import Path

import dns.flags
import dns.rcode
import pytest

from tests.neighbours.land import Land
from tests.neighbours.stage import Host, NoStage, possible


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


def test_nothing_outlives_its_host(tmp_path: Path) -> None:
    """Not even a daemon that left the process which started it."""
    try:
        possible()
    except NoStage as reason:
        pytest.skip(str(reason))
    host = Host("daemons", tmp_path / "daemons", "")
    try:
        host.run("sh", "-c", "setsid sleep infinity >/dev/null 2>&1 &")
        (daemon,) = {*host.present()} - {host.pid}
        watch = os.pidfd_open(daemon)
    finally:
        host.stop()
    try:
        assert select.select([watch], [], [], 60)[0], "it still runs"
    finally:
        os.close(watch)
