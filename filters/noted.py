"""What the pipeline notes in a mail's trace (`storage.state.traces`), said in one place so that it reads alike.

Notes are made where something is known to be done: a copy is on the disk, a queue id was given, an answer is
about to be. None of it waits or fails.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from filters.mail import Mail, Outside, Recipient
from filters.post import Post
from filters.verdict import Action, Verdict
from storage.delivery import Delivered
from storage.errors import DiskFull
from storage.mime.header import unfold
from storage.queue.queued import Addressee
from storage.state.mails import Arrived
from storage.state.traces import LONGEST, Traces
from storage.status import DISK_FULL, INTERNAL, Status, worst

LISTED = 100  # recipients by which a message is found in the lists of its domains
NAMED = 10  # recipients that the note of the acceptance names; each has notes of its own besides

_SUBJECT = re.compile(rb"^subject[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)


def answered(traces: Traces, mail: Mail, statuses: Sequence[Status], began: float) -> None:
    """The message was taken, or none of its recipients' copies was; `began` is when it was all here."""
    taken = any(each.ok for each in statuses)
    detail = {"tls": mail.tls or "", "size": str(mail.message.size)}
    if mail.helo:
        detail["helo"] = mail.helo
    if mail.authenticated:
        detail["account"] = mail.authenticated
    addresses = [str(each.address) for each in mail.recipients[:NAMED]]
    more = len(mail.recipients) - len(addresses)
    if mail.times:
        times = mail.times.items()
        detail["checks"] = ", ".join(f"{check} {seconds * 1000:.1f} ms" for check, seconds in times)
    detail["to"] = " ".join(addresses) + (f" and {more} more" if more else "")
    traces.note(
        mail.trace,
        "accepted" if taken else "refused",
        message_id=message_id(mail),
        sender=mail.reverse_path,
        peer=mail.peer,
        status=None if taken else worst(list(statuses)),
        detail=detail,
        at=began if taken else None,  # before what was done with it, or after what was thought of it
    )
    if taken:
        for recipient, status in zip(mail.recipients, statuses, strict=True):
            if not status.ok:
                traces.note(mail.trace, "refused", recipient=str(recipient.address), status=status)
    listed(traces, mail, taken, began)
    count(traces, mail, taken)


def listed(traces: Traces, mail: Mail, taken: bool, at: float) -> None:
    """A message in the lists of the domains here that sent it or that it came to."""
    domains, own = _local_domains(mail), ""
    if mail.authenticated:
        own = mail.authenticated.rpartition("@")[2]
        domains.add(own)
    if domains:
        to = tuple(str(each.address) for each in mail.recipients[:LISTED])
        found = _SUBJECT.search(mail.head)
        subject = unfold(found[1][:LONGEST]) if found else b""
        sender = mail.reverse_path or mail.authenticated or ""
        traces.arrived(Arrived(at, tuple(domains), mail.trace, taken, sender, to, subject, own))


def count(traces: Traces, mail: Mail, taken: bool) -> None:
    """A message in the numbers of its hour: sent by a domain of ours, received by those of its recipients."""
    if mail.authenticated:
        traces.count("sent" if taken else "refused", (mail.authenticated.rpartition("@")[2],))
    here = _local_domains(mail)
    if here and not (mail.authenticated and not taken):
        traces.count("received" if taken else "refused", here)


def found(traces: Traces, mail: Mail, what: Literal["spam", "virus"]) -> None:
    """What a message was found to be, in the numbers of its hour."""
    own = mail.authenticated.rpartition("@")[2] if mail.authenticated else ""
    traces.count(what, {*_local_domains(mail), own})


def _local_domains(mail: Mail) -> set[str]:
    return {each.address.folded.domain for each in mail.recipients if not isinstance(each.found, Outside)}


def failed(traces: Traces, mail: Mail, error: Exception) -> None:
    """A fault of ours: the sender is asked to come again."""
    answer = DISK_FULL if isinstance(error, DiskFull) else INTERNAL
    answered(traces, mail, [answer] * max(1, len(mail.recipients)), 0.0)


def judged(traces: Traces, trace: str, check: str, verdict: Verdict) -> None:
    """What a check thinks of a message; silent where it found nothing worth a word."""
    if verdict.action is Action.PASS and not verdict.reason and not verdict.results:
        return
    results = " ".join(f"{each.method}={each.result}" for each in verdict.results)
    detail = {"check": check, "action": verdict.action.name, "reason": verdict.reason, "results": results}
    traces.note(trace, "check", status=verdict.status, detail=detail)


def delivered(traces: Traces, copy: Delivered, trace: str, what: str = "") -> None:
    """How a mailbox's copy went."""
    target, status = copy.target, copy.status
    detail = {"account": target.address, "mailbox": target.mailbox}
    if copy.uid is not None:
        detail["uid"] = str(copy.uid)
    kind = what or ("stored" if status.ok else "deferred" if status.temporary else "failed")
    recipient = target.original or target.address
    traces.note(trace, kind, recipient=recipient, status=None if status.ok else status, detail=detail)


def queued(traces: Traces, trace: str, queue_id: str, addressees: Iterable[Addressee]) -> None:
    """Recipients that are in the queue under an id."""
    for each in addressees:
        original = each.original if each.original != each.address else ""
        detail = {"written": original} if original else {}
        traces.note(
            trace, "queued", queue_id=queue_id, recipient=each.address, status=each.status, detail=detail
        )


def forwarded(traces: Traces, mail: Mail, recipient: Recipient, posts: Iterable[Post]) -> None:
    """To whom a mail is sent on, and who is told when that fails."""
    for post in posts:
        if post.anew:
            for to in (*(each.address for each in post.addressees), *(each.address for each in post.targets)):
                detail = {"to": to, "bounces": post.reverse_path if post.failures is None else post.failures}
                traces.note(mail.trace, "forwarded", recipient=str(recipient.address), detail=detail)


def message_id(mail: Mail) -> str:
    """The message's own, or the one that it was given here; empty where it has none."""
    found = _MESSAGE_ID.search(mail.head)
    if found is None:
        found = next(filter(None, (_MESSAGE_ID.search(edit.text) for edit in mail.message.edits)), None)
    return unfold(found[1][:LONGEST]).decode("utf-8", "replace") if found else ""
