"""Making, using and deleting a domain's DKIM keys: `domains/<domain>/dkim/<selector>.pem` and `dkim_selectors`.

A key's file is written, fsynced, before `dkim_selectors` names it, and is deleted after its name is gone, so that
a selector in use has its key whenever the command is interrupted. Changing a key without a gap: make the new
one unused, publish it, use it, and delete the old one some days later (RFC 6376 §3.1).
"""

import base64
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from config import edit
from config.domain import DomainFile, selector
from storage.admin_domains import find_domain, make_folder
from storage.admin_files import Refused, contract_lock, read_text, refusal, write_checked
from storage.durable import sync_dir
from storage.people.directory import Directory

RSA_BITS = 2048  # RFC 8301 §3.2; longer ones do not fit one string of a TXT record, and some DNS panels


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A key of a domain, with the record that publishes it."""

    domain: str
    selector: str
    kind: str  # rsa or ed25519
    used: bool  # whether it signs
    record: str  # the TXT record at `name`

    @property
    def name(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"


def add_keys(directory: Directory, domain: str, prefix: str = "", *, use: bool = True) -> list[DkimKey]:
    """An RSA and an Ed25519 key at once (RFC 8463 §4.1). With `use` both sign from now on, beside those that do."""
    name = find_domain(directory, domain)
    prefix = prefix or time.strftime("k%Y%m%d")
    try:
        selectors = [selector(f"{selector(prefix)}{kind}") for kind in "re"]
    except ValueError as error:
        raise Refused(str(error)) from error
    folder = name.path(directory.files.domains).parent / "dkim"
    with contract_lock(directory, name.domain):
        for each in selectors:
            if (folder / f"{each}.pem").exists():
                raise Refused(f"{name.domain} has a key {each} already: give another --selector")
        try:
            make_folder(folder)
            _write(folder / f"{selectors[0]}.pem", rsa.generate_private_key(65537, RSA_BITS))
            _write(folder / f"{selectors[1]}.pem", Ed25519PrivateKey.generate())
            sync_dir(folder)
        except OSError as error:
            raise refusal(error) from error
        if use:
            _set_used(directory, name.domain, [*_used(directory, name.domain), *selectors])
    return [key for key in list_keys(directory, name.domain) if key.selector in selectors]


def use_keys(directory: Directory, domain: str, selectors: Sequence[str]) -> list[DkimKey]:
    """These keys sign from now on, and no other."""
    name = find_domain(directory, domain)
    with contract_lock(directory, name.domain):
        there = {key.selector for key in list_keys(directory, name.domain)}
        for each in selectors:
            if each not in there:
                raise Refused(
                    f"{name.domain} has no key {each}; it has: {', '.join(sorted(there)) or 'none'}"
                )
        _set_used(directory, name.domain, selectors)
    return list_keys(directory, name.domain)


def delete_key(directory: Directory, domain: str, which: str) -> None:
    """A key that signs is taken out of use first."""
    name = find_domain(directory, domain)
    folder = name.path(directory.files.domains).parent / "dkim"
    with contract_lock(directory, name.domain):
        if which not in {key.selector for key in list_keys(directory, name.domain)}:
            raise Refused(f"{name.domain} has no key {which}")
        used = _used(directory, name.domain)
        if which in used:
            _set_used(directory, name.domain, [each for each in used if each != which])
        try:
            (folder / f"{which}.pem").unlink()
            sync_dir(folder)
        except OSError as error:
            raise refusal(error) from error


def list_keys(directory: Directory, domain: str) -> list[DkimKey]:
    """Every key of a domain, used or not, by selector."""
    name = find_domain(directory, domain)
    used = _used(directory, name.domain)
    folder = name.path(directory.files.domains).parent / "dkim"
    found = []
    for path in sorted(folder.glob("[!.]*.pem")):
        kind, record = _published(path)
        found.append(DkimKey(name.domain, path.stem, kind, path.stem in used, record))
    return found


def _published(path: Path) -> tuple[str, str]:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused(f"{path}: no key that can be read ({error})") from error
    if isinstance(key, Ed25519PrivateKey):
        public = key.public_key().public_bytes_raw()
        return "ed25519", f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return "rsa", f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
    raise Refused(f"{path}: neither an RSA nor an Ed25519 key")


def _used(directory: Directory, domain: str) -> list[str]:
    file = directory.domain(domain) or DomainFile()
    return list(file.dkim_selectors)


def _set_used(directory: Directory, domain: str, selectors: Sequence[str]) -> None:
    name = find_domain(directory, domain)
    text = read_text(directory, name)
    changes: dict[edit.Key, object] = {"dkim_selectors": list(selectors) or edit.REMOVE}
    write_checked(directory, name, text, changes, edit.digest(text))


def _write(path: Path, key: rsa.RSAPrivateKey | Ed25519PrivateKey) -> None:
    """Only its owner may read it; the owner is that of the folder, though the command line may be root's."""
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    with open(fd, "wb") as file:
        file.write(data)
        file.flush()
        if os.geteuid() == 0:
            above = path.parent.stat()
            os.fchown(fd, above.st_uid, above.st_gid)
        os.fsync(fd)
