"""Where both servers keep their mail: a journaled ext4 of their own, in a file, mounted by a loop device.

The machine's own disk may be slow after many deletes, and then the order of the runs decides who wins. A fresh
file system begins the same for everybody. Without root a plain folder is used, and the table says so.
"""

import os
import subprocess
import tempfile
from pathlib import Path

SIZE = "12G"  # sparse: only what is written takes room


class Disk:
    """A mounted image (or a plain folder) below a folder of its own; `close` takes all of it away."""

    def __init__(self) -> None:
        self.work = Path(tempfile.mkdtemp(prefix="kwcmaild-bench-"))
        self.work.chmod(0o755)  # Dovecot's unprivileged processes pass through
        self.folder = self.work / "disk"
        self.folder.mkdir(mode=0o755)
        self.kind = "a plain folder (not root: no loop mount)"
        self._mounted = False
        if os.geteuid() == 0:
            self._mount()

    def _mount(self) -> None:
        image = self.work / "image"
        _run("truncate", "-s", SIZE, str(image))
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))
        try:
            _run("mount", "-o", "loop,noatime", str(image), str(self.folder))
        except subprocess.CalledProcessError as error:
            self.kind = f"a plain folder (no loop mount: {error.stderr.strip()})"
            return
        self._mounted = True
        self.kind = "ext4 with its journal, loop-mounted (noatime)"

    def sync(self) -> None:
        """What earlier rows left to be written must not be paid for by the next."""
        _run("sync", "-f", str(self.folder))

    def close(self) -> None:
        if self._mounted:
            _run("umount", str(self.folder))
            self._mounted = False
        _run("rm", "-rf", "--one-file-system", str(self.work))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=300, capture_output=True, text=True)
