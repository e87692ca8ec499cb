"""Text as its sender meant it, whatever the declared charset says (RFC 2045-2047, 2231, 1468, 1554, 2237).

Japanese mail is where declarations lie: ISO-2022-JP with NEC's and IBM's characters in it, Shift_JIS called
x-sjis, EUC-JP called iso-8859-1, UTF-8 with nothing declared, escape sequences cut in two by an encoded
word's end. So the octets are looked at first: a declaration is believed if the octets fit it, else what they
look like counts. Nothing raises; what can't be decoded becomes U+FFFD.
"""

import binascii
import codecs
import re
from functools import lru_cache

from storage.mime import iso_2022_jp

_ALIASES = {
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "ms_kanji": "cp932",
    "windows-31j": "cp932",
    "csshiftjis": "cp932",
    "cswindows31j": "cp932",
    "x-ms-cp932": "cp932",
    "ms932": "cp932",
    "euc-jp": "euc-jp",
    "x-euc-jp": "euc-jp",
    "euc_jp": "euc-jp",
    "eucjp": "euc-jp",
    "eucjp-ms": "euc-jp",
    "cp51932": "euc-jp",
    "cseucpkdfmtjapanese": "euc-jp",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "utf-8mb4": "utf-8",
    "x-unicode-2-0-utf-8": "utf-8",
    # what Western senders mean by these, as browsers read them
    "us-ascii": "ascii",
    "ascii": "ascii",
    "ansi_x3.4-1968": "ascii",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "big5": "big5hkscs",
    "iso-8859-8-i": "iso-8859-8",
}
_ISO_2022_JP = ("iso-2022-jp", "iso2022-jp", "iso2022jp", "csiso2022jp", "x-iso-2022-jp", "cp5022", "jis")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,40}")

_ESCAPE_JP = re.compile(rb"\x1b(?:\$[@B]|\$\([DOPQ]|\([BIJH])")
# ISO-2022-JP whose ESC octets are gone: they are control characters to some gateways.
_LOST_ESCAPE = re.compile(rb"\$[@B](?:[\x21-\x7e]{2})+\([BJ]")

