"""The first files of a server: configuration, certificate, one domain and its accounts.

Nothing that exists is ever overwritten: if one of the files is there already, none is written. Secrets are
readable by their owner alone from the moment they exist. Everything is written before `kwcmaild.yaml`, so a
folder with that file in it is complete.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kwcmaild.certificate import self_signed
from storage.people.passwords import hash_password, scram_sha_256_key


class AlreadyThere(Exception):
    """A file that would be written exists."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to begin with."""

    local: str
    password: str
    quota: str = "5G"
    comment: str = ""
    aliases: Sequence[str] = ()


def create(
    folder: Path,
    settings: str,
    names: Sequence[str],
    domain: str,
    administrators: Sequence[str],
    accounts: Sequence[NewAccount],
) -> None:
    """Write `settings` as kwcmaild.yaml and all that it speaks of; `names` are those of the certificate."""
    tls = self_signed(names, f"kwcmaild on {names[0]}")
    home = Path("domains", domain)
    files: dict[Path, bytes] = {
        Path("ca.pem"): tls.authority,
        Path("cert.pem"): tls.certificate,
        Path("key.pem"): tls.key,
        home / "domain.yaml": domain_text(administrators).encode(),
        **{home / "accounts" / f"{new.local}.yaml": account_text(new).encode() for new in accounts},
        Path("kwcmaild.yaml"): settings.encode(),
    }
    write_new(folder, files)


def write_new(folder: Path, files: Mapping[Path, bytes]) -> None:
    """Write files that must not exist yet; public are only the certificates."""
    for path in files:
        if (folder / path).exists():
            raise AlreadyThere(f"{folder / path} exists already: nothing was written")
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (folder / path).parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        public = path.name in ("ca.pem", "cert.pem")
        descriptor = os.open(folder / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644 if public else 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())


def domain_text(administrators: Sequence[str]) -> str:
    return f"""\
# One customer's contract. All keys: docs/reference.md
capacity: 100G
administrators: [{", ".join(administrators)}]
"""


def account_text(new: NewAccount) -> str:
    return f"""\
password: "{hash_password(new.password)}"
scram_sha_256: "{scram_sha_256_key(new.password)}"
quota: {new.quota}
comment: {new.comment or '""'}
aliases: [{", ".join(new.aliases)}]
"""


def server_settings(hostname: str, operator: str, data: Path, run: Path) -> str:
    """kwcmaild.yaml of a real server: what an operator looks at first; the rest has its defaults."""
    return f"""\
# The operator's file: no program writes it. `kwcmaild check` tells everything that is wrong in it;
# `systemctl reload 'kwcmaild-*'` (SIGHUP) takes changes over. All keys: docs/reference.md
hostname: {hostname}
operators: [{operator}]
data: {data}
run: {run}
domains: ./domains
log: {{level: info, format: text}}

# Made by `kwcmaild init`: mail programs warn until a certificate of a public authority stands here.
tls: {{certificate: cert.pem, key: key.pem, minimum: "1.2"}}

smtp:
  listen:
    - {{address: 0.0.0.0:25, mode: mx}}
    - {{address: 0.0.0.0:587, mode: submission}}
    - {{address: 0.0.0.0:465, mode: submission, tls: implicit}}
  max_message: 100M
imap:
  listen: [{{address: 0.0.0.0:143}}, {{address: 0.0.0.0:993, tls: implicit}}]
pop3:
  listen: [{{address: 0.0.0.0:110}}, {{address: 0.0.0.0:995, tls: implicit}}]
web:
  listen: [{{address: 0.0.0.0:443, tls: implicit}}]
"""
