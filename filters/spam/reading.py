"""A message as the engine of our own looks at it: taken apart once, for the rules and for the words.

Bounded whatever comes: so many octets and parts, so many characters of text. Fields that this server writes say
nothing of the sender and are left out; so is its mark in a subject that was answered or is learned.
"""

from dataclasses import dataclass

from storage.mime.charset import decode_header
from storage.mime.header import BLOCK, unfold, values
from storage.mime.parts import Part, parse
from storage.mime.text import content, readable

MOST = 256 * 1024  # octets of a message that are looked at
PARTS = 500
PART_MOST = 128 * 1024  # octets of one part
TEXT_MOST = 60_000  # characters of all texts together

OURS = frozenset(
    (
        b"received",
        b"return-path",
        b"delivered-to",
        b"x-original-to",
        b"authentication-results",
        b"received-spf",
    )
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What there is to judge by."""

    header: dict[bytes, list[bytes]]  # by name in lower case, raw values on one line, in their order
    parts: tuple[Part, ...]
    shown: tuple[str, ...]  # the texts as a person reads them
    markup: tuple[str, ...]  # the HTML among them as it is written

    def decoded(self, name: bytes) -> str:
        """A field's first value for people; empty where it is missing."""
        value = self.header.get(name, [b""])[0]
        return decode_header(value) if value else ""


def read(data: bytes) -> Reading:
    """Never raises."""
    data = data[:MOST]
    root = parse(data, parts=PARTS)
    header: dict[bytes, list[bytes]] = {}
    for name, raw in values(data[root.header_start : min(root.body_start, BLOCK)]):
        name = name.lower()
        if name not in OURS and not name.startswith(b"x-spam"):
            header.setdefault(name, []).append(unfold(raw))
    parts = tuple(_walk(root))
    shown, markup = [], []
    room = TEXT_MOST
    for part in parts:
        if room <= 0:
            break
        if part.multipart or part.message is not None or not part.media.startswith(b"text/"):
            continue
        pieces = list(readable(part, content(data, part, most=PART_MOST)))
        shown.append(pieces[-1][:room])
        room -= len(shown[-1])
        if len(pieces) > 1:
            markup.append(pieces[0][:TEXT_MOST])
    return Reading(header, parts, tuple(shown), tuple(markup))


def _walk(root: Part) -> list[Part]:
    """All parts, also those of messages inside, in their order."""
    parts, work = [], [root]
    while work:
        part = work.pop()
        parts.append(part)
        work += reversed(part.children)
        if part.message is not None:
            work.append(part.message)
    return parts
