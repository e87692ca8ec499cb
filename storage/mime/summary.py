"""ENVELOPE, BODYSTRUCTURE and BODY of a message as the octets that go over the wire (RFC 9051 §7.5.2).

They are made once, when a message arrives, and kept beside its row, so that a FETCH of ten thousand is a
join. The same octets serve IMAP4rev1 and rev2: nothing that is not 7-bit stands in a quoted string (it
becomes a literal), NUL never occurs, parentheses always balance, whatever the message is.
"""

import re

from storage.mime.addresses import ADDRESSES, Address, addresses
from storage.mime.content import Parameters
from storage.mime.head import WANTED, head_of
from storage.mime.header import BLOCK, unfold, values
from storage.mime.parts import HEADERS, Part, parse
from storage.octets import Octets
from storage.rows import Summary

ADDRESS_OCTETS = 256 * 1024  # of all address fields of a message; what is behind that is not read
LONGEST_QUOTED = 1000  # longer strings go as literals; some clients read lines into small buffers

_PLAIN = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]*").fullmatch
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*").fullmatch
_SPECIAL = re.compile(rb'(["\\])')

# Where a field of the header stands among the ten of ENVELOPE.
_PLACES = {
    name.lower().encode(): place
    for place, name in enumerate(
        ["Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID"]
    )
}
_ADDRESS_PLACES = frozenset(range(2, 8))
_READ = frozenset(_PLACES) | WANTED

_NO_CHARSET: Parameters = ((b"charset", b"us-ascii"),)  # RFC 2045 §5.2: the default of text
_EMPTY_TEXT = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0'


def summarise(data: Octets) -> Summary:
    """The answers for a whole message."""
    root = parse(data)
    return summary_of(data, root)


def summary_of(data: Octets, root: Part) -> Summary:
    """The answers for a message whose tree is known."""
    writer = _Writer(data)
    fields = writer.fields(root)
    texts, lists = writer.gather(fields)
    envelope = _envelope(texts, lists)
    writer.write(root)
    return Summary(envelope, b"".join(writer.full), b"".join(writer.short), head_of(fields, lists))


def quoted(text: bytes) -> bytes:
    """An IMAP string: quoted where that is allowed, else a literal (RFC 9051 §4.3)."""
    if len(text) <= LONGEST_QUOTED:
        if _PLAIN(text):
            return b'"%b"' % text
        if _QUOTABLE(text):
            return b'"%b"' % _SPECIAL.sub(rb"\\\1", text)
    if b"\0" in text:
        text = text.replace(b"\0", b"\xef\xbf\xbd")
    return b"{%d}\r\n%b" % (len(text), text)


def _nstring(text: bytes | None) -> bytes:
    return b"NIL" if text is None else quoted(text)


def _address(address: Address) -> bytes:
    name, route, mailbox, host = address
    if route is None and mailbox is not None and host is not None:  # nearly all, written without ado
        if name is None and _PLAIN(mailbox + host):
            return b'(NIL NIL "%b" "%b")' % (mailbox, host)
        if name is not None and len(name) <= LONGEST_QUOTED and _PLAIN(name + mailbox + host):
            return b'("%b" NIL "%b" "%b")' % (name, mailbox, host)
    return b"(%b %b %b %b)" % (_nstring(name), _nstring(route), _nstring(mailbox), _nstring(host))


def _address_list(found: list[Address]) -> bytes:
    return b"(%b)" % b"".join([_address(address) for address in found]) if found else b"NIL"


def _parameters(params: Parameters) -> bytes:
    if not params:
        return b"NIL"
    return b"(%b)" % b" ".join([b"%b %b" % (quoted(name), quoted(value)) for name, value in params])


def _envelope(texts: dict[int, bytes], lists: dict[int, list[Address]]) -> bytes:
    sender = _address_list(lists.get(2, []))
    items = [_nstring(texts.get(0)), _nstring(texts.get(1)), sender]
    # RFC 9051 §7.5.2: Sender and Reply-To that are missing or empty are those of From
    items += [_address_list(lists[place]) if lists.get(place) else sender for place in (3, 4)]
    items += [_address_list(lists.get(place, [])) for place in (5, 6, 7)]
    items += [_nstring(texts.get(8)), _nstring(texts.get(9))]
    return b"(%b)" % b" ".join(items)