# RFC 2047 §2, and what is met: spaces and "?" inside, a language (RFC 2231 §5), no end at the end of a field.
_WORD = re.compile(
    rb"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?"
    rb"([^?=\x00]*(?:(?:\?(?!=)|=(?!\?(?!=)))[^?=\x00]*)*)(?:\?=|\Z)"
)
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_HIGH = re.compile(rb"[\x80-\xff]")
_HIGH_PAIR = re.compile(rb"[\x80-\xff]{2}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def known(charset: str) -> bool:
    """Whether text can be read in this charset."""
    return _is_iso_2022_jp(charset) or _codec(charset) is not None


def decode(octets: bytes, charset: str | None = None) -> str:
    """Octets as text; `charset` is what was declared, if anything."""
    if b"\x1b" in octets and (_is_iso_2022_jp(charset) or _ESCAPE_JP.search(octets)):
        return iso_2022_jp.text_of(octets, decode)
    if b"\x0e" in octets and _is_iso_2022_jp(charset):
        return iso_2022_jp.text_of(octets, decode)
    name = _codec(charset) if charset else None
    if octets.isascii():
        if name is not None and not _holds_ascii(name):
            return _plainly(octets, name)
        if _is_iso_2022_jp(charset) and _LOST_ESCAPE.search(octets):
            return iso_2022_jp.text_of(_LOST_ESCAPE.sub(_with_escapes, octets), decode)
        return octets.decode("ascii")
    guess = _guess(octets)
    if name is None or name == "ascii":
        return octets.decode(guess or "cp1252", "replace")
    if name == "cp1252":
        return octets.decode(guess if guess and _hardly_western(octets, guess) else name, "replace")
    if guess == "utf-8" and _holds_ascii(name):
        return octets.decode("utf-8", "replace")  # hardly a text of another charset happens to be UTF-8
    try:
        return _sound(octets.decode(name))
    except (UnicodeError, ValueError):
        # a few broken octets in what was declared are likelier than a charset that fits hardly better
        likely = guess is not None and len(_HIGH.findall(octets[:64])) > 2
        return octets.decode(guess, "replace") if guess and likely else _plainly(octets, name)


def decode_as_said(octets: bytes, charset: str | None) -> str:
    """What a program says in a command, not in mail: it is believed where its octets fit what it declares."""
    name = _codec(charset) if charset else None
    if name is not None and name != "ascii" and not _is_iso_2022_jp(charset) and b"\x1b" not in octets:
        try:
            return _sound(octets.decode(name))
        except (UnicodeError, ValueError):
            pass
    return decode(octets, charset)


def decode_header(value: bytes) -> str:
    """An unfolded header value with its encoded words (RFC 2047) as text.

    Neighbouring words of the same charset are joined before they are decoded, so that a character or an
    escape sequence split between them is whole again. Words stand anywhere, in quoted strings too.
    """
    if b"=?" not in value:
        return decode(value)
    pieces: list[str] = []
    run: list[tuple[bytes, bytes]] = []  # encoding and text of neighbouring words of one charset
    charset = ""
    last = 0
    for match in _WORD.finditer(value):
        between = value[last : match.start()]
        name = match[1].decode("ascii").lower()
        beside = bool(run) and not between.strip(b" \t\r\n")
        if run and not (beside and name == charset):
            pieces.append(decode(_joined(run), charset))
            run = []
        if not beside:
            pieces.append(decode(between))
        run.append((match[2].upper(), match[3]))
        charset = name
        last = match.end()
    if run:
        pieces.append(decode(_joined(run), charset))
    pieces.append(decode(value[last:]))
    return "".join(pieces)


def decode_parameter(name: bytes, value: bytes) -> str:
    """A parameter such as a file name: percent-encoded where its name ends with "*" (RFC 2231 §4)."""
    if not name.endswith(b"*"):
        return decode_header(value)
    charset, quote, rest = value.partition(b"'")
    if quote and b"'" in rest:
        rest = rest.partition(b"'")[2]
        declared = charset.decode("ascii", "replace") or None
    else:
        rest, declared = value, None
    return decode(_PERCENT.sub(lambda match: bytes([int(match[1], 16)]), rest), declared)


def _is_iso_2022_jp(charset: str | None) -> bool:
    return charset is not None and charset.lower().startswith(_ISO_2022_JP)


@lru_cache(maxsize=256)
def _codec(charset: str) -> str | None:
    """Python's name for a charset of text; None for one that is not known."""
    if not _NAME.fullmatch(charset):
        return None
    name = _ALIASES.get(charset.lower())
    if name is not None:
        return name
    try:
        name = codecs.lookup(charset).name
        " ".encode(charset)  # refuses codecs that are not between octets and text
    except UnicodeError:
        pass
    except (LookupError, ValueError):
        return None
    return None if name in _NO_CHARSETS else name


@lru_cache(maxsize=256)
def _holds_ascii(name: str) -> bool:
    """Whether ASCII octets mean themselves in a charset: not in UTF-7, UTF-16, HZ or EBCDIC."""
    return bytes(range(0x20, 0x7F)).decode(name, "replace") == bytes(range(0x20, 0x7F)).decode("ascii")


def _plainly(octets: bytes, name: str) -> str:
    try:
        return _sound(octets.decode(name, "replace"))
    except (UnicodeError, ValueError):
        return octets.decode("ascii", "replace")


def _sound(text: str) -> str:
    """Without the half characters that UTF-7 and UTF-16 can leave behind: they could not be written as UTF-8."""
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_NO_CHARSETS = frozenset(
    {"idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape",
     "undefined", "mbcs", "oem", "palmos"}
)  # fmt: skip


def _guess(octets: bytes) -> str | None:
    """What 8-bit octets without a believable declaration look like; None if like nothing."""
    try:
        octets.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as broken:
        # the end may have been cut off
        if broken.end == len(octets) and len(octets) - broken.start < 4 and broken.start > 3:
            return "utf-8"
    best, most = None, 0.3
    for name in ("euc-jp", "cp932"):
        score = _japanese(octets, name)
        if score > most:
            best, most = name, score
    # a few scattered octets may be anything
    return best if most > 0.5 or _dense(octets) else None


def _hardly_western(octets: bytes, guess: str) -> bool:
    """Whether octets declared as Western are not."""
    return guess == "utf-8" or _dense(octets)


def _dense(octets: bytes) -> bool:
    """Whether 8-bit octets stand together: in French or German one rarely follows another."""
    high = len(_HIGH.findall(octets[:4096]))
    pairs = len(_HIGH_PAIR.findall(octets[:4096]))
    return high >= 4 and pairs * 2 >= high * 0.7


def _japanese(octets: bytes, name: str) -> float:
    """How much of the 8-bit text reads as usual Japanese in this charset, 0 to 1."""
    text = octets[:4096].decode(name, "replace")
    total, usual = 0, 0.0
    for character in text:
        if character < "\x80":
            continue
        total += 1
        code = ord(character)
        if 0x3000 <= code <= 0x30FF or 0x4E00 <= code <= 0x9FFF or 0xFF01 <= code <= 0xFF5E:
            usual += 1
        elif 0xFF61 <= code <= 0xFF9F:
            usual += 0.4 if name == "cp932" else 0.1  # half-width kana: what most wrong guesses yield
        elif code == 0xFFFD:
            usual -= 2
    return usual / total if total else 0.0


def _with_escapes(match: re.Match[bytes]) -> bytes:
    text = match.group()
    return b"\x1b" + text[:-2] + b"\x1b" + text[-2:]


def _joined(words: list[tuple[bytes, bytes]]) -> bytes:
    """The octets of neighbouring words. Base64 that was cut between its groups of four is put together."""
    pieces: list[bytes] = []
    open_base64 = b""
    for encoding, text in words:
        if encoding == b"Q":
            pieces += (_from_base64(open_base64), _from_q(text))
            open_base64 = b""
            continue
        open_base64 += _NOT_BASE64.sub(b"", text)
        if text.endswith(b"=") or len(open_base64) % 4 == 0:
            pieces.append(_from_base64(open_base64))
            open_base64 = b""
    pieces.append(_from_base64(open_base64))
    return b"".join(pieces)


def _from_base64(text: bytes) -> bytes:
    """Base64 without padding, of any length."""
    if len(text) % 4 == 1:
        text = text[:-1]
    return binascii.a2b_base64(text + b"=" * (-len(text) % 4))


def _from_q(text: bytes) -> bytes:
    """The Q encoding (RFC 2047 §4.2)."""
    return _HEX.sub(lambda match: bytes([int(match[1], 16)]), text.replace(b"_", b" "))
