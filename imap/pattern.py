"""Mailbox patterns of LIST and LSUB (RFC 9051 §6.3.9): `*` is anything, `%` anything without "/".

A pattern is the client's, so the usual translation to a regular expression is out: `*a*a*a*b` takes it
exponential time. Common shapes are answered by comparing; all others by a set of positions kept as the bits
of one number, which takes time proportional to name and pattern, whatever they are.
"""

import re
from collections.abc import Callable

from imap.mailbox_name import DELIMITER

LONGEST = 2000  # characters; what is longer fits no name, and would cost by the length of all names

_RUN = re.compile(r"[*%]{2,}")

Matcher = Callable[[str], bool]


def matcher(pattern: str) -> Matcher:
    """What tells whether a name fits the pattern. INBOX fits whatever its case, alone and as the first level
    (RFC 9051 §5.1)."""
    first, slash, below = pattern.partition(DELIMITER)
    if slash and first.upper() == "INBOX":
        pattern = "INBOX" + slash + below
    plain = _matcher(pattern)
    inbox = _matcher(pattern.upper())("INBOX")
    return lambda name: plain(name) or (inbox and name == "INBOX")


def _matcher(pattern: str) -> Matcher:
    if len(pattern) > LONGEST:
        return lambda name: False
    pattern = _RUN.sub(lambda match: "*" if "*" in match.group() else "%", pattern)
    head, last = pattern[:-1], pattern[-1:]
    if "*" not in head and "%" not in head:
        if last == "*":
            return lambda name: name.startswith(head)
        if last == "%":
            return lambda name: name.startswith(head) and DELIMITER not in name[len(head) :]
        return lambda name: name == pattern
    return _positions(pattern)


def _positions(pattern: str) -> Matcher:
    """Bit i of the state: the first i tokens of the pattern fit what was read of the name."""
    step: dict[str, int] = {}  # tokens that take this character and are done
    stay = stay_within = 0  # tokens that may take any character, or any but "/", and stay
    for at, token in enumerate(pattern):
        if token == "*":  # noqa: S105
            stay |= 1 << at
        elif token == "%":  # noqa: S105
            stay_within |= 1 << at
        else:
            step[token] = step.get(token, 0) | 1 << at
    skip = stay | stay_within  # a wildcard may also take nothing; two never stand side by side
    start = 1 | (skip & 1) << 1
    done = 1 << len(pattern)

    def fits(name: str) -> bool:
        state = start
        for char in name:
            kept = state & (stay if char == DELIMITER else skip)
            state = (state & step.get(char, 0)) << 1 | kept
            state |= (state & skip) << 1
            if not state:
                return False
        return bool(state & done)

    return fits
