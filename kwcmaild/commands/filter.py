"""`kwcmaild filter test`: what each check says of a message, and where it would go. Nothing is stored or sent."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from config.settings import Settings
from filters.build import build
from filters.check import Opinion
from filters.mail import Mail, Recipient
from filters.sender_auth.results import text
from kwcmaild.commands.directory import Json, show
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail, settings_of
from storage.errors import Broken
from storage.message import Message
from storage.mime.header import end_of_header
from storage.people.address import AddressError, parse
from storage.queue.queue import Queue
from storage.store import Store

PLACES = {
    "AccountEntry": "a mailbox here",
    "ForwardEntry": "a forward",
    "ListEntry": "a mailing list",
    "ListErrand": "a mailing list's own address",
    "Outside": "another server",
    "Returned": "whoever set a forward, as its bounce",
}

app = typer.Typer(help="What the filters think of a message.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the answer."""

    who: str
    action: str
    status: str
    reason: str
    results: str
    milliseconds: float


@app.command()
def test(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The message, as a file.")],
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The sender of the envelope.")
    ] = "",
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="ADDRESS", help="A recipient; again for more.")
    ] = None,
    ip: Annotated[
        str, typer.Option("--ip", metavar="ADDRESS", help="The address of the server it comes from.")
    ] = "127.0.0.1",
    helo: Annotated[
        str, typer.Option("--helo", metavar="NAME", help="What that server says it is.")
    ] = "localhost",
    account: Annotated[
        str | None,
        typer.Option("--submitted-by", metavar="ADDRESS", help="An account of ours that sends it."),
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Ask every check about a message, as if it came in now."""
    settings = settings_of(config)
    try:
        data = file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    end = end_of_header(data)
    head = data if end < 0 else data[:end]
    mail = Mail(sender, ip, "test", helo, authenticated=account, message=Message.of(data), head=head)
    said = asyncio.run(_ask(settings, mail, to or []))
    show([asdict(each) for each in said], json, [line for each in said for line in _lines(each)])


async def _ask(settings: Settings, mail: Mail, addresses: Sequence[str]) -> list[Said]:
    store = await Store.open(settings)
    queue = await store.run(Queue.of, store)
    pipeline = build(settings, store, queue)
    try:
        said, recipients = [], []
        for address in addresses:
            try:
                answer = await pipeline.way(parse(address), mail.message.size, mail.authenticated is not None)
            except (AddressError, Broken) as error:
                said.append(Said(f"to {address}", "REJECT", "", str(error), "", 0))
                continue
            if isinstance(answer, Recipient):
                recipients.append(answer)
                said.append(
                    Said(f"to {address}", "PASS", "", PLACES.get(type(answer.found).__name__, ""), "", 0)
                )
            else:
                said.append(Said(f"to {address}", "REJECT", str(answer), "", "", 0))
        mail = replace(mail, recipients=tuple(recipients))
        return said + [_said(settings, opinion) for opinion in await pipeline.opinions(mail)]
    finally:
        await store.close()
        pipeline.close()
        queue.close()


def _said(settings: Settings, opinion: Opinion) -> Said:
    verdict = opinion.verdict
    if verdict is None:
        return Said(opinion.name, "OFF", "", "switched off, or nothing to ask", "", 0)
    results = text(settings.hostname, verdict.results) if verdict.results else ""
    status = str(verdict.status) if verdict.status else ""
    milliseconds = round(opinion.seconds * 1000, 2)
    return Said(opinion.name, verdict.action.name, status, verdict.reason, results, milliseconds)


def _lines(said: Said) -> list[str]:
    took = f"  ({said.milliseconds:g} ms)" if said.milliseconds else ""
    lines = [f"{said.who:<14} {said.action}{took}"]
    lines += [f"{'':<14} {each}" for each in (said.status, said.reason) if each]
    lines += [f"{'':<14} {each.strip()}" for each in said.results.split("\r\n") if each.strip()]
    return lines
