"""Which runners live: each keeps a file of `<run>/relay/` locked, and the kernel unlocks it when the process dies.

A runner that starts gives back the leases of those that are dead, so that what a killed one had claimed is sent at
once and not when its leases have run out. A lock is believed and not a process id, which another may have by now.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def enter(run: Path, holder: str) -> int:
    """Be present under this name; the descriptor is held as long as that is so. Blocks on the disk."""
    folder = run / "relay"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(folder / holder, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)  # free, but for the moment in which another may look at it
    return fd


def leave(run: Path, holder: str, fd: int) -> None:
    """Stop being present: nothing is leased under this name any more, or it runs out."""
    (run / "relay" / holder).unlink(missing_ok=True)
    os.close(fd)


def bury(run: Path, give_back: Callable[[str], object]) -> None:
    """`give_back` what each has leased that is there no more, then forget him. Blocks on the disk."""
    for path in sorted((run / "relay").glob("*")):
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            give_back(path.name)
            path.unlink(missing_ok=True)
        except BlockingIOError:
            pass  # it lives, or somebody is burying it
        finally:
            os.close(fd)
