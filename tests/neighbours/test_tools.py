"""The small programs that people send and try with: swaks, msmtp, and Postfix's smtp-source and smtp-sink."""

from pathlib import Path

import pytest

from tests.clients.daemons import needs
from tests.neighbours.client import wait_for
from tests.neighbours.land import Land
from tests.neighbours.ours import PASSWORD
from tests.neighbours.stage import NETWORK

BURST = 100


@pytest.fixture
def sink(land: Land) -> Path:
    """smtp-sink as the MX of house58.test; the folder where it keeps what it gets."""
    folder = land.folder / "sink"
    folder.mkdir()
    folder.chmod(0o777)  # smtp-sink does not run as root
    land.town.daemon(
        "smtp-sink", "-u", "nobody", "-R", folder, "-d", "mail.", f"inet:{NETWORK}.58:25", "100",
        log=land.folder / "sink.log",
    )  # fmt: skip
    return folder


def test_swaks_submits_and_msmtp_too(land: Land, sink: Path) -> None:
    needs("swaks")
    needs("msmtp")
    sender = land.alpha.account("tools")
    to = "someone@house58.test"
    tls = ["--tls", "--tls-verify", "--tls-ca-path", land.authority.certificate]
    output = land.town.run(
        "swaks", "--server", "mail.alpha.test", "--port", "587", *tls, "--auth-user", sender.address,
        "--auth-password", PASSWORD, "--from", sender.address, "--to", to, "--header", "Subject: by swaks",
    )  # fmt: skip
    assert "250 2.0.0" in output
    config = land.town.folder / "msmtprc"
    config.write_text(
        f"account default\nhost mail.alpha.test\nport 465\ntls on\ntls_starttls off\n"
        f"tls_trust_file {land.authority.certificate}\nauth on\nuser {sender.address}\npassword {PASSWORD}\n"
        f"from {sender.address}\n"
    )
    config.chmod(0o600)
    land.town.run(
        "msmtp", "-C", config, "--dsn-notify=failure", "--dsn-return=headers", to,
        input=f"From: {sender.address}\nTo: {to}\nSubject: by msmtp\n\nHello\n".encode(),
    )  # fmt: skip

    def came() -> set[str]:
        texts = [path.read_text() for path in sink.glob("mail.*")]
        return {line for text in texts for line in text.splitlines() if line.startswith("Subject: by ")}

    wait_for(lambda: came() == {"Subject: by swaks", "Subject: by msmtp"}, "both messages")


def test_burst_of_smtp_source(land: Land) -> None:
    login = land.beta.account("burst")
    land.postfix.host.run(
        "smtp-source", "-s", "5", "-m", str(BURST), "-l", "4000", "-S", "burst", "-M", "source.test",
        "-f", "burst@source.test", "-t", login.address, f"inet:{land.beta.host.address}:25",
    )  # fmt: skip
    stored = login.stored()
    assert len(stored) == BURST
    assert all(b"Subject: burst\r\n" in each for each in stored)


def test_swaks_checks_what_ours_offers(land: Land) -> None:
    needs("swaks")
    output = land.town.run("swaks", "--server", "mail.beta.test", "--tls", "--quit-after", "EHLO")
    for word in (
        "PIPELINING",
        "SIZE",
        "8BITMIME",
        "CHUNKING",
        "SMTPUTF8",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "REQUIRETLS",
    ):
        assert word in output
