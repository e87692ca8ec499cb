"""A stored message as it was before this server marked it: what an engine is taught must not be our own marks."""

import re

from filters.spam.score import forged
from filters.spam.subject import TAG
from storage.mime.header import end_of_header

_TAGGED = re.compile(rb"^(subject[ \t]*:[ \t]*(?:\r?\n[ \t]+)?)" + re.escape(TAG) + rb"[ \t]*", re.I | re.M)


def unmarked(data: bytes) -> bytes:
    """Without the X-Spam fields, and without the word in the subject."""
    end = end_of_header(data)
    end = len(data) if end < 0 else end
    head = data[:end]
    for field in reversed(forged(head)):
        head = head[: field.start] + head[field.end :]
    return _TAGGED.sub(rb"\1", head, count=1) + data[end:]
