"""`kwcmaild queue …`: what waits to be delivered, and an operator's hands on it.

Works on the queue's files, with or without a relay process running; one that runs is woken. `retry`, `hold`,
`release` and `delete` need to be told which messages: queue ids, filters, or `--all`.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from config.units import format_duration, format_size, parse_duration
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail, settings_of
from storage.bus import Bus
from storage.queue import ADDED, Queue
from storage.queue_admin import QueueAdmin
from storage.queued import Listed, Queued, Select, State

app = typer.Typer(help="Mail that waits to be delivered.", no_args_is_help=True)


def _seconds(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Queue ids.", show_default=False)]
Sender = Annotated[str, typer.Option(metavar="ADDRESS", help="Reverse-path; <> for bounces and notices.")]
Recipient = Annotated[str, typer.Option(metavar="ADDRESS", help="Messages with this recipient.")]
Domain = Annotated[str, typer.Option(metavar="D", help="Messages with a recipient in this domain.")]
Older = Annotated[
    int | None, typer.Option("--older", metavar="TIME", parser=_seconds, help="Longer in the queue: 2h, 3d.")
]
InState = Annotated[
    State | None, typer.Option("--state", help="Messages with a recipient in this state.", show_choices=True)
]
All = Annotated[bool, typer.Option("--all", help="Every message of the queue.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("list")
def list_(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    state: InState = None,
    most: Annotated[int | None, typer.Option("--limit", min=1, help="The oldest so many.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """What is in the queue, the oldest first."""
    select = _select(ids, sender, recipient, domain, older, state, most)
    with _queue(config) as admin:
        listed = admin.list(select)
    if as_json:
        typer.echo(json.dumps([_plain(each) for each in listed], ensure_ascii=False, indent=2))
        return
    for each in listed:
        typer.echo(_head(each))
        for one in each.recipients:
            typer.echo(f"    {_line(one)}")
    typer.echo(_messages(len(listed)))


@app.command()
def show(
    queue_id: Annotated[str, typer.Argument(metavar="ID")],
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Everything that the queue knows of one message."""
    with _queue(config) as admin:
        listed = admin.show(queue_id)
    if listed is None:
        fail(f"{queue_id}: no such message in the queue")
    plain = _plain(listed)
    if as_json:
        typer.echo(json.dumps(plain, ensure_ascii=False, indent=2))
        return
    typer.echo(_head(listed))
    typer.echo(f"    trace {listed.envelope.trace}")
    for one in listed.recipients:
        typer.echo(f"    {_line(one)}")
        if one.original and one.original != one.address:
            typer.echo(f"        written as {one.original}")
        if one.last_attempt is not None:
            typer.echo(f"        last attempt {_time(one.last_attempt)}")


@app.command()
def retry(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Try waiting recipients now."""
    select = _named(_select(ids, sender, recipient, domain, older), everything)
    _change(config, select, QueueAdmin.retry, "due now")


@app.command()
def hold(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Stop attempts until the messages are released."""
    select = _named(_select(ids, sender, recipient, domain, older), everything)
    _change(config, select, QueueAdmin.hold, "held")


@app.command()
def release(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Let held messages go on, at once."""
    select = _named(_select(ids, sender, recipient, domain, older), everything)
    _change(config, select, QueueAdmin.release, "released")


@app.command()
def delete(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    state: InState = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Take messages out of the queue. Their senders are told nothing."""
    select = _named(_select(ids, sender, recipient, domain, older, state), everything)
    _change(config, select, QueueAdmin.delete, "deleted")


@app.command()
def stats(as_json: AsJson = False, config: ConfigFile = DEFAULT) -> None:
    """The queue in numbers."""
    with _queue(config) as admin:
        found = admin.stats()
    if as_json:
        names = ("messages", "octets", "waiting", "leased", "held", "failed", "oldest", "next_due")
        plain = {name: getattr(found, name) for name in names}
        typer.echo(json.dumps({**plain, "domains": dict(found.domains)}, ensure_ascii=False, indent=2))
        return
    typer.echo(f"{_messages(found.messages)}, {_size(found.octets)}")
    typer.echo(
        f"recipients: {found.waiting} waiting, {found.leased} being tried, {found.held} held,"
        f" {found.failed} failed and not yet told"
    )
    if found.oldest is not None:
        typer.echo(f"oldest: {_time(found.oldest)}")
    if found.next_due is not None:
        typer.echo(f"next attempt: {_time(found.next_due)}")
    for domain, count in found.domains:
        typer.echo(f"{count:>8}  {domain}")


# ---------------------------------------------------------------------- what is meant


def _select(
    ids: list[str] | None,
    sender: str,
    recipient: str,
    domain: str,
    older: int | None,
    state: State | None = None,
    most: int | None = None,
) -> Select:
    before = None if older is None else int(time.time()) - older
    return Select(tuple(ids or ()), sender, recipient, domain, state, before, most)


def _named(select: Select, everything: bool) -> Select:
    """What is changed must have been named."""
    if (select == Select()) is not everything:
        fail(
            "name the messages: queue ids or filters"
            + (", not both with --all" if everything else ", or --all")
        )
    return select


def _change(config: Path, select: Select, act: Callable[[QueueAdmin, Select], int], done: str) -> None:
    with _queue(config) as admin:
        changed = act(admin, select)
    if select.queue_ids and not changed:
        fail("none of these messages is in the queue in a state for that")
    typer.echo(f"{_messages(changed)} {done}")


@contextlib.contextmanager
def _queue(config: Path) -> Iterator[QueueAdmin]:
    """The queue of a server; a queue that does not exist is not made here, as whoever runs the command."""
    settings = settings_of(config)
    directory = settings.data / "queue"
    if not (directory / "queue.sqlite").exists():
        fail(f"{directory}: there is no queue yet; it is made when the server starts")
    bus = Bus(settings.run)
    queue = Queue(directory, wake=lambda: bus.publish(ADDED))
    try:
        yield QueueAdmin(queue)
    finally:
        queue.close()
        bus.close()


# ---------------------------------------------------------------------- how it is shown


def _head(listed: Listed) -> str:
    envelope = listed.envelope
    sender = envelope.reverse_path or "<>"
    age = format_duration(max(0, int(time.time()) - envelope.added) // 60 * 60)
    return f"{envelope.queue_id}  {_time(envelope.added)} ({age})  {_size(envelope.size)}  {sender}"


def _line(one: Queued) -> str:
    text = f"{one.state}  {one.address}"
    if one.state is State.WAITING:
        text += "  being tried" if one.holder and one.due > time.time() else f"  next {_time(one.due)}"
    if one.attempts:
        text += f"  after {one.attempts} attempt{'' if one.attempts == 1 else 's'}"
    return text if one.status is None else f"{text}: {one.status}"


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _size(octets: int) -> str:
    """Rounded, for people."""
    return format_size(octets) if octets < 1024 else format_size(octets // 1024 * 1024)


def _plain(listed: Listed) -> dict[str, Any]:
    envelope = listed.envelope
    return {
        "id": envelope.queue_id,
        "sender": envelope.reverse_path,
        "trace": envelope.trace,
        "added": envelope.added,
        "size": envelope.size,
        "envid": envelope.envid,
        "ret": envelope.ret,
        "recipients": [
            {
                "address": one.address,
                "original": one.original,
                "mailbox": one.mailbox,
                "state": one.state,
                "due": one.due,
                "holder": one.holder,
                "attempts": one.attempts,
                "last_attempt": one.last_attempt,
                "status": one.status and one.status.code,
                "text": one.status and one.status.text,
            }
            for one in listed.recipients
        ],
    }
