"""Debian's Exim as a neighbour: mail.exim.test, everything below one folder but its configuration.

Exim gives up its privileges for a configuration that is named on the command line, so this one stands at its own
place in the stage's `/etc`.
"""

import subprocess
from pathlib import Path

from tests.neighbours.authority import Pair
from tests.neighbours.stage import Host

DOMAIN = "exim.test"
NAME = f"mail.{DOMAIN}"

CONFIG = """\
primary_hostname = {name}
spool_directory = {folder}/spool
log_file_path = {folder}/%s.log
pid_file_path = {folder}/exim.pid
local_interfaces = {address}
daemon_smtp_ports = 25
domainlist local_domains = {domain}
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
tls_require_ciphers = NORMAL
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
allow_utf8_domains = true
dns_dnssec_ok = 1
disable_ipv6 = true
host_lookup =
rfc1413_query_timeout = 0s
remote_max_parallel = 1
log_selector = +tls_certificate_verified +dnssec +received_recipients
acl_smtp_rcpt = recipients
begin acl
recipients:
  accept hosts = {address} : 127.0.0.1
  deny local_parts = refused
       message = refused by its owner
  accept domains = +local_domains
  deny message = relaying denied
begin routers
here:
  driver = accept
  domains = +local_domains
  transport = maildir
world:
  driver = dnslookup
  transport = remote
  dnssec_request_domains = *
  ignore_target_hosts = 0.0.0.0 : 127.0.0.0/8
  no_more
begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  user = Debian-exim
  envelope_to_add
  return_path_add
remote:
  driver = smtp
  interface = {address}
  hosts_try_dane = *
  dnssec_request_domains = *
begin retry
* * F,2h,1s
"""


def configuration(folder: Path, address: str, pair: Pair) -> str:
    """What stands in /etc/exim4/exim4.conf."""
    return CONFIG.format(
        name=NAME, domain=DOMAIN, folder=folder, address=address, certificate=pair.certificate, key=pair.key
    )


class Exim:
    def __init__(self, host: Host, uid: int) -> None:
        """`uid` is that of the user Debian-exim on the stage."""
        self.host = host
        self.folder = host.folder
        self.log = self.folder / "main.log"
        self._mail = self.folder / "mail"
        for folder in (self._mail, self.folder / "spool"):
            folder.mkdir(mode=0o755)
        subprocess.run(["chown", "-R", f"{uid}:{uid}", str(self.folder)], check=True)

    def launch(self) -> None:
        self.host.daemon("exim4", "-bdf", "-q1s", log=self.folder / "daemon.log")

    def folder_of(self, local: str) -> Path:
        """A Maildir, the same for everybody."""
        return self._mail
