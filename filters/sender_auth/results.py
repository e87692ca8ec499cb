"""Authentication-Results (RFC 8601): one field under our name, and no other under it.

What a peer says in our name is forged, or ours from an earlier way through the house: `forged` finds those
fields, so that they can be dropped whole before ours is put in front (RFC 8601 §5).
"""

import re
from collections.abc import Sequence

from filters.verdict import AuthResult
from storage.mime.header import Field, fields, unfold

_TOKEN = re.compile(r"[!#$%&'*+\-./0-9=?@A-Z^_`a-z{|}~]+")
_COMMENT = re.compile(r"[^ !#-'*-\[\]-~]")  # what may not stand in a comment as it is
_NAME = re.compile(rb'^[ \t]*(?:\([^()]*\)[ \t]*)*(?:"([^"]*)"|([^\s;()]+))')


def field(hostname: str, results: Sequence[AuthResult]) -> bytes:
    """The whole field, folded, with its CRLF. Without results it says `none`."""
    return f"Authentication-Results: {text(hostname, results)}\r\n".encode()


def text(hostname: str, results: Sequence[AuthResult]) -> str:
    """The field's value, folded."""
    return f"{hostname}; " + ";\r\n\t".join([_one(each) for each in results] or ["none"])


def _one(result: AuthResult) -> str:
    text = f"{result.method}={result.result}"
    if result.comment:
        text += f" ({_COMMENT.sub('?', result.comment)[:200]})"
    for name, value in result.properties:
        if value:
            text += f"\r\n\t {name}={_value(value)}"
    return text


def _value(value: str) -> str:
    value = re.sub(r"[\x00-\x1f\x7f]", "?", value)[:256]
    if _TOKEN.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def forged(head: bytes, hostname: str) -> list[Field]:
    """The Authentication-Results fields of a header block that speak in our name."""
    if b"authentication-results" not in head.lower():
        return []
    name = hostname.lower().encode()
    return [
        each
        for each in fields(head)
        if each.name == b"authentication-results"
        and _speaker(unfold(head[each.value_start : each.end])) == name
    ]


def _speaker(value: bytes) -> bytes:
    match = _NAME.match(value)
    return (match[1] or match[2] or b"").lower() if match else b""
