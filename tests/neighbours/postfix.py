"""Debian's Postfix as a neighbour: mail.post.test, with DANE towards others, everything below one folder."""

import pwd
import subprocess
from pathlib import Path

from tests.neighbours.authority import Pair
from tests.neighbours.stage import Host

DOMAIN = "post.test"
NAME = f"mail.{DOMAIN}"
DAEMONS = Path("/usr/lib/postfix/sbin")
LOCALS = ("taro", "hanako", "a..b", "太郎")

MASTER = """\
25        inet n - n - - smtpd
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
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    def __init__(self, host: Host, pair: Pair, authority: Path, uid: int) -> None:
        """`uid` is that of the user postfix on the stage."""
        self.host = host
        self.folder = host.folder
        self.log = self.folder / "postfix.log"  # also what master and its children say
        self._config = self.folder / "config"
        self._mail = self.folder / "mail"
        queue, data = self.folder / "queue", self.folder / "data"
        for folder in (self._config, self._mail, queue, data):
            folder.mkdir(mode=0o755)
        nobody = pwd.getpwnam("nobody")
        for folder, owner in ((data, uid), (self._mail, nobody.pw_uid)):
            subprocess.run(["chown", str(owner), str(folder)], check=True)
        mailboxes = self._config / "mailboxes"
        mailboxes.write_text("".join(f"{local}@{DOMAIN} {local}/\n" for local in LOCALS))
        settings = {
            "compatibility_level": "3.6",
            "command_directory": "/usr/sbin",
            "daemon_directory": DAEMONS,
            "queue_directory": queue,
            "data_directory": data,
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": self.log,
            "maillog_file_prefixes": self.folder,
            "myhostname": NAME,
            "mydestination": "",
            "local_recipient_maps": "",
            "alias_maps": "",
            "inet_interfaces": "all",
            "inet_protocols": "ipv4",
            "smtp_bind_address": host.address,
            "mynetworks": f"127.0.0.0/8, {host.address}",
            "virtual_mailbox_domains": DOMAIN,
            "virtual_mailbox_maps": f"texthash:{mailboxes}",
            "virtual_mailbox_base": self._mail,
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
            "smtpd_peername_lookup": "no",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_chain_files": f"{pair.key}, {pair.certificate}",
            "smtpd_tls_received_header": "yes",
            "smtp_tls_security_level": "dane",
            "smtp_dns_support_level": "dnssec",
            "smtp_tls_CAfile": authority,
            "smtp_tls_loglevel": "1",
            "smtp_host_lookup": "dns",
            "minimal_backoff_time": "2s",
            "queue_run_delay": "2s",
            "biff": "no",
        }
        text = "".join(f"{key} = {value}\n" for key, value in settings.items())
        (self._config / "main.cf").write_text(text)
        (self._config / "master.cf").write_text(MASTER)

    def launch(self) -> None:
        self.host.run("postfix", "-c", self._config, "check")  # makes the folders of the queue
        self.host.daemon(DAEMONS / "master", "-c", self._config, "-s", log=self.folder / "master.log")

    def folder_of(self, local: str) -> Path:
        """Of a mailbox: a Maildir."""
        return self._mail / local
