"""`kwcmaild queue …`: what waits to be delivered, and an operator's hands on it.

Works on the queue's files, with or without a relay process running; one that runs is woken. `retry`, `hold`,
`release` and `delete` need to be told which messages: queue ids, filters, or `--all`.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from config.units import parse_duration
from kwcmaild.commands import queue_shown as shown
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail, settings_of
from storage.bus import Bus
from storage.queue.admin import Progress, QueueAdmin
from storage.queue.db import LaterVersion
from storage.queue.queue import Queue
from storage.queue.queued import Select, State

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
Newer = Annotated[
    int | None, typer.Option("--newer", metavar="TIME", parser=_seconds, help="Not so long in the queue.")
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
    newer: Newer = None,
    state: InState = None,
    most: Annotated[int | None, typer.Option("--limit", min=1, help="The oldest so many.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """What is in the queue, the oldest first."""
    select = _select(ids, sender, recipient, domain, older, newer, state, most)
    count = 0
    with _queue(config) as (_, admin):
        for count, each in enumerate(admin.list(select), 1):
            if as_json:
                typer.echo(("[" if count == 1 else ",") + json.dumps(shown.plain(each), ensure_ascii=False))
                continue
            typer.echo(shown.head(each))
            for one in each.recipients:
                typer.echo(f"    {shown.line(one)}")
    if as_json:
        typer.echo("]" if count else "[]")
    else:
        typer.echo(shown.messages(count))


@app.command()
def show(
    queue_id: Annotated[str, typer.Argument(metavar="ID")],
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Everything that the queue knows of one message, and the message's header."""
    with _queue(config) as (queue, admin):
        listed = admin.show(queue_id)
        header = b"" if listed is None else queue.header(queue_id, shown.HEADER_MOST)
    if listed is None:
        fail(f"{queue_id}: no such message in the queue")
    text = shown.header_text(header)
    if as_json:
        typer.echo(json.dumps({**shown.plain(listed), "header": text}, ensure_ascii=False, indent=2))
        return
    typer.echo(shown.head(listed))
    typer.echo(f"    trace {listed.envelope.trace}  {shown.flags(listed)}".rstrip())
    for one in listed.recipients:
        typer.echo(f"    {shown.line(one)}")
        for line in shown.story(one):
            typer.echo(f"        {line}")
    typer.echo(f"\n{text}" if header else "\nthe message file is missing")


@app.command()
def retry(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    newer: Newer = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Try waiting recipients now."""
    select = _named(_select(ids, sender, recipient, domain, older, newer), everything)
    _change(config, select, QueueAdmin.retry, "due now")


@app.command()
def hold(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    newer: Newer = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Stop attempts until the messages are released."""
    select = _named(_select(ids, sender, recipient, domain, older, newer), everything)
    _change(config, select, QueueAdmin.hold, "held")


@app.command()
def release(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    newer: Newer = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Let held messages go on, at once."""
    select = _named(_select(ids, sender, recipient, domain, older, newer), everything)
    _change(config, select, QueueAdmin.release, "released")


@app.command()
def delete(
    ids: Ids = None,
    sender: Sender = "",
    recipient: Recipient = "",
    domain: Domain = "",
    older: Older = None,
    newer: Newer = None,
    state: InState = None,
    everything: All = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Take messages out of the queue. Their senders are told nothing."""
    select = _named(_select(ids, sender, recipient, domain, older, newer, state), everything)
    _change(config, select, QueueAdmin.delete, "deleted")


@app.command()
def stats(
    most: Annotated[int, typer.Option("--limit", min=1, help="So many destinations.")] = 20,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """The queue in numbers, and for each destination: recipients, the oldest, the last error."""
    with _queue(config) as (_, admin):
        found = admin.stats(most)
    if as_json:
        typer.echo(json.dumps(shown.plain_stats(found), ensure_ascii=False, indent=2))
        return
    for line in shown.stats(found):
        typer.echo(line)


# ---------------------------------------------------------------------- what is meant


def _select(
    ids: list[str] | None,
    sender: str,
    recipient: str,
    domain: str,
    older: int | None,
    newer: int | None,
    state: State | None = None,
    most: int | None = None,
) -> Select:
    now = int(time.time())
    before = None if older is None else now - older
    after = None if newer is None else now - newer
    return Select(tuple(ids or ()), sender, recipient, domain, state, before, most, after)


def _named(select: Select, everything: bool) -> Select:
    """What is changed must have been named."""
    if (select == Select()) is not everything:
        fail(
            "name the messages: queue ids or filters"
            + (", not both with --all" if everything else ", or --all")
        )
    return select


def _change(
    config: Path, select: Select, act: Callable[[QueueAdmin, Select, Progress], int], done: str
) -> None:
    with _queue(config) as (_, admin), _bar() as progress:
        changed = act(admin, select, progress)
    if select.queue_ids and not changed:
        fail("none of these messages is in the queue in a state for that")
    typer.echo(f"{shown.messages(changed)} {done}")


@contextlib.contextmanager
def _bar() -> Iterator[Progress]:
    """A bar on a terminal while much is changed; nothing where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda done, of: bar.update(task, completed=done, total=of)


@contextlib.contextmanager
def _queue(config: Path) -> Iterator[tuple[Queue, QueueAdmin]]:
    """The queue of a server; a queue that does not exist is not made here, as whoever runs the command."""
    settings = settings_of(config)
    directory = settings.data / "queue"
    if not (directory / "queue.sqlite").exists():
        fail(f"{directory}: there is no queue yet; it is made when the server starts")
    bus = Bus(settings.run)
    try:
        queue = Queue(directory, wake=bus.publish)
    except LaterVersion as error:
        bus.close()
        fail(str(error))
    try:
        yield queue, QueueAdmin(queue)
    finally:
        queue.close()
        bus.close()
