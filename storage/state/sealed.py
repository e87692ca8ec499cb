"""Secrets that have to be said again as they are (a password for another server), kept in files that people copy.

Sealed with AES-256-GCM under a key of this server (`<data>/state/sealed.key`, 0600): a backup of the configuration
alone, or an editor's copy of it, gives nothing away. The purpose is bound into the seal, so what was sealed for one
account and server opens for no other. Without the key file nothing can be opened: it is typed in again.
"""

import base64
import binascii
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.pop_fetch import PREFIX
from storage.state.secret import secret

NONCE = 12  # octets (NIST SP 800-38D §5.2.1.1)


class NotOpened(Exception):
    """This was not sealed with our key, or for another purpose."""


def seal(state: Path, text: str, purpose: str) -> str:
    """A text that only this server can read. Blocks on the disk."""
    nonce = os.urandom(NONCE)
    sealed = AESGCM(secret(state, "sealed")).encrypt(nonce, text.encode(), purpose.encode())
    return PREFIX + base64.b64encode(nonce + sealed).decode()


def open_sealed(state: Path, sealed: str, purpose: str) -> str:
    """The text. Raises NotOpened, OSError. Blocks on the disk."""
    try:
        data = base64.b64decode(sealed.removeprefix(PREFIX), validate=True)
        opened = AESGCM(secret(state, "sealed")).decrypt(data[:NONCE], data[NONCE:], purpose.encode())
        return opened.decode()
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise NotOpened from error