class _Writer:
    """Writes BODYSTRUCTURE and BODY side by side; they differ by the extension data alone."""

    __slots__ = ("_addresses", "_data", "_headers", "full", "short")

    def __init__(self, data: Octets) -> None:
        self._data = data
        self._headers = HEADERS
        self._addresses = ADDRESS_OCTETS
        self.full: list[bytes] = []
        self.short: list[bytes] = []

    def envelope(self, message: Part) -> bytes:
        """ENVELOPE of a message from its header."""
        return _envelope(*self.gather(self.fields(message)))

    def fields(self, message: Part) -> list[tuple[bytes, bytes]]:
        """The fields of its header that count here, as far as is looked: lower-case names, unfolded values."""
        stop = min(message.body_start, message.header_start + min(BLOCK, self._headers))
        block = self._data[message.header_start : stop]
        self._headers -= len(block)
        return [(name, unfold(raw)) for known, raw in values(block) if (name := known.lower()) in _READ]

    def gather(self, fields: list[tuple[bytes, bytes]]) -> tuple[dict[int, bytes], dict[int, list[Address]]]:
        """Texts and addresses by their places. Of a repeated text the last counts; addresses add up."""
        texts: dict[int, bytes] = {}
        lists: dict[int, list[Address]] = {}
        for name, value in fields:
            place = _PLACES.get(name)
            if place is None:
                continue
            if place in _ADDRESS_PLACES:
                # an address takes four times its octets in ENVELOPE, three times over if it stands in From
                kept = value[: self._addresses]
                self._addresses -= len(kept)
                found = lists.setdefault(place, [])
                if len(found) < ADDRESSES:
                    found.extend(addresses(kept))
            else:
                texts[place] = value
        return texts, lists

    def write(self, root: Part) -> None:
        """The structure of `root`. Opening and closing of parts stand in a list of work, not on the stack."""
        work: list[tuple[Part, bool]] = [(root, False)]
        while work:
            part, inside_done = work.pop()
            if not inside_done:
                self._open(part)
                if part.message is not None:
                    work += ((part, True), (part.message, False))
                    continue
                if part.multipart and part.children:
                    work.append((part, True))
                    work += [(child, False) for child in reversed(part.children)]
                    continue
            self._close(part)

    def _both(self, text: bytes) -> None:
        self.full.append(text)
        self.short.append(text)

    def _open(self, part: Part) -> None:
        """What stands before the parts inside."""
        if part.multipart:
            self._both(b"(")
            if not part.children:
                # a multipart must have a part (RFC 2046 §5.1.1); IMAP has no way to write one without
                self._both(_EMPTY_TEXT)
                self.full.append(b" NIL NIL NIL NIL")
                self._both(b")")
            return
        text = part.media.startswith(b"text/")
        params = part.params
        if text and part.param(b"charset") is None:
            params = (*params, *_NO_CHARSET)
        kind, subtype = part.type, part.subtype
        if part.message is not None:
            kind, subtype = b"message", b"rfc822"  # RFC 9051 §9 media-message is a fixed string
        elif part.media.startswith((b"multipart/", b"message/rfc822")):
            # too deep, or one too many: shown as one piece, and then it can't have a type made of parts
            kind, subtype = b"application", b"octet-stream"
        self._both(
            b"(%b %b %b %b %b %b %d"
            % (
                quoted(kind),
                quoted(subtype),
                _parameters(params),
                _nstring(part.id),
                _nstring(part.description),
                quoted(part.encoding),
                part.size,
            )
        )
        if text:
            self._both(b" %d" % part.lines)
        elif part.message is not None:
            self._both(b" %b " % self.envelope(part.message))

    def _close(self, part: Part) -> None:
        """What stands behind the parts inside."""
        if part.multipart:
            self._both(b" %b" % quoted(part.subtype))
            self.full.append(b" %b" % _parameters(part.params))
        else:
            if part.message is not None:
                self._both(b" %d" % part.lines)
            self.full.append(b" %b" % _nstring(part.md5))
        kind = b"NIL"
        if part.disposition is not None:
            kind = b"(%b %b)" % (quoted(part.disposition), _parameters(part.disposition_params))
        language = b"(%b)" % b" ".join([quoted(tag) for tag in part.language]) if part.language else b"NIL"
        self.full.append(b" %b %b %b)" % (kind, language, _nstring(part.location)))
        self.short.append(b")")
