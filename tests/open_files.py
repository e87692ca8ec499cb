"""What this process has open below a folder."""

import contextlib
import os
from pathlib import Path


def open_files(folder: Path) -> list[str]:
    found = []
    for entry in os.scandir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(entry.path))
    return [path for path in found if path.startswith(f"{folder}/")]
