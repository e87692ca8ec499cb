"""ISO-2022-JP as it is met: RFC 1468, with all that was added to it.

RFC 1554 (JP-2: GB 2312, KS X 1001, ISO 8859-1 and -7), 2237 (JP-1: JIS X 0212), JIS X 0213 (JP-3, -2004), and what
Microsoft writes (half-width kana, NEC's and IBM's characters, raw 8-bit).

The decoders of Python that follow JIS strictly lack what the vendors added; JIS X 0208 is therefore read with the
table of CP932, which has both. Nothing raises; what can't be decoded becomes U+FFFD.
"""

import re
from collections.abc import Callable

# ISO 2022 (ECMA-35): a designation, a single shift, a locking shift, or a line end (which resets).
_ESCAPES = re.compile(
    rb"\x1b(?:(\$[@AB]|\$\([@-Z]|\([A-Z]|\.[AF])|N(.)|[\x20-\x2f]*[\x30-\x7e]?)|([\x0e\x0f])|(\r?\n)",
    re.DOTALL,
)
_BACK_TO_ASCII = re.compile(rb"[^\x1b]{0,200}\x1b\([BJ]")


def text_of(octets: bytes, raw: Callable[[bytes], str]) -> str:
    """All of it, as far as it makes sense; `raw` reads the octets among it that are not in the 7-bit form."""
    pieces: list[str] = []
    g0, g2 = b"(B", b""
    kana = False  # between SO and SI, in 7-bit JIS
    last = 0
    for match in _ESCAPES.finditer(octets):
        pieces.append(_segment(octets[last : match.start()], b"(I" if kana else g0, raw))
        last = match.end()
        designation, single, shift, line_end = match.groups()
        if designation is not None:
            if designation[:1] == b".":
                g2 = designation
            else:
                g0 = designation
        elif single is not None:
            pieces.append(_single(single, g2))
        elif shift is not None:
            kana = shift == b"\x0e"
        elif line_end is not None:
            pieces.append(line_end.decode("ascii"))
            # RFC 1468: a line ends in ASCII. One wrapped by a gateway does not: then the next line has an end
            # of the segment and no beginning.
            if g0[:1] != b"$" or not _BACK_TO_ASCII.match(octets, last):
                g0 = b"(B"
    pieces.append(_segment(octets[last:], b"(I" if kana else g0, raw))
    return "".join(pieces)


def _segment(octets: bytes, designation: bytes, raw: Callable[[bytes], str]) -> str:
    """Octets between escape sequences, in the set designated to G0."""
    if not octets:
        return ""
    if designation[:1] != b"$":
        if designation == b"(I":
            return bytes(octet | 0x80 if 0x21 <= octet <= 0x5F else octet for octet in octets).decode(
                "cp932", "replace"
            )
        return octets.decode("ascii") if octets.isascii() else raw(octets)
    out: list[str] = []
    for run in re.findall(rb"[\x21-\x7e]+|[^\x21-\x7e]+", octets):
        if not 0x21 <= run[0] <= 0x7E:
            out.append(raw(run))
            continue
        pairs, rest = run[: len(run) & ~1], run[len(run) & ~1 :]
        out.append(_pairs(pairs, designation))
        if rest:
            out.append("\ufffd")
    return "".join(out)


def _pairs(pairs: bytes, designation: bytes) -> str:
    """Pairs of 7-bit octets in a set of two octets a character."""
    high = bytes(octet | 0x80 for octet in pairs)
    kind = designation[-1:]
    if kind in b"@B":
        try:
            return _to_shift_jis(pairs).decode("cp932")
        except UnicodeDecodeError:
            return _each(high, ("cp932", "euc_jis_2004"))
    if kind == b"D":
        return _each(b"".join(b"\x8f" + high[i : i + 2] for i in range(0, len(high), 2)), ("euc_jp",), 3)
    if kind in b"OQ":
        return high.decode("euc_jis_2004", "replace")
    if kind == b"P":
        triples = b"".join(b"\x8f" + high[i : i + 2] for i in range(0, len(high), 2))
        return triples.decode("euc_jis_2004", "replace")
    if kind == b"A":
        return high.decode("gb2312", "replace")
    if kind == b"C":
        return high.decode("euc_kr", "replace")
    return "\ufffd" * (len(pairs) // 2)


def _each(octets: bytes, names: tuple[str, ...], width: int = 2) -> str:
    """Character by character, by the first decoder that knows it."""
    out: list[str] = []
    for at in range(0, len(octets), width):
        one = octets[at : at + width]
        for name in names:
            try:
                given = _to_shift_jis(bytes(o & 0x7F for o in one)) if name == "cp932" else one
                out.append(given.decode(name))
                break
            except UnicodeDecodeError:
                continue
        else:
            out.append("\ufffd")
    return "".join(out)


def _to_shift_jis(pairs: bytes) -> bytes:
    """JIS X 0208 code points in the form of Shift_JIS."""
    out = bytearray(len(pairs))
    for at in range(0, len(pairs), 2):
        row, cell = pairs[at] - 0x21, pairs[at + 1] - 0x21
        lead = (row >> 1) + 0x81
        out[at] = lead if lead <= 0x9F else lead + 0x40
        trail = cell + (0x9F if row & 1 else 0x40)
        out[at + 1] = trail + 1 if not row & 1 and trail >= 0x7F else trail
    return bytes(out)


def _single(octet: bytes, g2: bytes) -> str:
    """One character of G2 after a single shift (RFC 1554)."""
    name = {b".A": "iso-8859-1", b".F": "iso-8859-7"}.get(g2)
    return bytes([octet[0] | 0x80]).decode(name, "replace") if name else "\ufffd"
