"""The structured fields of MIME: Content-Type, Content-Disposition and their like (RFC 2045, 2183, 2231).

Values come in unfolded (`storage.mime.header.unfold`). What is broken is read as far as it makes sense: a
parameter without a value is passed over, an unquoted file name with spaces runs to the next semicolon, a quote
that never closes runs to the end. Parameters that RFC 2231 §3 splits over `name*0`, `name*1` are joined, and
stay percent-encoded: what they mean is for `storage.mime.charset`. Nothing here raises or recurses.
"""

import re

Parameters = tuple[tuple[bytes, bytes], ...]

PARAMETERS = 1000  # of one field; more are passed over

_TOKEN = rb"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~\x80-\xff]+"  # RFC 2045 §5.1, and 8-bit octets
# Spaces, and comments without others in them. The group is not possessive: before 3.11.5 Python leaves such a
# one at the end of an iteration that did not match (CPython's gh-106052), and Debian 12 has 3.11.2.
_SPACE = re.compile(rb"[ \t\r\n]*+(?:\([^()\\]*+\)[ \t\r\n]*+)*")
_NOTHING = re.compile(rb"[; \t]*")
_OPENING = re.compile(rb"\(+")
_TYPE = re.compile(rb"(%b)[ \t]*/[ \t]*(%b)[ \t]*(?:;|\Z)" % (_TOKEN, _TOKEN))
_PLAIN = re.compile(rb'[ \t]*(%b)=(?:"([^"\\]*)"|(%b))[ \t]*(?:;|\Z)' % (_TOKEN, _TOKEN))
_NAME = re.compile(_TOKEN)
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?\Z)', re.DOTALL)
_LOOSE = re.compile(rb"[^;]*")
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_INSIDE = re.compile(rb"[^()\\]*(?:\\.[^()\\]*)*", re.DOTALL)
_SECTION = re.compile(rb"([^*]*)\*([0-9]{1,9})?(\*)?\Z")
_NAMES = (b"name", b"filename")  # people put spaces into these, and some programs no quotes around them


def media_type(value: bytes) -> tuple[bytes, bytes, Parameters] | None:
    """Type, subtype and parameters of a Content-Type, as written; None where no type can be made out.

    RFC 2045 §5.2: a message without a type that can be made out is text/plain, so None is for the caller.
    """
    match = _TYPE.match(value)
    if match is not None:
        return match[1], match[2], parameters(value, match.end())
    position = skip_comments(value, 0)
    kind = _NAME.match(value, position)
    if kind is None:
        return None
    position = skip_comments(value, kind.end())
    if value[position : position + 1] != b"/":
        # "Content-Type: text" was written before MIME (RFC 1049); only text has a subtype to fall back on
        plain = kind.group().lower() == b"text"
        return (kind.group(), b"plain", parameters(value, _semicolon(value, position))) if plain else None
    subtype = _NAME.match(value, skip_comments(value, position + 1))
    if subtype is None:
        return None
    position = skip_comments(value, subtype.end())
    if value[position : position + 1] == b";":
        position += 1
    return kind.group(), subtype.group(), parameters(value, position)


def token(value: bytes) -> bytes | None:
    """The single word of a field such as Content-Transfer-Encoding; None where something else stands."""
    if _NAME.fullmatch(value):
        return value
    match = _NAME.match(value, skip_comments(value, 0))
    if match is None or skip_comments(value, match.end()) < len(value):
        return None
    return match.group()


def disposition(value: bytes) -> tuple[bytes, Parameters] | None:
    """Content-Disposition (RFC 2183)."""
    match = _NAME.match(value, skip_comments(value, 0))
    if match is None:
        return None
    return match.group(), parameters(value, _semicolon(value, match.end()))


def languages(value: bytes) -> tuple[bytes, ...]:
    """Content-Language (RFC 3282): tags with commas between."""
    found = []
    for element in value.split(b",")[:PARAMETERS]:
        match = _NAME.match(element, skip_comments(element, 0))
        if match is not None:
            found.append(match.group())
    return tuple(found)


