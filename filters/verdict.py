"""What a check thinks of a mail, and how several opinions become one.

The gravest action wins; DISCARD (accepted, not stored, echoes run) stands above all, for a mail with a virus
must not be bounced because another check defers. What the sender is told is a `Status`; the reason is for the
log and never leaves the house.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from storage.status import Status


class Action(IntEnum):
    """What is to happen with the mail, in order of gravity."""

    PASS = 0
    QUARANTINE = 1
    DEFER = 2
    REJECT = 3
    DISCARD = 4


@dataclass(frozen=True, slots=True)
class AuthResult:
    """One result for Authentication-Results (RFC 8601 §2.2), such as `spf=pass smtp.mailfrom=…`."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The opinion of one check, or of all together."""

    action: Action = Action.PASS
    status: Status | None = None  # what the sender is told; never the inside story
    reason: str = ""  # what the log is told
    fields: tuple[bytes, ...] = ()  # header fields to be put in front, each with its CRLF
    results: tuple[AuthResult, ...] = ()
    virus: str = ""  # the name of what was found
    points: tuple[tuple[str, float], ...] = ()  # findings that count in the spam engine of our own


PASS = Verdict()
DEFERRED = Status("4.7.1", "not accepted now, try again later")
REJECTED = Status("5.7.1", "not accepted")
BROKEN_CHECK = Status("4.3.0", "a check of the message failed, try again later")


def merge(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict: the worst action with the first status and reason given for it, all fields and results."""
    if len(verdicts) <= 1:
        return verdicts[0] if verdicts else PASS
    worst = max(verdicts, key=lambda verdict: verdict.action)  # the first of the worst
    return Verdict(
        worst.action,
        worst.status,
        worst.reason,
        tuple(field for verdict in verdicts for field in verdict.fields),
        tuple(result for verdict in verdicts for result in verdict.results),
        next((verdict.virus for verdict in verdicts if verdict.virus), ""),
        tuple(point for verdict in verdicts for point in verdict.points),
    )


def refusal(verdict: Verdict) -> Status | None:
    """What the sender is told when the mail is not taken; None when it is."""
    if verdict.action is Action.DEFER:
        return verdict.status or DEFERRED
    if verdict.action is Action.REJECT:
        return verdict.status or REJECTED
    return None
