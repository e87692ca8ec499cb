"""How a message begins, for lists of messages (RFC 8970): some words of what its sender wrote, without the rest.

Of the first text that a person would be shown: what is quoted from others is left out where something of the
sender's own follows, and white space is one space. Empty where there is no text; nothing raises.
"""

import re

from storage.mime.parts import Part
from storage.mime.text import content, readable, unwrapped
from storage.octets import Octets

LETTERS = 200  # RFC 8970 §3.2: at most 256, and 200 is advised
MOST = 64 * 1024  # octets of the text that are looked at
PARTS = 50  # parts that are looked at for a text

_QUOTED = re.compile(r"^[>|＞].*$", re.MULTILINE)
_SPACE = re.compile("[\\s\u00ad\u034f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\x00-\x1f\x7f]+")


def opening(data: Octets, root: Part) -> str:
    """The preview of a message."""
    for part in _texts(root):
        pieces = list(readable(part, content(data, part, most=MOST)))
        text = pieces[-1]  # of HTML what is shown of it
        own = _line(_QUOTED.sub("", text)) or _line(text)
        if own:
            return own[:LETTERS].rstrip()
    return ""


def _line(text: str) -> str:
    return _SPACE.sub(" ", unwrapped(text)).strip()


def _texts(root: Part) -> list[Part]:
    """The text parts that are no attachments, plain text before HTML."""
    found: list[Part] = []
    work = [root]
    looked = 0
    while work and looked < PARTS:
        part = work.pop()
        looked += 1
        if part.message is not None:
            work.append(part.message)
        elif part.multipart:
            work += reversed(part.children)
        elif (
            part.media in (b"text/plain", b"text/html") and (part.disposition or b"").lower() != b"attachment"
        ):
            found.append(part)
    return sorted(found, key=lambda part: part.media != b"text/plain")
