"""Every filter at once, as a site runs them: Debian's clamd, and its rspamd or spamd, behind our server; Postfix as
the outside world, whose mail is signed, infected or spam; NSD's zones. What the server sends on, and posts to a
list's member outside, comes back to Postfix."""

import base64
import re
import smtplib
import sys
from collections.abc import Iterator
from pathlib import Path

import dkim
import pytest

from tests.clients.daemons import Login
from tests.engines.conftest import clamd as clamd  # fixtures here, too
from tests.engines.conftest import rspamd as rspamd
from tests.engines.conftest import spamd as spamd
from tests.engines.engines import EICAR, GTUBE, Engine
from tests.neighbours.client import submit, wait_for, wait_mail, wait_maildir
from tests.neighbours.land import Land
from tests.neighbours.signing import AUTHOR, OURS, resolver, verified
from tests.neighbours.test_authentication import message, results
from tests.neighbours.test_coming_in import ISO_2022_JP, hand_in

SENDER = f"taro@{AUTHOR}"


class Site:
    """Our server with these engines, an account, one that forwards to Postfix, and a list with a member there."""

    def __init__(self, land: Land, engine: Engine, clamd: Path, folder: Path) -> None:
        self.land = land
        self.clamd, self._real = folder / "clamd.sock", clamd
        self.clamd.symlink_to(clamd)
        virus = f"{{engine: clamd, address: {self.clamd}}}"
        land.alpha.configure(f"{{virus: {virus}, spam: {{{engine.settings}}}}}")
        name = self.name = engine.name
        more = "spam: {tag_subject: true, to_junk: true}\n"
        self.login = land.alpha.account(f"{name}-in", more, OURS)
        self.forwards = land.alpha.account(f"{name}-on", "forward: {to: [hanako@post.test]}\n" + more, OURS)
        path = land.alpha.folder / f"domains/{OURS}/lists/{name}.yaml"
        path.with_name(".new").write_text(
            f"owner: {self.login.address}\nmembers: [taro@post.test, nobody@post.test]\nposting: anyone\n"
        )
        path.with_name(".new").rename(path)

    def close(self) -> None:
        self.land.alpha.configure()

    def come(self, to: str, mark: str, more: bytes = b"") -> bytes:
        """Postfix sends a signed mail; the mail."""
        text = self.land.signing.signed(message(SENDER, to, mark) + more)
        hand_in(self.land.postfix, SENDER, to, text)
        return text

    def outside(self, local: str, having: str) -> bytes:
        """What Postfix has got."""
        return wait_maildir(self.land.postfix.folder_of(local), having.encode())


