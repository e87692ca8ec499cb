"""DNS of the stage: NSD serves signed zones, and Unbound in front of it validates them as a provider's would.

test.          signed; the trust anchor that Unbound has is its key
plain.test.    delegated without DS: its answers are never secure
bogus.test.    delegated with the DS of a key that never signed it: SERVFAIL
lame.test.     delegated to a server that has lost its zone file: SERVFAIL
silent.test.   delegated to an address where nobody answers: no answer in time
"""

import datetime
import socket
import subprocess
import time
from collections.abc import Mapping

import dns.dnssec
import dns.message
import dns.query
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

from tests.neighbours.stage import NETWORK, Host

SERVER, VALIDATOR, NOBODY = (f"{NETWORK}.{number}" for number in (2, 3, 4))
START = 20.0  # seconds that a daemon may take
HOUR = datetime.timedelta(hours=1)

HEAD = f"""\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A {SERVER}
"""


class Key:
    """Signs a zone; one key for both purposes."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._algorithm = dns.dnssec.Algorithm.ECDSAP256SHA256
        self.dnskey = dns.dnssec.make_dnskey(self._private.public_key(), self._algorithm, flags=257)

    def ds(self, zone: str) -> str:
        return dns.dnssec.make_ds(zone, self.dnskey, "SHA256").to_text()

    def sign(self, zone: dns.zone.Zone) -> None:
        now = datetime.datetime.now(datetime.UTC)
        keys = [(self._private, self.dnskey)]
        dns.dnssec.sign_zone(zone, keys=keys, inception=now - HOUR, expiration=now + 24 * HOUR)


class Names:
    """Both daemons on one host."""

    def __init__(self, host: Host, records: str, plain: str) -> None:
        """`records` are those of test., `plain` those of plain.test., in master file format."""
        self._host = host
        self._folder = host.folder
        key, other = Key(), Key()
        delegated = f"""\
plain NS ns.test.
bogus NS ns.test.
bogus DS {other.ds("bogus.test.")}
lame NS ns.test.
silent NS ns.silent
ns.silent A {NOBODY}
"""
        bogus = HEAD.replace("ns A", "; ns A") + "@ MX 10 mail.alpha.test.\n"
        texts = {
            "test.": (HEAD + delegated + records, key),
            "plain.test.": (HEAD + plain, None),
            "bogus.test.": (bogus, Key()),
        }
        self._zones(texts)
        self._configure(key.ds("test."))

    def _zones(self, texts: Mapping[str, tuple[str, Key | None]]) -> None:
        for origin, (text, key) in texts.items():
            zone = dns.zone.from_text(text, origin=origin, relativize=False)
            if key is not None:
                key.sign(zone)
            zone.to_file(str(self._folder / f"{origin}zone"), relativize=False)

    def _configure(self, anchor: str) -> None:
        folder = self._folder
        zones = "".join(
            f"zone:\n  name: {name}\n  zonefile: {folder}/{name}zone\n"
            for name in ("test.", "plain.test.", "bogus.test.", "lame.test.")
        )
        folder.joinpath("nsd.conf").write_text(
            f"""\
server:
  ip-address: {SERVER}
  username: ""
  chroot: ""
  zonesdir: {folder}
  database: ""
  pidfile: {folder}/nsd.pid
  xfrdfile: {folder}/xfrd.state
  zonelistfile: {folder}/zone.list
  xfrdir: {folder}
  server-count: 1
remote-control:
  control-enable: no
{zones}"""
        )
        folder.joinpath("unbound.conf").write_text(
            f"""\
server:
  interface: {VALIDATOR}
  access-control: {NETWORK}.0/24 allow
  outgoing-interface: {VALIDATOR}
  do-ip6: no
  username: ""
  chroot: ""
  directory: {folder}
  pidfile: {folder}/unbound.pid
  use-syslog: no
  num-threads: 1
  module-config: "validator iterator"
  trust-anchor: "test. DS {anchor}"
  local-zone: "test." nodefault
  cache-max-negative-ttl: 2
  val-bogus-ttl: 2
remote-control:
  control-enable: no
stub-zone:
  name: test.
  stub-addr: {SERVER}
"""
        )

    def start(self) -> None:
        folder = self._folder
        daemons = (
            self._host.daemon("nsd", "-d", "-c", folder / "nsd.conf", log=folder / "nsd.log"),
            self._host.daemon("unbound", "-d", "-c", folder / "unbound.conf", log=folder / "unbound.log"),
        )
        self._wait("test.", "SOA", daemons)

    def _wait(self, name: str, kind: str, daemons: "tuple[subprocess.Popen[str], ...]") -> None:
        deadline = time.monotonic() + START
        while True:
            try:
                if self.ask(name, kind, 0.2).answer:
                    return
            except (OSError, dns.exception.DNSException):
                time.sleep(0.05)
            ended = [daemon.args for daemon in daemons if daemon.poll() is not None]
            if ended or time.monotonic() > deadline:
                logs = "".join(path.read_text()[-2000:] for path in sorted(self._folder.glob("*.log")))
                raise AssertionError(f"DNS does not serve; ended: {ended}\n{logs}")

    def ask(self, name: str, kind: str, patience: float = 20) -> dns.message.Message:
        """What the validator says, with DO and AD."""
        question = dns.message.make_query(name, kind, want_dnssec=True)
        question.flags |= dns.flags.AD
        sock = self._host.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with sock:
            sock.setblocking(False)
            dns.query.send_udp(sock, question, (VALIDATOR, 53))
            return dns.query.receive_udp(sock, (VALIDATOR, 53), expiration=time.time() + patience)[0]
