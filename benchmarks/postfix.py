"""Debian's Postfix with configuration, queue and data of its own; local mail goes to Dovecot by LMTP.

Tuned as an administrator of a busy small machine would: no address rewriting that nobody asked for, no pause
between what comes in and what goes out (`in_flow_delay`), no look-ups of client names, no milters, no content
filter. Everything else is Debian's default; fsync is Postfix's own and cannot be turned off.
"""

import pwd
import subprocess
from pathlib import Path

from benchmarks.group import Group
from benchmarks.server import ACCOUNTS, DOMAIN, HOST, HOSTNAME, LARGEST, give, spawn, wait_port

MASTER = """\
{host}:{port} inet n - n - 200 smtpd
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

    def __init__(self, folder: Path, disk: Path, port: int, lmtp: Path, tls: tuple[Path, Path]) -> None:
        self._config = folder / "postfix"
        self._queue = disk / "queue"
        self._data = folder / "postfix-data"
        self._log = folder / "postfix.log"
        self._port = port
        self._child: subprocess.Popen[bytes] | None = None
        user = pwd.getpwnam("postfix")
        give(self._config, 0, 0)
        give(self._queue, 0, 0)
        give(self._data, user.pw_uid, user.pw_gid)
        self._write(lmtp, tls)

    def _write(self, lmtp: Path, tls: tuple[Path, Path]) -> None:
        users = self._config / "mailboxes"
        users.write_text("".join(f"{local}@{DOMAIN} {local}\n" for local in ACCOUNTS))
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
        (self._config / "master.cf").write_text(MASTER.format(host=HOST, port=self._port))
        _run("postmap", "-c", str(self._config), f"hash:{users}")

    def start(self, group: Group) -> None:
        # Makes the folders of the queue, once.
        _run("postfix", "-c", str(self._config), "check")
        self._child = spawn(group, ["postfix", "-c", str(self._config), "start-fg"], self._log)
        wait_port(self._port, self._child, self._log)

    def stop(self) -> None:
        if self._child is not None:
            _run("postfix", "-c", str(self._config), "stop")
            self._child.wait(60)
            self._child = None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
