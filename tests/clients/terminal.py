"""Full-screen programs, given a terminal that nobody looks at."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def in_terminal(
    command: list[str], home: Path, talk: Sequence[tuple[bytes, bytes]] = (), timeout: float = 90
) -> None:
    """Run a full-screen program to its end. `talk`: once this is on the screen, type that; then the next."""
    ours, theirs = pty.openpty()
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=home, start_new_session=True
    )
    os.close(theirs)
    screen, drawn, left = b"", 0, list(talk)
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            if select.select([ours], [], [], 1)[0]:
                try:
                    screen += os.read(ours, 65536)
                except OSError:  # the program closed its side
                    break
                if left and left[0][0] in screen[drawn:]:
                    os.write(ours, left.pop(0)[1])
                    drawn = len(screen)
        try:
            status: int | None = process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            status = None
        assert status == 0, f"ended with {status}; its screen: {screen[-3000:]!r}"
    finally:
        if process.poll() is None:
            process.kill()
        os.close(ours)
