"""The log of a process of ours in JSON, read as it is written: tests wait for a line, and none sleeps."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Log:
    """What a process writes to standard error; a copy goes into a file. What is not `wanted` is left out."""

    def __init__(self, wanted: Callable[[dict[str, Any]], bool] = lambda event: True) -> None:
        self._wanted = wanted
        self._lines: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def follow(self, process: "subprocess.Popen[str]", copy: Path) -> None:
        """Read this process from now on; it was started with a pipe for its errors."""
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process, copy), daemon=True)
        self._reader.start()

    def ended(self) -> None:
        """The process has ended: the last line is read when this returns."""
        assert self._reader is not None
        self._reader.join(60)

    def _read(self, process: "subprocess.Popen[str]", path: Path) -> None:
        assert process.stderr is not None
        with process.stderr, path.open("a") as copy:
            for line in process.stderr:
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {"event": "?", "text": line}
                if not self._wanted(event):
                    continue
                copy.write(line)
                copy.flush()
                with self._news:
                    self._lines.append(event)
                    self._news.notify_all()

    def mark(self) -> int:
        """A place in the log to wait from."""
        with self._news:
            return len(self._lines)

    def all(self, event: str, since: int = 0, **fields: Any) -> list[dict[str, Any]]:
        """The lines about `event` with these fields so far."""
        with self._news:
            return [line for line in self._lines[since:] if _fits(line, event, fields)]

    def wait(
        self, event: str, since: int = 0, timeout: float = 60, times: int = 1, **fields: Any
    ) -> dict[str, Any]:
        """The line about `event` with these fields (the last of so many), as soon as it is written."""
        end = time.monotonic() + timeout
        position = since
        with self._news:
            while True:
                for line in self._lines[position:]:
                    position += 1
                    if _fits(line, event, fields):
                        times -= 1
                        if not times:
                            return line
                left = end - time.monotonic()
                if left <= 0 or self._silent():
                    tail = "\n".join(map(str, self._lines[-15:]))
                    raise AssertionError(f"no {event} {fields} in the log; its end is:\n{tail}")
                self._news.wait(min(left, 1))

    def _silent(self) -> bool:
        """The process has ended, and all that it wrote was read."""
        assert self._process is not None and self._reader is not None
        return self._process.poll() is not None and not self._reader.is_alive()


def _fits(line: dict[str, Any], event: str, fields: dict[str, Any]) -> bool:
    return line["event"] == event and all(line.get(key) == fields[key] for key in fields)
