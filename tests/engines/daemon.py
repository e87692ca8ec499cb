"""Starting a filter engine of Debian's for a test: in the foreground, on a socket of its own, ended by its pid.

What is not installed may have been unpacked by `make neighbours`, for as packages these would start services.
"""

import glob
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

UNPACKED = os.path.join(sys.prefix, "neighbours")
FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 120  # seconds that an engine may take to start on a busy machine


def program(name: str) -> str:
    """The path of a program; the test is skipped by name where it is not installed."""
    found = shutil.which(name, path=f"{FOLDERS}:{UNPACKED}/usr/sbin:{UNPACKED}/usr/bin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def unpacked() -> dict[str, str]:
    """What lets an unpacked program find what belongs to it."""
    libraries = [*glob.glob(f"{UNPACKED}/usr/lib/*-linux-gnu"), f"{UNPACKED}/usr/lib/rspamd"]
    perl = [f"{UNPACKED}/usr/share/perl5", *glob.glob(f"{UNPACKED}/usr/lib/*-linux-gnu/perl5/*")]
    share = f"{UNPACKED}/usr/share/rspamd"
    return {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PERL5LIB": ":".join(perl),
        "SHAREDIR": share,
        "LUALIBDIR": f"{share}/lualib",
        "RULESDIR": f"{share}/rules",
        "PLUGINSDIR": f"{share}/plugins",
    }


@contextmanager
def running(command: Sequence[str], log: Path, ready: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon, from when its socket `ready` exists."""
    environment = unpacked() if command[0].startswith(UNPACKED) else None
    if environment is not None and command[0].endswith("/spamd"):  # its -T lets Perl ignore the environment
        command = ["perl", "-T", *(f"-I{each}" for each in environment["PERL5LIB"].split(":")), *command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            assert process.poll() is None, log.read_text(errors="replace")[-3000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
