"""`kwcmaild trace`: where did my mail go? The story of each message, one line an event, readable as it stands.

It is found by message id, address (sender, recipient, or the account that it came to), queue id, or the trace
id that stands in the log and in the message's Received field. What the columns say is in docs/operating.md.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from config.units import format_duration, parse_duration
from kwcmaild.commands.directory import Json, show
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail, settings_of
from storage.state.stories import Event, Story, stories

MANY = 20  # recipients beyond which only the one that was asked for is shown


def _seconds(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def trace(
    wanted: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="A message id, an address, a queue id or a trace id."),
    ],
    since: Annotated[
        int | None, typer.Option(metavar="TIME", parser=_seconds, help="Only what happened since: 2h, 3d.")
    ] = None,
    most: Annotated[int, typer.Option("--limit", min=1, max=1000, help="The newest so many.")] = 10,
    everything: Annotated[bool, typer.Option("--all", help="Every recipient of a message to many.")] = False,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Where a message went: who brought it, what was thought of it, what each recipient got, and when."""
    settings = settings_of(config)
    try:
        found = stories(
            settings.data / "state", wanted, since=0 if since is None else time.time() - since, most=most
        )
    except sqlite3.Error as error:
        fail(f"{settings.data}/state/traces.sqlite cannot be read: {error}")
    if not found:
        period = f" in the last {format_duration(since)}" if since else ""
        fail(
            f"nothing is known of {wanted}{period}; traces are kept for {format_duration(settings.traces.keep)}"
        )
    lines: list[str] = []
    for story in found:
        lines += [*_lines(story, "" if everything else wanted), ""]
    if len(found) == most:
        lines.append(f"These are the newest {most}; there may be more (--limit).")
    else:
        lines.pop()
    show([_plain(story) for story in found], json, lines)


def _plain(story: Story) -> dict[str, Any]:
    events = [
        {**asdict(event), "detail": dict(event.detail), "status": event.status and str(event.status)}
        for event in story.events
    ]
    outcomes = {
        address: {"what": event.what, "status": event.status and str(event.status)}
        for address, event in story.outcomes.items()
    }
    return {
        "trace": story.trace,
        "message_id": story.message_id,
        "sender": story.sender,
        "outcomes": outcomes,
        "events": events,
    }


def _lines(story: Story, wanted: str) -> list[str]:
    outcomes = story.outcomes
    events = story.events
    hidden = 0
    if len(outcomes) > MANY and wanted.lower() in {address.lower() for address in outcomes}:
        hidden = len(outcomes) - 1
        events = tuple(
            event for event in events if not event.recipient or event.recipient.lower() == wanted.lower()
        )
    head = [f"trace {story.trace}"]
    if story.message_id:
        head.append(f"<{story.message_id}>")
    if story.sender is not None:
        head.append(f"from <{story.sender}>")
    lines = [_clean("  ".join(head))]
    lines += [f"    {_time(event.at)}  {event.what:<9}  {_clean(_say(event))}" for event in events]
    if hidden:
        lines.append(f"    and {hidden} other recipients (--all shows them)")
    elif len(outcomes) > 1:
        lines += [f"    {_clean(address)}: {_last(event)}" for address, event in outcomes.items()]
    return lines


def _say(event: Event) -> str:
    """One event as a sentence: what is special to its kind first, then whatever else is known of it."""
    detail = dict(event.detail)
    tell = _SENTENCES.get(event.what, _other)
    parts = [tell(event, detail)]
    parts += [f"{key}={value}" for key, value in detail.items() if value]
    return ", ".join(part for part in parts if part)


def _accepted(event: Event, detail: dict[str, str]) -> str:
    tls = detail.pop("tls", "") or "without TLS"
    return ", ".join(part for part in (_whence(event, detail), tls, *_message(event, detail)) if part)


