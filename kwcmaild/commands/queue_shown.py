"""How queued messages look: for people, and as JSON for programs."""

import time
from datetime import datetime
from typing import Any

from config.units import format_duration, format_size
from storage.queue.queued import LaneStats, Listed, Queued, QueueStats, State

HEADER_MOST = 64 * 1024  # octets of a message's header that are shown


def head(listed: Listed) -> str:
    """One line for a message."""
    envelope = listed.envelope
    sender = envelope.reverse_path or "<>"
    added = f"{moment(envelope.added)} ({_age(envelope.added)})"
    return f"{envelope.queue_id}  {added}  {size(envelope.size)}  {sender}"


def line(one: Queued) -> str:
    """One line for a recipient."""
    text = f"{one.state}  {one.address}"
    if one.state is State.WAITING:
        text += "  being tried" if one.holder and one.due > time.time() else f"  next {moment(one.due)}"
    if one.attempts:
        text += f"  after {one.attempts} attempt{'' if one.attempts == 1 else 's'}"
    return text if one.status is None else f"{text}: {one.status}"


def story(one: Queued) -> list[str]:
    """The lines below that of a recipient, where one message is looked at."""
    found = []
    if one.original and one.original != one.address:
        found.append(f"written as {one.original}")
    if one.reverse_path:
        found.append(f"bounces go to {one.reverse_path}")
    if one.lane and one.lane != one.address.rpartition("@")[2]:
        found.append(f"by way of {one.lane}")
    if one.last_attempt is not None:
        found.append(
            f"last attempt {moment(one.last_attempt)}" + (f", {one.remote} answered" if one.remote else "")
        )
    if one.reply:
        found.append(one.reply)
    if one.delayed:
        found.append("the sender has been told of the delay")
    return found


def flags(listed: Listed) -> str:
    """What the sender asked for and what the next host must know."""
    envelope = listed.envelope
    found = {
        "SMTPUTF8": envelope.smtputf8,
        "REQUIRETLS": envelope.require_tls,
        "8BITMIME": envelope.eightbit,
        f"RET={envelope.ret}": envelope.ret,
        f"ENVID={envelope.envid}": envelope.envid,
    }
    return " ".join(name for name, given in found.items() if given)


def plain(listed: Listed) -> dict[str, Any]:
    """A message for programs."""
    envelope = listed.envelope
    return {
        "id": envelope.queue_id,
        "sender": envelope.reverse_path,
        "trace": envelope.trace,
        "added": envelope.added,
        "size": envelope.size,
        "envid": envelope.envid,
        "ret": envelope.ret,
        "smtputf8": envelope.smtputf8,
        "require_tls": envelope.require_tls,
        "recipients": [_recipient(one) for one in listed.recipients],
    }


def _recipient(one: Queued) -> dict[str, Any]:
    return {
        "address": one.address,
        "original": one.original,
        "mailbox": one.mailbox,
        "destination": one.lane,
        "state": one.state,
        "due": one.due,
        "holder": one.holder,
        "attempts": one.attempts,
        "last_attempt": one.last_attempt,
        "status": one.status and one.status.code,
        "text": one.status and one.status.text,
        "remote": one.remote,
        "reply": one.reply,
        "notify": one.notify,
        "delayed": one.delayed,
    }


def plain_stats(found: QueueStats) -> dict[str, Any]:
    names = ("messages", "octets", "waiting", "leased", "held", "failed", "oldest", "next_due")
    numbers = {name: getattr(found, name) for name in names}
    return {**numbers, "destinations": [_lane(lane) for lane in found.lanes]}


def _lane(lane: LaneStats) -> dict[str, Any]:
    error = lane.last_error
    return {
        "destination": lane.name,
        "recipients": lane.recipients,
        "oldest": lane.oldest,
        "next_due": lane.next_due,
        "last_error": error and str(error),
        "remote": lane.remote,
    }


def stats(found: QueueStats) -> list[str]:
    """The queue in numbers, for people."""
    lines = [
        f"{messages(found.messages)}, {size(found.octets)}",
        f"recipients: {found.waiting} waiting, {found.leased} being tried, {found.held} held,"
        f" {found.failed} failed and not yet told",
    ]
    if found.oldest is not None:
        lines.append(f"oldest: {moment(found.oldest)} ({_age(found.oldest)})")
    if found.next_due is not None:
        lines.append(f"next attempt: {moment(found.next_due)}")
    if found.lanes:
        lines.append(f"{'recipients':>10}  {'oldest':>8}  destination: last error")
    for lane in found.lanes:
        error = "" if lane.last_error is None else f": {lane.last_error}"
        by = f" ({lane.remote})" if lane.remote else ""
        lines.append(f"{lane.recipients:>10}  {_age(lane.oldest):>8}  {lane.name}{error}{by}")
    return lines


def header_text(octets: bytes) -> str:
    """A message's header so that nothing in it steers a terminal."""
    text = octets.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return "".join(each if each in "\n\t" or each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def size(octets: int) -> str:
    """Rounded, for people."""
    return format_size(octets) if octets < 1024 else format_size(octets // 1024 * 1024)


def _age(since: int) -> str:
    """To the minute, and to the hour after a day."""
    seconds = max(0, int(time.time()) - since)
    step = 60 if seconds < 86_400 else 3600
    return format_duration(seconds // step * step)
