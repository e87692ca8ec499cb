"""From what a host answered to what is written down, logged and noted of a recipient."""

import logging
from collections.abc import Sequence

from config.settings import Queue as Schedule
from net.log import event
from smtp.relay.letter import Answered, Letter
from smtp.relay.schedule import next_pause
from storage.queue.queued import Envelope, Outcome, Queued, wants
from storage.state.traces import Traces
from storage.status import Status

logger = logging.getLogger("smtp.relay")


def outcome(
    schedule: Schedule,
    envelope: Envelope,
    one: Queued,
    answer: Answered,
    age: float,
    jitter: float,
    local: bool,
) -> Outcome:
    """`age` is how long the message has been tried, in queue time."""
    status = answer.status
    pause, delayed, action = None, False, ""
    if status.temporary:
        pause = next_pause(schedule, age, one.attempts, jitter)
        late = schedule.delay_notice is not None and age >= schedule.delay_notice
        delayed = late and bool(envelope.reverse_path) and wants(one.notify, "DELAY")
    elif status.ok and not local:
        action = "relayed"
    return Outcome(one.number, status, pause, answer.remote, answer.reply, action, answer.dsn, delayed)


def refused(recipients: Sequence[Queued], status: Status) -> list[Answered]:
    """One status for all, when nobody answered."""
    return [Answered(each.number, status) for each in recipients]


def log(envelope: Envelope, one: Queued, done: Outcome, answer: Answered, local: bool) -> None:
    """One line for an attempt."""
    status = done.status
    name = "queue.failed" if done.pause is None else "queue.deferred"
    if status.ok:
        name = "queue.delivered" if local else "queue.sent"
    event(
        logger,
        name,
        logging.INFO if status.ok else logging.WARNING,
        trace=envelope.trace,
        queue_id=envelope.queue_id,
        to=one.address,
        status=status,
        remote=answer.remote or None,
        tls=answer.tls,
        attempt=one.attempts + 1,
        again_in=done.pause,
    )


def note(
    traces: Traces, envelope: Envelope, one: Queued, done: Outcome, answer: Answered, local: bool, lane: str
) -> None:
    """One note for an attempt; a copy in a mailbox of ours is noted where it is stored."""
    status = done.status
    if status.ok and local:
        return
    what = "sent" if status.ok else "failed" if done.pause is None else "deferred"
    if not status.ok:
        own = envelope.reverse_path.rpartition("@")[2].lower()
        traces.count("failed" if done.pause is None else "deferred", (own,))
    found = {"reply": answer.reply, "tls": answer.tls, "address": answer.address, "destination": lane}
    if not local and status.ok:
        found["tls"] = answer.tls or "none"
    if done.pause is not None:
        found["again in"] = f"{done.pause}s"
    traces.note(
        envelope.trace,
        what,
        queue_id=envelope.queue_id,
        sender=envelope.reverse_path,
        recipient=one.address,
        peer=answer.remote,
        status=status,
        detail={name: value for name, value in found.items() if value},
    )


def pairs(letter: Letter, answered: Sequence[Answered]) -> list[tuple[Queued, Answered]]:
    """Each recipient with its answer; one that was left out counts as not tried."""
    given = {answer.number: answer for answer in answered}
    return [(each, given[each.number]) for each in letter.recipients if each.number in given]
