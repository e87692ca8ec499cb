"""What an engine says of a mail, and the field that tells it: `X-Spam-Status: Yes, score=7.1 required=5.0`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from storage.mime.header import Field, fields

_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_MOST_TESTS = 40


@dataclass(frozen=True, slots=True)
class Score:
    """`score` counts against `required`, from which on it is spam; `tests` are the names of what was found."""

    spam: bool
    score: float
    required: float
    tests: Sequence[str] = ()

    def field(self) -> bytes:
        """The whole field, folded, with its CRLF."""
        lines = [
            f"X-Spam-Status: {'Yes' if self.spam else 'No'}, score={self.score:.1f} required={self.required:.1f}"
        ]
        names = [_NAME.sub("_", name)[:60] for name in self.tests[:_MOST_TESTS]]
        for at, name in enumerate(names):
            text = ("tests=" if at == 0 else "") + name + ("," if at + 1 < len(names) else "")
            if at and len(lines[-1]) + len(text) < 76:
                lines[-1] += text
            else:
                lines.append(f"\t{text}")
        return "\r\n".join(lines).encode() + b"\r\n"


def forged(head: bytes) -> list[Field]:
    """The X-Spam fields that a mail from outside brings along: they say nothing, and could say it to filters."""
    if b"x-spam" not in head.lower():
        return []
    return [each for each in fields(head) if each.name.startswith(b"x-spam")]
