"""Debian's Dovecot with configuration and data of its own: LMTP, IMAP and POP3 over Maildir with Maildir++ quota.

Tuned as an administrator of a busy small machine would: login and mail processes are used again instead of one
for each connection, passwords are remembered, nobody else writes into the Maildirs (`maildir_very_dirty_syncs`),
idle clients hibernate after 30 seconds. fsync is on (`mail_fsync = optimized`: whatever was acknowledged).
"""

import pwd
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.group import Group
from benchmarks.server import (
    ACCOUNTS,
    DOMAIN,
    HOST,
    HOSTNAME,
    PASSWORD,
    Ports,
    give,
    spawn,
    stop,
    wait_port,
)

USER = "mail"  # Debian's own, to whom the Maildirs belong
HIBERNATE = 30  # seconds
IDLE_KILL = 10  # seconds that a mail process without a client is kept for the next one

CONFIG = """\
base_dir = {folder}/dovecot-run
state_dir = {folder}/dovecot-state
instance_name = kwcmaild-bench-{port}
log_path = {log}
protocols = imap pop3 lmtp
listen = {host}
hostname = {hostname}
postmaster_address = postmaster@{domain}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain
auth_cache_size = 16M
auth_cache_ttl = 1 hour
auth_username_format = %Lu
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/dovecot-users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/dovecot-users
}}
mail_location = maildir:~/Maildir
mail_fsync = optimized
maildir_very_dirty_syncs = yes
mail_plugins = quota
mail_max_userip_connections = 10000
imap_hibernate_timeout = {hibernate} secs
default_client_limit = 12000
default_process_limit = 200
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=5G
}}
service anvil {{
  client_limit = 16000
}}
service auth {{
  client_limit = 16000
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service imap {{
  service_count = 1000
  process_min_avail = 4
  process_limit = 5000
  idle_kill = {idle_kill} secs
  extra_groups = $default_internal_group
  unix_listener imap-master {{
    user = $default_internal_user
  }}
}}
service imap-hibernate {{
  unix_listener imap-hibernate {{
    mode = 0660
    group = $default_internal_group
  }}
}}
service pop3-login {{
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service pop3 {{
  service_count = 1000
}}
service lmtp {{
  service_count = 0
  process_min_avail = 4
  unix_listener {lmtp} {{
    mode = 0666
  }}
}}
"""


class Dovecot:
    """A Dovecot of our own beside the system's."""

    def __init__(self, folder: Path, disk: Path, ports: Ports, tls: tuple[Path, Path]) -> None:
        self.lmtp = folder / "lmtp"
        self._mail = disk / "mail"
        self._config = folder / "dovecot.conf"
        self._log = folder / "dovecot.log"
        self._ports = ports
        self._child: subprocess.Popen[bytes] | None = None
        user = pwd.getpwnam(USER)
        give(self._mail, user.pw_uid, user.pw_gid)
        hashed = subprocess.run(
            ["doveadm", "pw", "-s", "SSHA256", "-p", PASSWORD],
            check=True,
            timeout=30,
            capture_output=True,
            text=True,
        ).stdout.strip()
        self._users = folder / "dovecot-users"
        self._user_line = f"{hashed}:{user.pw_uid}:{user.pw_gid}"
        self._users.write_text("")
        self.add(ACCOUNTS)
        self._config.write_text(
            CONFIG.format(
                folder=folder,
                log=self._log,
                host=HOST,
                hostname=HOSTNAME,
                domain=DOMAIN,
                certificate=tls[0],
                key=tls[1],
                lmtp=self.lmtp,
                port=ports.imap,
                imap=ports.imap,
                imaps=ports.imaps,
                pop3=ports.pop3,
                hibernate=HIBERNATE,
                idle_kill=IDLE_KILL,
            )
        )

    def add(self, locals_: Sequence[str]) -> None:
        lines = [f"{local}@{DOMAIN}:{self._user_line}::{self._mail / local}::\n" for local in locals_]
        with self._users.open("a") as users:
            users.writelines(lines)

    def maildir(self, local: str) -> Path:
        return self._mail / local / "Maildir"

    def start(self, group: Group) -> None:
        self._child = spawn(group, ["dovecot", "-F", "-c", str(self._config)], self._log)
        wait_port(self._ports.imap, self._child, self._log)
        wait_port(self._ports.pop3, self._child, self._log)

    def stop(self) -> None:
        stop(self._child)
        self._child = None

    def forget_cache(self, local: str) -> None:
        """What FETCH of ENVELOPE has put aside; the index of UIDs and flags stays."""
        self.maildir(local).joinpath("dovecot.index.cache").unlink(missing_ok=True)
