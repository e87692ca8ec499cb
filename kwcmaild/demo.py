"""`kwcmaild demo`: a server to try, made in one folder and served on loopback.

A second start keeps what is there: accounts, passwords, mail, certificate. The ports are those of `PORTS`,
so that lines in the documentation work as printed. Limits for logins and connections are high and passwords
may come without TLS, both because only programs of this machine can connect.
"""

import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.load import load_settings
from kwcmaild.init import NewAccount, create, write_new
from storage.people.passwords import new_password

HOSTNAME = "mail.example.test"
DOMAIN = "example.test"
PORTS = {
    "mx": 2525,
    "submission": 2587,
    "submissions": 2465,
    "imap": 2143,
    "imaps": 2993,
    "pop3": 2110,
    "pop3s": 2995,
    "web": 8443,
}
ROLES = {"taro": "user", "hanako": "user", "admin": "operator"}


@dataclass(frozen=True, slots=True)
class Demo:
    """What `demo.json` says, and where it lies."""

    folder: Path
    ca: Path
    panel: str
    ports: Mapping[str, int]
    passwords: Mapping[str, str]  # by address

    @property
    def settings(self) -> Path:
        return self.folder / "kwcmaild.yaml"


def prepare(folder: Path, ports: Mapping[str, int] = PORTS) -> Demo:
    """The demo of that folder, made if it is not there yet. Raises `AlreadyThere` on a folder of another kind."""
    folder = folder.absolute()
    if not (folder / "demo.json").exists():
        _make(folder, ports)
    told: dict[str, Any] = json.loads((folder / "demo.json").read_text("utf-8"))
    passwords = {account["address"]: account["password"] for account in told["accounts"]}
    return Demo(folder, Path(told["ca"]), told["panel"], told["ports"], passwords)


def _make(folder: Path, ports: Mapping[str, int]) -> None:
    passwords = {local: new_password() for local in ROLES}
    create(
        folder,
        _settings(ports),
        ["localhost", "127.0.0.1", HOSTNAME],
        DOMAIN,
        [f"admin@{DOMAIN}"],
        [
            NewAccount("taro", passwords["taro"], comment="営業部", aliases=["taro.yamada"]),
            NewAccount("hanako", passwords["hanako"], comment="総務部"),
            NewAccount("admin", passwords["admin"], comment="管理者"),
        ],
    )
    told = {
        "hostname": HOSTNAME,
        "ca": str(folder / "ca.pem"),
        "panel": f"https://localhost:{ports['web']}/",
        "ports": dict(ports),
        "accounts": [
            {"address": f"{local}@{DOMAIN}", "password": password, "role": ROLES[local]}
            for local, password in passwords.items()
        ],
    }
    text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
    write_new(folder, {Path("demo.json"): text.encode()})
    load_settings(folder / "kwcmaild.yaml")


def _settings(ports: Mapping[str, int]) -> str:
    at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    return f"""\
# Made by `kwcmaild demo`. A second start keeps this file: change it and see. All keys: docs/reference.md
hostname: {HOSTNAME}
operators: [admin@{DOMAIN}]
default_domain: {DOMAIN}
data: ./data
run: ./run
domains: ./domains
tls: {{certificate: cert.pem, key: key.pem}}
smtp:
  listen:
    - {{address: "{at["mx"]}", mode: mx}}
    - {{address: "{at["submission"]}", mode: submission}}
    - {{address: "{at["submissions"]}", mode: submission, tls: implicit}}
  max_connections: 20000
  max_connections_per_address: 20000
imap:
  listen: [{{address: "{at["imap"]}"}}, {{address: "{at["imaps"]}", tls: implicit}}]
  max_connections: 20000
  max_connections_per_address: 20000
  max_connections_per_account: 10000
pop3:
  listen: [{{address: "{at["pop3"]}"}}, {{address: "{at["pop3s"]}", tls: implicit}}]
  max_connections: 20000
  max_connections_per_address: 20000
  max_connections_per_account: 10000
web:
  listen: [{{address: "{at["web"]}", tls: implicit}}]
auth:
  plaintext_without_tls: loopback
  max_tries: 100
  lock_after: 100000
  lock_address_after: 100000
  lock_account_after: 100000
"""


