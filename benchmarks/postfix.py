"""Debian's Postfix with configuration, queue and data of its own; local mail goes to Dovecot by LMTP.

Tuned as an administrator of a busy small machine would: no address rewriting that nobody asked for, no pause
between what comes in and what goes out (`in_flow_delay`), no look-ups of client names, no milters, no content
filter. Everything else is Debian's default; fsync is Postfix's own and cannot be turned off.
"""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.group import Group
from benchmarks.server import ACCOUNTS, DOMAIN, HOST, HOSTNAME, LARGEST, Ports, give, spawn, wait_port
from benchmarks.sinks import Sinks

MASTER = """\
{host}:{ports.smtp} inet n - n - 200 smtpd
{host}:{ports.submission} inet n - n - 200 smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
local     unix - n n - - local
virtual   unix - n n - - virtual
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A Postfix of our own beside the system's."""

    def __init__(
        self, folder: Path, disk: Path, ports: Ports, lmtp: Path, tls: tuple[Path, Path], sinks: Sinks
    ) -> None:
        self._config = folder / "postfix"
        self._queue = disk / "queue"
        self._data = folder / "postfix-data"
        self._log = folder / "postfix.log"
        self._ports = ports
        self._child: subprocess.Popen[bytes] | None = None
        user = pwd.getpwnam("postfix")
        give(self._config, 0, 0)
        give(self._queue, 0, 0)
        give(self._data, user.pw_uid, user.pw_gid)
        self._user = user
        self._write(lmtp, tls, sinks)

    def _write(self, lmtp: Path, tls: tuple[Path, Path], sinks: Sinks) -> None:
        users = self._config / "mailboxes"
        users.write_text("".join(f"{local}@{DOMAIN} {local}\n" for local in ACCOUNTS))
        transports = self._config / "transports"
        transports.write_text(
            "".join(f"{domain} smtp:[{HOST}]:{port}\n" for domain, port in sinks.ports.items())
        )
        settings = {
            "compatibility_level": "3.6",
            "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "queue_directory": self._queue,
            "data_directory": self._data,
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": self._log,
            "maillog_file_prefixes": self._log.parent,
            "myhostname": HOSTNAME,
            "mydestination": "",
            "local_recipient_maps": "",
            "alias_maps": "",
            "inet_interfaces": HOST,
            "inet_protocols": "ipv4",
            "mynetworks": "127.0.0.0/8",
            "virtual_mailbox_domains": DOMAIN,
            "virtual_mailbox_maps": f"hash:{users}",
            "virtual_transport": f"lmtp:unix:{lmtp}",
            "transport_maps": f"hash:{transports}",
            "smtp_tls_security_level": "may",
            "message_size_limit": LARGEST,
            "mailbox_size_limit": "0",
            "virtual_mailbox_limit": "0",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
            "smtpd_peername_lookup": "no",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_chain_files": f"{tls[1]}, {tls[0]}",
            "local_header_rewrite_clients": "",
            "in_flow_delay": "0",
            "biff": "no",
        }
        text = "".join(f"{key} = {value}\n" for key, value in settings.items())
        (self._config / "main.cf").write_text(text)
        (self._config / "master.cf").write_text(MASTER.format(host=HOST, ports=self._ports))
        for table in (users, transports):
            _run("postmap", "-c", str(self._config), f"hash:{table}")

    def start(self, group: Group) -> None:
        # Makes the folders of the queue, once.
        _run("postfix", "-c", str(self._config), "check")
        self._child = spawn(group, ["postfix", "-c", str(self._config), "start-fg"], self._log)
        wait_port(self._ports.smtp, self._child, self._log)

    def stop(self) -> None:
        if self._child is not None:
            _run("postfix", "-c", str(self._config), "stop")
            self._child.wait(60)
            self._child = None

    def queued(self) -> int:
        """Of those that are under way; the deferred ones wait for their time. A message may be counted twice
        while it moves on."""
        return sum(len(os.listdir(self._queue / name)) for name in ("maildrop", "incoming", "active"))

    def fill(self, count: int, domain: str) -> None:
        """Stopped: copies of one message for this domain that is there, to be tried in an hour."""
        deferred = self._queue / "deferred"
        there = [*self._queue.glob("active/*"), *self._queue.glob("incoming/*"), *deferred.glob("?/*")]
        content = next(data for path in there if domain.encode() in (data := path.read_bytes()))
        later = time.time() + 3600
        for number in range(count - len(there)):
            path = deferred / "new"
            path.write_bytes(content)
            name = (
                f"{number % 1_000_000:05X}{path.stat().st_ino:X}"  # microseconds and inode, as Postfix does
            )
            os.chown(path, self._user.pw_uid, self._user.pw_gid)
            path.chmod(0o700)
            os.utime(path, (later, later))
            folder = deferred / name[0]
            if not folder.exists():
                give(folder, self._user.pw_uid, self._user.pw_gid)
                folder.chmod(0o700)
            path.rename(folder / name)

    def empty(self) -> None:
        for name in ("deferred", "defer"):
            for folder in (self._queue / name).iterdir():
                shutil.rmtree(folder)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
