"""What comes back from a member's copies: only a report that mail has failed is counted.

A report of delay, a receipt, an automatic reply to a post are no bounce. Old servers bounce in plain text: mail
from the null reverse-path that is no report and no automatic reply counts too.
"""

import re

from filters.head import first, values
from filters.mail import Mail

MOST_LOOKED_AT = 64 * 1024  # octets

_ACTION = re.compile(rb"^Action:[ \t]*([A-Za-z]+)", re.IGNORECASE | re.MULTILINE)
_REASON = re.compile(rb"^(?:Diagnostic-Code|Status):[ \t]*([^\r\n]{1,300})", re.IGNORECASE | re.MULTILINE)


def failed(mail: Mail, start: bytes) -> bool:
    """Does a mail to a bounce address say that a copy was not delivered? `start` is the first part of it."""
    actions = {match[1].lower() for match in _ACTION.finditer(start)}
    if actions:
        return b"failed" in actions
    if mail.reverse_path:
        return False
    kinds = [each.split(b";")[0].strip().lower() for each in values(mail.head, b"auto-submitted")]
    return b"auto-replied" not in kinds or b"multipart/report" in first(mail.head, b"content-type").lower()


def reason(start: bytes) -> str:
    """What the report says of it, for the owner."""
    found = _REASON.search(start)
    return found[1].decode("utf-8", "replace").strip() if found else ""
