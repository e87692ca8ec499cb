"""The whole stage: name servers, two servers of ours, Postfix, Exim, and a town of small hosts.

    10.81.0.2, .3      NSD, and Unbound that everybody asks
    10.81.0.11, .12    mail.alpha.test and mail.beta.test: ours
    10.81.0.13, .14    mail.post.test (Postfix) and mail.exim.test
    10.81.0.20         the web server that has the MTA-STS policies
    10.81.0.32 …       the town: sinks and faulty servers, which the tests run themselves

Zones are signed once, so every name that a test needs stands here, or in signing.py. `house<n>.test` is a domain of
the town whose only MX is the address n; `many.test` has any domain below it at one address.
"""

import tempfile
from pathlib import Path

from tests.neighbours.authority import Authority
from tests.neighbours.exim import Exim, configuration
from tests.neighbours.names import NOBODY, SERVER, VALIDATOR, Names
from tests.neighbours.ours import Kwcmaild
from tests.neighbours.packages import UNPACKED, users
from tests.neighbours.postfix import Postfix
from tests.neighbours.signing import OURS, Signing
from tests.neighbours.stage import NETWORK, Stage, ipv6

TOWN = range(32, 96)  # last numbers of the town's addresses
WEB = 20
MANY = 33  # of *.many.test
TWO = (34, 35)  # of two.test: two MX
CLOSED = 36  # nobody ever listens there
VERIFIED, PINNED_WRONG, PINNED_PLAIN = 40, 41, 42  # TLSA: right, wrong, right but without TLS
STS, STS_WRONG = 43, 44  # MTA-STS in mode enforce: good certificate, another name's certificate
UNSIGNED = 45  # of plain.test; its TLSA is not secure
FREE = range(50, 96)  # house<n>.test


class Land:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kwcmaild-neighbours-"))
        self.folder.chmod(0o755)  # for the daemons that give up root
        self.authority = Authority(self.folder / "certificates")
        issue = self.authority.issue
        self.verified = issue("mx.dane.test")
        self.pinned_wrong = issue("mx.danebad.test")
        self.sts = issue("mx.sts.test")
        self.sts_wrong = issue("elsewhere.test")
        self.policies = issue("mta-sts.sts.test", "mta-sts.stsbad.test")
        pairs = {name: issue(f"mail.{name}.test") for name in ("alpha", "beta", "post", "exim")}
        numbers, texts = users()
        pairs["exim"].key.chmod(0o644)  # Exim reads it when it has given up root
        etc = {
            "resolv.conf": f"nameserver {VALIDATOR}\noptions trust-ad\n",
            "hosts": "127.0.0.1 localhost\n",
            "exim4/exim4.conf": configuration(self.folder / "exim", f"{NETWORK}.14", pairs["exim"]),
        }
        self.stage = Stage(self.folder, {**etc, **texts}, UNPACKED)
        host = self.stage.host
        self.signing = Signing()
        self.names = Names(
            host("dns", *(int(each.rpartition(".")[2]) for each in (SERVER, VALIDATOR, NOBODY))),
            self._records(pairs["beta"].tlsa) + self.signing.records,
            _unsigned(),
        )
        self.alpha = Kwcmaild(host("alpha", 11), "alpha.test", self.authority, pairs["alpha"])
        self.alpha.serve(OURS, self.signing.keys)
        self.beta = Kwcmaild(host("beta", 12), "beta.test", self.authority, pairs["beta"], patience="10m")
        self.postfix = Postfix(
            host("postfix", 13), pairs["post"], self.authority.certificate, numbers["postfix"]
        )
        self.exim = Exim(host("exim", 14), numbers["Debian-exim"])
        self.town = host("town", WEB, *TOWN)

    def _records(self, beta: str) -> str:
        free = "".join(
            f"house{number} MX 10 mx.house{number}\nmx.house{number} A {NETWORK}.{number}\n"
            for number in FREE
        )
        return f"""\
alpha MX 10 mail.alpha
mail.alpha A {NETWORK}.11
beta MX 10 mail.beta
mail.beta A {NETWORK}.12
_25._tcp.mail.beta TLSA {beta}
post MX 10 mail.post
mail.post A {NETWORK}.13
exim MX 10 mail.exim
mail.exim A {NETWORK}.14
www.beta CNAME beta
nomail MX 0 .
nomx A {NETWORK}.37
*.many MX 10 mx.many
mx.many A {NETWORK}.{MANY}
two MX 10 mx1.two
two MX 20 mx2.two
mx1.two A {NETWORK}.{TWO[0]}
mx2.two A {NETWORK}.{TWO[1]}
closed MX 10 mx.closed
mx.closed A {NETWORK}.{CLOSED}
both MX 10 mx.both
mx.both AAAA {ipv6(CLOSED)}
mx.both A {NETWORK}.38
dane MX 10 mx.dane
mx.dane A {NETWORK}.{VERIFIED}
_25._tcp.mx.dane TLSA {self.verified.tlsa}
danebad MX 10 mx.danebad
mx.danebad A {NETWORK}.{PINNED_WRONG}
_25._tcp.mx.danebad TLSA {self.verified.tlsa}
daneplain MX 10 mx.daneplain
mx.daneplain A {NETWORK}.{PINNED_PLAIN}
_25._tcp.mx.daneplain TLSA {self.verified.tlsa}
sts MX 10 mx.sts
mx.sts A {NETWORK}.{STS}
_mta-sts.sts TXT "v=STSv1; id=20260101;"
mta-sts.sts A {NETWORK}.{WEB}
stsbad MX 10 mx.stsbad
mx.stsbad A {NETWORK}.{STS_WRONG}
_mta-sts.stsbad TXT "v=STSv1; id=20260101;"
mta-sts.stsbad A {NETWORK}.{WEB}
{free}"""

    def start(self) -> "Land":
        """All of it serves when this returns."""
        self.alpha.launch()
        self.beta.launch()
        self.names.start()
        self.postfix.launch()
        self.exim.launch()
        self.alpha.serving()
        self.beta.serving()
        for daemon in (self.postfix, self.exim):
            daemon.host.wait_greeting()
        return self

    def stop(self) -> None:
        self.stage.stop()


def _unsigned() -> str:
    """plain.test."""
    wrong = "3 1 1 " + "00" * 32
    return f"@ MX 10 mx\nmx A {NETWORK}.{UNSIGNED}\n_25._tcp.mx TLSA {wrong}\n"
