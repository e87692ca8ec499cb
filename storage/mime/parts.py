"""The tree of parts that a message is (RFC 2045, 2046), as offsets into its octets.

One pass from front to back; nothing is copied but the few header values that describe a part. Any octets
give a tree and nothing raises: what cannot be understood is text/plain, a missing end is the end of the
message. The work is bounded: `depth` parts within parts, `parts` parts in all, `headers` octets of header
blocks looked at. Beyond a limit a part is shown as one whole, without what is inside it. No step recurses.

A message too large for memory is handed in as `storage.octets.FileOctets`.

Where the line between right and wrong is fuzzy the tree is that of Dovecot, so that a client that moves
between servers sees the same part numbers:
- a boundary line is any line that begins with "--" and a boundary that is open (RFC 2046 §5.1.1); of
  several that fit the longest counts, of equal ones the innermost;
- it also ends header blocks, and the line end before it belongs to it;
- Content-* fields of a message with neither MIME-Version nor Content-Type mean nothing.
"""

import re
from dataclasses import dataclass, field
from sys import maxsize

from storage.mime.content import Parameters, disposition, languages, media_type, token
from storage.mime.header import BLOCK, end_of_header, unfold
from storage.octets import Octets

DEPTH = 100  # Dovecot's limits; no mail program comes near them
PARTS = 10_000
HEADERS = 4 * 1024 * 1024

_REST = re.compile(rb"([A-Za-z0-9-]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)")  # of a field, after "Content-"
_MIME_VERSION = re.compile(rb"^mime-version[ \t]*:", re.MULTILINE)


@dataclass(slots=True)
class Part:
    """One part. `header_start`..`body_start` is its header with the empty line, then its body."""

    header_start: int
    body_start: int = 0
    body_end: int = 0
    type: bytes = b"text"  # as written; `media` is what to compare
    subtype: bytes = b"plain"
    media: bytes = b"text/plain"  # in lower case
    params: Parameters = ()
    encoding: bytes = b"7bit"
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: bytes | None = None
    disposition_params: Parameters = ()
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    lines: int = 0  # line ends in the body; counted for text and for messages
    children: "list[Part]" = field(default_factory=list)  # of a multipart
    multipart: bool = False  # its body was read as parts (there may be none)
    message: "Part | None" = None  # the message in a message/rfc822

    @property
    def size(self) -> int:
        """Octets of the body, as it is encoded."""
        return self.body_end - self.body_start

    def param(self, name: bytes) -> bytes | None:
        """The first parameter of that name (in lower case)."""
        for key, value in self.params:
            if key.lower() == name:
                return value
        return None


@dataclass(slots=True)
class _Open:
    """A boundary whose closing line has not come."""

    needle: bytes  # "\n--boundary"
    level: int  # index of its part in the stack of open parts
    next: int = -1  # where its next line begins, as far as was looked


def parse(data: Octets, *, depth: int = DEPTH, parts: int = PARTS, headers: int = HEADERS) -> Part:
    """The tree of a message's parts."""
    size = len(data)
    root = Part(0)
    made = [root]
    stack = [root]  # the parts that are open, outermost first
    boundaries: list[_Open] = []
    standing_alone = True  # the part at hand is a message, not a piece of a multipart
    while True:
        part = stack[-1]
        line, hit = _next_boundary(data, boundaries, part.header_start)
        limit = max(_before(data, line), part.header_start) if hit is not None else size
        close = end_of_header(data, part.header_start, line) if part.header_start < limit else -1
        part.body_start = limit if close < 0 else close
        block = data[part.header_start : min(part.body_start, part.header_start + min(BLOCK, headers))]
        headers -= len(block)
        _describe(part, block, standing_alone)
        deeper = len(stack) < depth
        if part.media == b"message/rfc822" and deeper and len(made) < parts:
            part.message = Part(part.body_start)
            stack.append(part.message)
            made.append(part.message)
            standing_alone = True
            continue
        if part.media.startswith(b"multipart/"):
            part.multipart = deeper
            boundary = part.param(b"boundary")
            if boundary is not None and close >= 0 and deeper:
                boundaries.append(_Open(b"\n--" + boundary, len(stack) - 1))
        if len(made) >= parts:
            boundaries.clear()  # so that the last part goes on to the end
        following = _to_next_part(data, part.body_start, stack, boundaries)
        if following < 0:
            break
        child = Part(following)
        if stack[-1].media == b"multipart/digest":  # RFC 2046 §5.1.5
            child.type, child.subtype, child.media = b"message", b"rfc822", b"message/rfc822"
        stack[-1].children.append(child)
        stack.append(child)
        made.append(child)
        standing_alone = False
    _count_lines(data, made)
    return root