def parameters(value: bytes, position: int) -> Parameters:
    """The parameters from `position`, which is behind a semicolon."""
    found: list[tuple[bytes, bytes]] = []
    split = False
    size = len(value)
    while position < size and len(found) < PARAMETERS:
        match = _PLAIN.match(value, position)
        if match is not None:
            name, position = match[1], match.end()
            found.append((name, match[3] if match[2] is None else match[2]))
            split = split or b"*" in name
            continue
        taken, position = _parameter(value, _NOTHING.match(value, position).end())  # type: ignore[union-attr]
        if taken is not None:
            found.append(taken)
            split = split or b"*" in taken[0]
    return _joined(found) if split else tuple(found)


def skip_comments(value: bytes, position: int) -> int:
    """The position after white space and comments; the end if a comment never closes."""
    while True:
        position = _SPACE.match(value, position).end()  # type: ignore[union-attr]  # matches everywhere
        if value[position : position + 1] != b"(":
            return position
        depth = 0
        while True:
            mark = value[position : position + 1]
            if mark == b"(":
                opened = _OPENING.match(value, position).end()  # type: ignore[union-attr]  # it does match
                depth += opened - position
                position = opened
            elif mark == b")":
                depth -= 1
                position += 1
            else:
                return len(value)
            if depth == 0:
                break
            position = _INSIDE.match(value, position).end()  # type: ignore[union-attr]  # matches everywhere


def _parameter(value: bytes, position: int) -> tuple[tuple[bytes, bytes] | None, int]:
    """One parameter with comments or faults in it, and the position behind its semicolon."""
    position = skip_comments(value, position)
    name = _NAME.match(value, position)
    if name is None:
        return None, _semicolon(value, position)
    position = skip_comments(value, name.end())
    if value[position : position + 1] != b"=":
        if value[position : position + 1] == b";":
            return None, position + 1
        # a semicolon is missing between this word and the next
        return None, position if _NAME.match(value, position) else _semicolon(value, position)
    position = skip_comments(value, position + 1)
    quoted = _QUOTED.match(value, position)
    if quoted is not None:
        text = _ESCAPE.sub(rb"\1", quoted[1])
        position = skip_comments(value, quoted.end())
        if value[position : position + 1] == b";":
            position += 1
        return (name.group(), text), position
    plain = _NAME.match(value, position)
    if plain is not None:
        after = skip_comments(value, plain.end())
        if after == len(value) or value[after : after + 1] == b";":
            return (name.group(), plain.group()), after + 1
        if name.group().lower() not in _NAMES:
            return (name.group(), plain.group()), _semicolon(value, after)
    loose = _LOOSE.match(value, position)
    text = loose.group().rstrip(b" \t\r\n") if loose is not None else b""
    return (name.group(), text), position + (len(loose.group()) if loose is not None else 0) + 1


def _semicolon(value: bytes, position: int) -> int:
    """The position behind the next semicolon, or the end."""
    found = value.find(b";", position)
    return len(value) if found < 0 else found + 1


def _joined(found: list[tuple[bytes, bytes]]) -> Parameters:
    """Parameters with the sections of RFC 2231 §3 put together, behind the others and in order of name.

    A name keeps its trailing "*" if any section was encoded (RFC 2231 §4.1); sections that were not are then
    escaped, so that one decoding of the whole is right. Where a section is missing nothing is joined.
    """
    whole: list[tuple[bytes, bytes]] = []
    split: dict[bytes, list[tuple[int, bool, bytes, bytes]]] = {}
    for name, text in found:
        match = _SECTION.match(name)
        if match is None or (match[2] is None and match[3] is not None):
            whole.append((name, text))
        elif match[2] is None:
            split.setdefault(match[1].lower(), []).append((0, True, name, text))
        else:
            split.setdefault(match[1].lower(), []).append((int(match[2]), bool(match[3]), name, text))
    for _, sections in sorted(split.items()):
        sections.sort(key=lambda section: section[0])
        if [section[0] for section in sections] != list(range(len(sections))):
            whole.extend((name, text) for _, _, name, text in sections)
            continue
        encoded = any(section[1] for section in sections)
        text = b"".join(s[3].replace(b"%", b"%25") if encoded and not s[1] else s[3] for s in sections)
        if encoded and not sections[0][1]:
            text = b"''" + text
        whole.append((sections[0][2].split(b"*")[0] + (b"*" if encoded else b""), text))
    return tuple(whole)
