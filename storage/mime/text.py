"""What a person reads in a message, and how texts are compared (RFC 5255 leaves the comparison to us).

`fold` is applied to what is searched and to what is looked for: compatibility forms (half and full width,
circled, ligatures) become the usual ones, cases are folded, the pairs of characters that the tables of
Shift_JIS, EUC-JP and ISO-2022-JP disagree about are made one. So ｶﾞ finds ガ and ＡＢＣ finds abc.

`texts` gives the readable pieces of a message one after the other: the header fields of the parts and of
messages inside, and the text parts with their transfer encoding and charset undone. No attachment but text
is read. Nothing raises; of a part at most `most` octets are read.
"""

import html
import re
import unicodedata
from collections.abc import Iterator

from storage.mime.charset import decode, decode_header, decode_parameter
from storage.mime.header import BLOCK, unfold, values
from storage.mime.parts import Part
from storage.mime.transfer import decoded
from storage.octets import Octets

MOST = 8 * 1024 * 1024  # octets of one part that are read

# What JIS calls one character, the tables of the vendors call two.
_SAME = {
    0x301C: "~",  # wave dash; CP932 has the full-width tilde
    0x2212: "-",  # minus sign; CP932 has the full-width hyphen
    0x2010: "-",
    0x2016: "\u2225",  # double vertical line, parallel to
    0x2014: "\u2015",  # em dash, horizontal bar
    0x00AD: None,  # soft hyphen
    0x200B: None,  # zero-width space
    0xFEFF: None,  # byte order mark
}
_UNUSUAL = re.compile("[" + "".join(map(chr, _SAME)) + "]")
_WIDE = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WRAPPED = re.compile(rf"(?<=[{_WIDE}])[ \t]*\r?\n[ \t]*(?=[{_WIDE}])")

_TAG = re.compile(r"<[^<>]*>")
_BLOCK_TAG = re.compile(
    r"</?(?:p|br|div|td|th|tr|li|ul|ol|table|h[1-6]|hr|title|body|head|blockquote)\b[^<>]*>", re.IGNORECASE
)
_UNSHOWN_END = re.compile(r"</(?:style|script)\b", re.IGNORECASE)
_UNSHOWN = re.compile(r"<(style|script)\b", re.IGNORECASE)


def fold(text: str) -> str:
    """A text in the form in which texts are compared. Runs of white space are one space, none at the ends."""
    if text.isascii():
        return " ".join(text.split()).lower()
    text = " ".join(unwrapped(text).split())
    if _UNUSUAL.search(text):
        text = text.translate(_SAME)
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def unwrapped(text: str) -> str:
    """Japanese is wrapped in the middle of words: a line end between two wide characters is none."""
    return _WRAPPED.sub("", text) if "\n" in text else text


def texts(data: Octets, root: Part, *, most: int = MOST) -> Iterator[str]:
    """The readable pieces of a message's body, its own header left out, in their order."""
    work = [(root, True)]
    while work:
        part, outermost = work.pop()
        if not outermost:
            yield header_text(data, part)
        if part.message is not None:
            work.append((part.message, False))
        elif part.multipart:
            work += [(child, False) for child in reversed(part.children)]
        elif part.media.startswith(b"text/"):
            yield from readable(part, content(data, part, most=most))


def header_text(data: Octets, part: Part) -> str:
    """The header fields of a part as lines of text."""
    block = data[part.header_start : min(part.body_start, part.header_start + BLOCK)]
    lines = [
        f"{name.decode('ascii', 'replace')}: {decode_header(unfold(raw))}" for name, raw in values(block)
    ]
    for name, value in (*part.params, *part.disposition_params):
        if name.endswith(b"*"):
            lines.append(decode_parameter(name, value))
    return "\n".join(lines)


def content(data: Octets, part: Part, *, most: int = MOST) -> bytes:
    """The body of a part without its transfer encoding; what is broken in it is passed over."""
    return b"".join(decoded(data, part, most=most))


def readable(part: Part, octets: bytes) -> Iterator[str]:
    """A text part's text; of HTML as it is written, then as it is shown."""
    declared = part.param(b"charset")
    charset = declared.decode("ascii", "replace").strip("'\" ") if declared else None
    if part.media == b"text/html" and charset is None:
        found = re.search(rb"""charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,40})""", octets[:2048], re.IGNORECASE)
        charset = found[1].decode("ascii") if found else None
    text = decode(octets, charset)
    yield text
    if part.media == b"text/html":
        # a word may be cut by tags or written in entities
        yield html.unescape(_TAG.sub("", _BLOCK_TAG.sub(" ", _shown(text))))


def _shown(text: str) -> str:
    """HTML without what a browser does not show: style sheets and scripts."""
    pieces: list[str] = []
    last = 0
    while opening := _UNSHOWN.search(text, last):
        closing = _UNSHOWN_END.search(text, opening.end())
        if closing is None:
            break
        pieces.append(text[last : opening.start()])
        last = closing.start()
    return "".join([*pieces, text[last:]])
