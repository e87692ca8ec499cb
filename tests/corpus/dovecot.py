"""Asks a real Dovecot what it makes of messages, to compare with ours.

Dovecot's imap program is run alone over a pipe, already logged in, on a Maildir of its own under /tmp: no
port, no daemon. It must not run as root, so root becomes nobody for it.
"""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from tests.corpus.values import Value, read_values

PROGRAM = Path("/usr/lib/dovecot/imap")
ITEMS = ("ENVELOPE", "BODYSTRUCTURE", "BODY")


def missing() -> str | None:
    """Why Dovecot cannot be asked, or None."""
    return None if PROGRAM.exists() else "dovecot-imapd is not installed"


def ask(messages: list[bytes], items: tuple[str, ...] = ITEMS) -> list[dict[str, Value]]:
    """For each message the values of `items` as Dovecot gives them."""
    place = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
    try:
        for name in ("cur", "new", "tmp"):
            (place / "Maildir" / name).mkdir(parents=True)
        for number, message in enumerate(messages, 1):
            (place / "Maildir" / "cur" / f"{number:09d}.a.host:2,").write_bytes(message)
        output = _run(place, items)
    finally:
        shutil.rmtree(place)
    found: list[dict[str, Value]] = []
    for match in re.finditer(rb"^\* \d+ FETCH ", output, re.MULTILINE):
        values, _ = read_values(output, match.end() + 1)
        found.append({str(values[i], "ascii"): values[i + 1] for i in range(0, len(values), 2)})
    if len(found) != len(messages):
        raise AssertionError(output[-2000:])
    return found


def _run(place: Path, items: tuple[str, ...]) -> bytes:
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    config = place / "dovecot.conf"
    config.write_text(
        f"log_path = {place}/log\nbase_dir = {place}/run\nstate_dir = {place}/run\nssl = no\n"
        f"protocols = imap\nmail_location = maildir:{place}/Maildir\nfirst_valid_uid = 1\n"
        f"first_valid_gid = 1\nmail_uid = {user.pw_uid}\nmail_gid = {user.pw_gid}\n"
    )
    if os.geteuid() == 0:
        for path in [place, *place.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
    commands = b"a SELECT INBOX\r\nb FETCH 1:* (%s)\r\nc LOGOUT\r\n" % " ".join(items).encode()
    # Its input stays open until it has logged out: an end of input makes it drop what it has not written.
    with subprocess.Popen(
        [str(PROGRAM), "-c", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"USER": user.pw_name, "HOME": str(place), "PATH": "/usr/bin:/bin"},
        **({"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}),
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        watch = threading.Timer(60, process.kill)
        watch.start()
        try:
            process.stdin.write(commands)
            process.stdin.flush()
            return process.stdout.read()
        finally:
            watch.cancel()