def greeting(demo: Demo) -> str:
    """What a person needs to use the server with the mail program they have."""
    port = demo.ports
    width = max(map(len, demo.passwords))
    accounts = "\n".join(f"  {address:<{width}}   {password}" for address, password in demo.passwords.items())
    ca = demo.ca
    return f"""
kwcmaild is running. Its files are in {demo.folder} (delete the folder to start afresh). Ctrl-C stops it.

Control panel: {demo.panel}
  sign in as admin@{DOMAIN}; the browser warns until it trusts the authority below

Accounts (address is the login name, too)
{accounts}

Settings for Outlook, Becky!, Thunderbird, …        server: localhost
  IMAP   {port["imaps"]}  SSL/TLS     or  {port["imap"]}  STARTTLS
  POP3   {port["pop3s"]}  SSL/TLS     or  {port["pop3"]}  STARTTLS
  SMTP   {port["submissions"]}  SSL/TLS     or  {port["submission"]}  STARTTLS     with login, password: normal
  from the world (MX): {port["mx"]}

Trust the demo's authority, so that programs accept its certificate: {ca}
  Thunderbird  Settings > Privacy & Security > Manage Certificates > Authorities > Import,
               tick "Trust this CA to identify websites"
  Windows      certutil -user -addstore Root ca.pem      (Outlook, Becky!)
  macOS        security add-trusted-cert -k ~/Library/Keychains/login.keychain-db ca.pem
  Debian       sudo cp {shlex.quote(str(ca))} /usr/local/share/ca-certificates/kwcmaild-demo.crt
               sudo update-ca-certificates

Send a message, then read it:
  {send_line(demo)}
  {read_line(demo)}
"""


def send_line(demo: Demo) -> str:
    """A command that sends from taro to hanako, by a program that this machine has."""
    sender, recipient = f"taro@{DOMAIN}", f"hanako@{DOMAIN}"
    if shutil.which("curl"):
        return (
            f"printf 'From: {sender}\\r\\nTo: {recipient}\\r\\nSubject: Hello\\r\\n\\r\\nHello from taro\\r\\n' |"
            f" curl -sS --cacert {shlex.quote(str(demo.ca))} --user {sender}:{demo.passwords[sender]}"
            f" --mail-from {sender} --mail-rcpt {recipient} -T - smtps://localhost:{demo.ports['submissions']}"
        )
    if shutil.which("swaks"):
        return (
            f"swaks --server localhost:{demo.ports['submission']} --tls"
            f" --auth-user {sender} --auth-password {demo.passwords[sender]}"
            f" --from {sender} --to {recipient} --h-Subject Hello"
        )
    return _python(
        "import smtplib, ssl; "
        f"s = smtplib.SMTP_SSL('localhost', {demo.ports['submissions']},"
        f" context=ssl.create_default_context(cafile='{demo.ca}'));"
        f" s.login('{sender}', '{demo.passwords[sender]}');"
        f" s.sendmail('{sender}', '{recipient}',"
        f" 'From: {sender}\\nTo: {recipient}\\nSubject: Hello\\n\\nHello from taro\\n'); s.quit()"
    )


def read_line(demo: Demo) -> str:
    """A command that shows hanako's newest message."""
    address = f"hanako@{DOMAIN}"
    if shutil.which("curl"):
        return (
            f"curl -sS --cacert {shlex.quote(str(demo.ca))} --user {address}:{demo.passwords[address]}"
            f" 'imaps://localhost:{demo.ports['imaps']}/INBOX;MAILINDEX=*'"
        )
    return _python(
        "import imaplib, ssl; "
        f"c = imaplib.IMAP4_SSL('localhost', {demo.ports['imaps']},"
        f" ssl_context=ssl.create_default_context(cafile='{demo.ca}'));"
        f" c.login('{address}', '{demo.passwords[address]}'); c.select();"
        " print(c.fetch('*', '(BODY[])')[1][0][1].decode()); c.logout()"
    )


def _python(source: str) -> str:
    return f'python3 -c "{source}"'