def _next_boundary(data: Octets, boundaries: list[_Open], start: int) -> tuple[int, _Open | None]:
    """The start of the next line, at `start` or later, that is a boundary of an open part.

    The outermost is looked for first, and each inner one only as far as the ones outside it, so that no
    boundary looks at an octet twice.
    """
    limit = len(data)
    hit: _Open | None = None
    for boundary in boundaries:
        if boundary.next < start:
            found = data.find(boundary.needle, start - 1, limit - 1 + len(boundary.needle))
            boundary.next = maxsize if found < 0 else found + 1
        if boundary.next < limit or (
            boundary.next == limit and hit is not None and len(boundary.needle) >= len(hit.needle)
        ):
            limit, hit = boundary.next, boundary
    return limit, hit


def _to_next_part(data: Octets, position: int, stack: list[Part], boundaries: list[_Open]) -> int:
    """Close the parts that end before the next part begins; where its header starts, or -1 at the end."""
    size = len(data)
    while True:
        line, hit = _next_boundary(data, boundaries, position)
        if hit is None:
            for part in stack:
                part.body_end = size
            return -1
        end = _before(data, line)
        for part in stack[hit.level + 1 :]:
            part.body_end = max(part.body_start, end)
        del stack[hit.level + 1 :]
        while boundaries[-1] is not hit:
            boundaries.pop()
        after = data.find(b"\n", line)
        tail = line + len(hit.needle) - 1
        if data[tail : tail + 2] == b"--":
            boundaries.pop()  # what follows is the epilogue
        elif after >= 0:
            return after + 1
        position = size if after < 0 else after + 1


def _before(data: Octets, line: int) -> int:
    """Where the line end in front of a boundary line begins: it belongs to the boundary."""
    return line - 2 if data[max(line - 2, 0) : line] == b"\r\n" else line - 1


def _describe(part: Part, block: bytes, standing_alone: bool) -> None:
    """Fill in what the part's Content-* fields say; of a repeated field the first counts."""
    lower = b"\n" + block.lower()
    found: dict[bytes, bytes] = {}
    at = lower.find(b"\ncontent-")
    while at >= 0:
        match = _REST.match(block, at + 8)
        if match is not None:
            found.setdefault(match[1].lower(), match[2])
        at = lower.find(b"\ncontent-", at + 8)
    if b"type" in found:
        kind = media_type(unfold(found.pop(b"type")))
        if kind is None:
            kind = (b"text", b"plain", ())
        part.type, part.subtype, part.params = kind
        part.media = b"%b/%b" % (part.type.lower(), part.subtype.lower())
    elif standing_alone and not _MIME_VERSION.search(lower):
        return
    for name, raw in found.items():
        _note(part, name, unfold(raw))


def _note(part: Part, name: bytes, value: bytes) -> None:
    """One Content-* field other than Content-Type."""
    if name == b"transfer-encoding":
        part.encoding = token(value) or part.encoding
    elif name == b"disposition":
        known = disposition(value)
        if known is not None:
            part.disposition, part.disposition_params = known
    elif name == b"id":
        part.id = value
    elif name == b"description":
        part.description = value
    elif name == b"language":
        part.language = languages(value)
    elif name == b"location":
        part.location = value
    elif name == b"md5":
        part.md5 = value


def _count_lines(data: Octets, made: list[Part]) -> None:
    """Count line ends in the bodies of text and messages, each octet of the message looked at once."""
    counted = [part for part in made if part.message is not None or part.media.startswith(b"text/")]
    if len(counted) == 1:
        counted[0].lines = data.count(b"\n", counted[0].body_start, counted[0].body_end)
        return
    marks = sorted({mark for part in counted for mark in (part.body_start, part.body_end)})
    before: dict[int, int] = {}
    last = total = 0
    for mark in marks:
        total += data.count(b"\n", last, mark) if before else 0
        before[mark] = total
        last = mark
    for part in counted:
        part.lines = before[part.body_end] - before[part.body_start]
