"""The log: one line an event, `event key=value …` for people or one JSON object for machines.

A line is one event whatever a peer put into a value: control characters, quotes and line ends are escaped, so
nobody can forge a line. Passwords and message texts are never handed in; the `trace` id of a connection
stands in every line about it and about the messages that came through it.
"""

import json
import logging
import re
import sys
import time
from functools import lru_cache
from typing import Any, TextIO

_PLAIN = re.compile(r"[A-Za-z0-9._\-@:/+<>\[\](),%*?!~^|;&#$'{}]+")
_UNPRINTABLE = re.compile(r"[^ -~]")
MOST = 1000  # characters of one value


def event(
    logger: logging.Logger, name: str, level: int = logging.INFO, /, *, exc_info: bool = False, **fields: Any
) -> None:
    """Log that something happened: a dotted name and its particulars. A field that is None is left out."""
    if logger.isEnabledFor(level):
        logger.handle(_Event(logger.name, level, name, fields, sys.exc_info() if exc_info else None))


_UNKNOWN: dict[str, Any] = {
    **dict.fromkeys(("args", "stack_info", "exc_text", "thread", "threadName", "process", "processName")),
    **dict.fromkeys(("pathname", "filename", "module", "funcName"), ""),
    "lineno": 0,
}


class _Event(logging.LogRecord):
    """A record made by hand: which line of the source, thread and process logged it is most of the work, and no
    line of ours shows it."""

    def __init__(self, logger: str, level: int, name: str, fields: dict[str, Any], error: Any) -> None:
        self.__dict__.update(_UNKNOWN)
        self.name = logger
        self.levelno = level
        self.levelname = logging.getLevelName(level)
        self.msg = name
        self.fields = fields
        self.exc_info = error
        self.created = time.time()
        self.msecs = (self.created % 1) * 1000
        self.relativeCreated = 0.0


def configure(level: str = "info", format: str = "text", stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard error) as lines of text or JSON."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # what no line of ours shows need not be found out
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.getLogger("asyncio").setLevel(logging.WARNING)


class TextLines(logging.Formatter):
    """`2026-01-02T03:04:05.678Z info pop3.login trace=abc peer=192.0.2.1`"""

    def format(self, record: logging.LogRecord) -> str:
        parts = [_time(record.created), record.levelname.lower(), _name(record)]
        parts += [f"{key}={_quoted(str(value))}" for key, value in _fields(self, record).items()]
        return " ".join(parts)


class JsonLines(logging.Formatter):
    """The same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        head = {"time": _time(record.created), "level": record.levelname.lower(), "event": _name(record)}
        fields = {
            key: value if isinstance(value, int | float | bool) else str(value)[:MOST]
            for key, value in _fields(self, record).items()
        }
        line = json.dumps({**head, **fields}, ensure_ascii=False)
        return line if line.isprintable() else _UNPRINTABLE.sub(_as_json, line)


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", None) or {}
    fields = {key: value for key, value in fields.items() if value is not None}
    if "fields" not in record.__dict__:
        fields = {"logger": record.name, "text": record.getMessage()}
    if record.exc_info and record.exc_info[0] is not None:
        # the end of a traceback says where; MOST cuts the front
        fields["error"] = formatter.formatException(record.exc_info)[-MOST:]
    return fields


def _name(record: logging.LogRecord) -> str:
    return record.getMessage() if "fields" in record.__dict__ else "log"


def _time(created: float) -> str:
    seconds = int(created)
    return f"{_second(seconds)}.{int((created - seconds) * 1000):03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _quoted(value: str) -> str:
    if len(value) <= MOST and _PLAIN.fullmatch(value):
        return value
    if len(value) > MOST:
        value = value[:MOST] + "…"
    if value.isprintable():
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _as_json(match: re.Match[str]) -> str:
    """Controls that JSON would let through (C1, bidi marks) and what is no UTF-8 would act on a terminal."""
    char = match.group()
    return char if char.isprintable() else json.dumps(char)[1:-1]


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