def _refused(event: Event, detail: dict[str, str]) -> str:
    whom = f"{event.recipient}: " if event.recipient else ""
    sender = f"sender <{event.sender}>" if event.sender else ""
    parts = (_whence(event, detail), detail.pop("tls", ""), sender, *_message(event, detail))
    more = ", ".join(part for part in parts if part)
    return f"{whom}{event.status or ''}" + (f" ({more})" if more else "")


def _whence(event: Event, detail: dict[str, str]) -> str:
    helo = detail.pop("helo", "")
    return f"from {event.peer}{f' ({helo})' if helo else ''}" if event.peer else ""


def _message(event: Event, detail: dict[str, str]) -> Iterator[str]:
    """Who sends it, how large it is, and to whom."""
    detail.pop("account", "")
    if event.account:
        yield f"logged in as {event.account}"
    if size := detail.pop("size", ""):
        yield f"{size} octets"
    if to := detail.pop("to", ""):
        yield f"to {to}"


def _check(event: Event, detail: dict[str, str]) -> str:
    verdict = f"{detail.pop('check', '')}: {detail.pop('action', '')}"
    why = "; ".join(text for text in (detail.pop("reason", ""), detail.pop("results", "")) if text)
    return f"{verdict} ({why})" if why else verdict


def _stored(event: Event, detail: dict[str, str]) -> str:
    account = detail.pop("account", "") or event.account
    mailbox, uid = detail.pop("mailbox", ""), detail.pop("uid", "")
    place = f"in {mailbox}" if mailbox else ""
    place += f" of {account}" if account and account != event.recipient else ""
    place += f", uid {uid}" if uid else ""
    return f"{event.recipient}: {place}"


def _queued(event: Event, detail: dict[str, str]) -> str:
    return f"{event.recipient} as {event.queue_id}" + _because(event)


def _tried(event: Event, detail: dict[str, str]) -> str:
    host, address = detail.pop("host", "") or event.peer, detail.pop("address", "")
    host += f" [{address}]" if address and address != host else ""
    tls = detail.pop("tls", "").replace("none", "without TLS")
    if detail.get("destination") == event.recipient.rpartition("@")[2].lower():
        del detail["destination"]  # nothing but the usual
    reply = detail.pop("reply", "") or str(event.status or "")
    said = f"{host}{f' ({tls})' if tls else ''} said: {reply}" if host else reply
    return f"{event.recipient}: {said}"


def _forwarded(event: Event, detail: dict[str, str]) -> str:
    return f"{event.recipient} -> {detail.pop('to', '')}"


def _notice(event: Event, detail: dict[str, str]) -> str:
    about, to = detail.pop("about", ""), detail.pop("to", "")
    told = f"{to or event.recipient} is told"
    told += f" of {event.recipient}" if to and event.recipient else ""
    return told + (f": {about}" if about else "")


def _held(event: Event, detail: dict[str, str]) -> str:
    account = detail.pop("account", "") or event.account
    reason = detail.pop("reason", "")
    return f"sending from {account}: {reason}" if account else _other(event, detail)


def _other(event: Event, detail: dict[str, str]) -> str:
    detail.pop("account", "")
    parts = [event.recipient or event.account, f"as {event.queue_id}" if event.queue_id else ""]
    return " ".join(part for part in parts if part) + _because(event)


def _because(event: Event) -> str:
    return f": {event.status}" if event.status is not None else ""


_SENTENCES: dict[str, Callable[[Event, dict[str, str]], str]] = {
    "accepted": _accepted,
    "refused": _refused,
    "check": _check,
    "stored": _stored,
    "queued": _queued,
    "sent": _tried,
    "deferred": _tried,
    "failed": _tried,
    "forwarded": _forwarded,
    "expanded": _forwarded,
    "notice": _notice,
    "held": _held,
}


def _last(event: Event) -> str:
    return f"{event.what} {_time(event.at)}"


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _clean(text: str) -> str:
    """What peers sent cannot act on a terminal or begin a line."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