@pytest.fixture(scope="module", params=["rspamd", "spamd"])
def site(
    request: pytest.FixtureRequest, land: Land, clamd: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    engine: Engine = request.getfixturevalue(request.param)
    site = Site(land, engine, clamd, tmp_path_factory.mktemp("engines"))
    yield site
    site.close()


def notice(login: Login) -> str:
    """The text of the newest message, which is one of the server's own."""
    stored = wait_mail(login)
    assert b"\r\nAuto-Submitted: auto-generated\r\n" in stored
    return base64.b64decode(stored.partition(b"\r\n\r\n")[2]).decode()


def test_what_is_good_comes_in_is_sent_on_and_posted(site: Site) -> None:
    land, name = site.land, site.name
    site.come(site.login.address, f"{name}-good")
    stored = wait_mail(site.login)
    assert results(stored) == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert re.search(rb"^X-Spam-Status: No, score=\S+ required=\S+\r\n\ttests=KNOWN\r$", stored, re.M)
    site.come(site.forwards.address, f"{name}-forwarded")
    forwarded = site.outside("hanako", f"<{name}-forwarded@")
    assert re.search(rb"^Return-Path: <SRS0=[^@]+@signed\.test>", forwarded, re.M)
    assert verified(forwarded, land.names, AUTHOR) == 1
    assert dkim.arc_verify(forwarded, dnsfunc=resolver(land.names))[0] == dkim.CV_Pass
    site.come(f"{name}@{OURS}", f"{name}-post")
    post = site.outside("taro", f"<{name}-post@")
    assert f"Subject: [{name}:00001] =?ISO-2022-JP?B?".encode() in post
    assert verified(post, land.names, OURS) == 1
    # Postfix knows no such member: that comes back to the return address of this one's copy, and is counted
    land.alpha.relay_log.wait("list.bounced", list=f"{name}@{OURS}", member="nobody@post.test")


def test_spam_is_marked_sorted_and_not_sent_on(site: Site) -> None:
    for login in (site.login, site.forwards):
        site.come(login.address, f"{site.name}-spam", GTUBE + b"\r\n")
        junk = wait_for(lambda login=login: login.stored("Junk"), "junk")[-1]  # type: ignore[misc]
        assert re.search(rb"^X-Spam-Status: Yes, score=\S+ required=\S+\r\n\ttests=", junk, re.M)
        assert b"\r\nSubject: [SPAM] =?ISO-2022-JP?B?GyRCOCtAUT1xGyhC?=" in junk
        assert results(junk)["dmarc"] == "pass"
        assert junk.endswith(ISO_2022_JP + GTUBE + b"\r\n")
    assert not site.land.alpha.files_in_queue()


def test_a_virus_goes_nowhere_and_its_recipient_is_told(site: Site) -> None:
    land = site.land
    mark = land.alpha.log.mark()
    site.come(site.login.address, f"{site.name}-virus", EICAR + b"\r\n")
    land.alpha.log.wait("mail.delivered", since=mark, account=site.login.address)
    text = notice(site.login)
    assert "Tests.Eicar" in text and SENDER in text and "見積書" in text
    assert not land.alpha.files_in_queue()  # its sender, and who it might have been sent on to, hear nothing
    author = land.alpha.account(f"{site.name}-out", domain=OURS)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        submit(
            land.alpha, author, ["taro@post.test"], message(author.address, "taro@post.test", "out") + EICAR
        )
    assert refused.value.smtp_code == 554
    assert refused.value.smtp_error.startswith(b"5.7.1 virus found: Tests.Eicar")
    assert "taro@post.test" in notice(author)
    assert not land.alpha.files_in_queue()


def test_postfix_waits_while_clamd_is_away(site: Site) -> None:
    land = site.land
    login = land.alpha.account(f"{site.name}-waits", domain=OURS)
    mark = land.alpha.log.mark()
    site.clamd.unlink()
    try:
        site.come(login.address, f"{site.name}-waits")
        line = land.alpha.log.wait("virus.engine_away", since=mark)
        assert line["then"] == "defer"
        said = "said: 451 4.3.0 the virus check is not available, try again later"
        wait_for(
            lambda: [
                each
                for each in land.postfix.log.read_text().splitlines()
                if login.address in each and said in each
            ],
            said,
        )
        assert not login.stored()
    finally:
        site.clamd.symlink_to(site._real)
    assert f"<{site.name}-waits@".encode() in wait_mail(login)


def test_dns_is_compared_with_what_nsd_serves(land: Land) -> None:
    """signed.test publishes what it has to; alpha.test has an MX and no more."""
    said = land.alpha.run("dns", OURS, "--check")
    states = [
        line.split()[0] for line in said.splitlines() if OURS in line and not line.startswith((" ", "not"))
    ]
    assert states == ["ok"] * 5
    assert 'publish: _smtp._tls.signed.test. 3600 IN TXT "v=TLSRPTv1;' in said
    command = [sys.executable, "-m", "kwcmaild", "dns", "alpha.test", "--check", "-c", land.alpha.settings]
    said = land.alpha.host.run(*command, ok=(1,))
    assert re.search(r"^ok +alpha\.test MX", said, re.M)
    assert re.search(r"^MISSING +alpha\.test TXT: SPF.*\n +publish: alpha\.test\. 3600 IN TXT", said, re.M)
