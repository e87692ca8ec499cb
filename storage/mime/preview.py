"""What a person sees of a message before deciding about it: who wrote it, how it begins, what is attached.

Made of the first `MOST` octets, so that it costs the same for every message. The text is plain: of HTML what a
reader would see, as text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from storage.message import Message
from storage.mime.charset import decode_header, decode_parameter
from storage.mime.header import unfold, values
from storage.mime.parts import Part, parse
from storage.mime.text import content, readable

MOST = 256 * 1024  # octets of the message that are looked at
LETTERS = 3000  # of the text that are shown
FIELDS = ("From", "To", "Cc", "Reply-To", "Date", "Subject")
LONGEST = 500  # letters of one field


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as it is shown to who decides."""

    fields: tuple[tuple[str, str], ...]  # of `FIELDS`, those that there are
    text: str
    more: bool  # the text goes on
    attachments: tuple[str, ...]  # their names, or their types


def preview(message: Message) -> Preview:
    """Raises OSError. Blocks on the disk."""
    data = message.head(MOST)
    root = parse(data)
    text, attachments = "", []
    for part in _leaves(root):
        if _attached(part):
            attachments.append(_name(part))
        elif part.media.startswith(b"text/") and len(text) <= LETTERS:
            piece = list(readable(part, content(data, part, most=MOST)))[-1]
            if not (text and part.media == b"text/html"):  # mostly the same again, with colours
                text += _tidy(piece) + "\n"
    text = text.strip()
    more = len(text) > LETTERS or (message.size > MOST and not attachments)
    return Preview(tuple(_fields(data, root)), text[:LETTERS], more, tuple(attachments))


def _fields(data: bytes, root: Part) -> Iterator[tuple[str, str]]:
    found = {
        name.decode("ascii", "replace").lower(): raw
        for name, raw in reversed(list(values(data[root.header_start : root.body_start])))
    }
    for name in FIELDS:
        if (raw := found.get(name.lower())) is not None:
            yield name, " ".join(decode_header(unfold(raw)).split())[:LONGEST]


def _leaves(root: Part) -> Iterator[Part]:
    work = [root]
    while work:
        part = work.pop()
        if part.multipart:
            work += reversed(part.children)
        else:
            yield part


def _attached(part: Part) -> bool:
    return (part.disposition or b"").lower() == b"attachment" or not part.media.startswith(b"text/")


def _name(part: Part) -> str:
    for name, value in (*part.disposition_params, *part.params):
        if name.lower().rstrip(b"*") in (b"filename", b"name"):
            return decode_parameter(name, value)[:LONGEST]
    return part.media.decode("ascii", "replace")


def _tidy(text: str) -> str:
    """No more than one empty line in a row, none of the white space that HTML leaves."""
    lines: list[str] = []
    for line in text.splitlines():
        line = line.rstrip()
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines)
