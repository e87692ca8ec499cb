"""Messages as large as the service takes, in and out, in processes whose memory does not grow with them."""

import hashlib
import smtplib
from pathlib import Path

import pytest

from tests.clients.daemons import HOST, Daemons, Login, Tools
from tests.clients.mail import SENDER, mail

MEBI = 1024 * 1024
SIZE = 95 * MEBI
GROWTH_MOST = 32 * MEBI


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    head = mail("large", b"", "Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64")
    with path.open("wb") as file:
        file.write(head)
        block = (b"QUJD" * 19 + b"\r\n") * 13_000
        while file.tell() < SIZE - len(block):
            file.write(block)
    return path


def peak(pid: int) -> int:
    """The most memory that the process has ever had, in octets."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_in_by_smtp_out_by_imap_and_pop3(
    daemons: Daemons, login: Login, tools: Tools, large: Path, tmp_path: Path
) -> None:
    before = {room: peak(daemons.pid(room)) for room in ("smtp", "imap", "pop3")}
    ports = daemons.demo.ports
    trust = ["--cacert", str(daemons.demo.ca)]
    user = ["--user", f"{login.address}:{login.password}"]
    to = ["--mail-from", SENDER, "--mail-rcpt", login.address]
    tools("curl", "-sS", *trust, "--ssl-reqd", f"smtp://{HOST}:{ports['mx']}", *to, "-T", large)
    tools("curl", "-sS", *trust, *user, f"imaps://{HOST}:{ports['imaps']}/INBOX;UID=1", "-o", "by-imap")
    tools("curl", "-sS", *trust, *user, f"pop3s://{HOST}:{ports['pop3s']}/1", "-o", "by-pop3")
    (file,) = login.files()
    digest = sha256(file)
    assert sha256(large, file.stat().st_size - large.stat().st_size, file) == digest
    assert sha256(tmp_path / "by-imap") == sha256(tmp_path / "by-pop3") == digest
    grown = {room: peak(daemons.pid(room)) - before[room] for room in before}
    assert max(grown.values()) < GROWTH_MOST, grown


def sha256(path: Path, skip: int = 0, first: Path | None = None) -> str:
    """Of a file; or of the first `skip` octets of another and then of this file."""
    digest = hashlib.sha256()
    if first is not None:
        with first.open("rb") as file:
            digest.update(file.read(skip))
    with path.open("rb") as file:
        while block := file.read(MEBI):
            digest.update(block)
    return digest.hexdigest()


def test_too_large_is_refused_before_it_is_sent(daemons: Daemons, login: Login) -> None:
    with smtplib.SMTP(HOST, daemons.demo.ports["mx"]) as client:
        client.ehlo()
        assert int(client.esmtp_features["size"]) == 100 * MEBI
        answer = client.mail(SENDER, [f"SIZE={100 * MEBI + 1}"])
    assert answer[0] == 552 and answer[1].startswith(b"5.3.4")
