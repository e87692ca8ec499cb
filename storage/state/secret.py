"""A key of this server's own, made when it is first needed: `<data>/state/<name>.key`, 0600.

What is signed with it (addresses that come back in bounces, answers to a list's questions) is valid in every
process and after a restart, and for nobody who cannot read the file. Lost, it is made anew: what was signed
before is then refused, no more.
"""

import os
import secrets
from pathlib import Path

from storage.durable import sync_dir
from storage.state.statedb import open_state

OCTETS = 32


def secret(state: Path, name: str) -> bytes:
    """The key. Of two processes that make it at once one wins, and both have the same. Blocks on the disk."""
    path = state / f"{name}.key"
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    fresh = state / f".{name}.{secrets.token_hex(8)}"
    fd = open_state(fresh)
    try:
        os.write(fd, secrets.token_bytes(OCTETS))
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(fresh)
    sync_dir(state)
    return _read(path)


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != OCTETS:
        raise OSError(f"{path}: is not a key of {OCTETS} octets; remove it, and another one is made")
    return key
