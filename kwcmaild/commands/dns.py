"""`kwcmaild dns DOMAIN`: what to publish in DNS, and with `--check` what is really there and what to mend."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from filters.publish import Found, Record, look, records
from kwcmaild.commands.directory import Json, directory_of, show
from kwcmaild.commands.options import DEFAULT, ConfigFile
from net.resolver import Resolver
from storage import admin_dkim

_WORDS = {"ok": "ok", "missing": "MISSING", "wrong": "WRONG", "unknown": "unknown"}


def dns(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain, such as example.jp.")],
    check: Annotated[bool, typer.Option("--check", help="Ask DNS what is really there.")] = False,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """The records to publish for a domain. With --check the exit status is 1 if a needed one is not right."""
    with directory_of(config) as directory:
        keys = [(key.name, key.record) for key in admin_dkim.list_keys(directory, domain)]
        wanted = records(directory.settings, domain.lower(), keys)
        nameservers = directory.settings.resolver.nameservers
    if not check:
        show([{**asdict(each), "zone_line": each.zone_line} for each in wanted], json, _lines(wanted))
        return
    found = asyncio.run(_ask(nameservers, wanted))
    show([asdict(each) for each in found], json, [line for each in found for line in _found_lines(each)])
    if any(each.state in ("missing", "wrong") and each.record.needed for each in found):
        raise typer.Exit(1)


async def _ask(nameservers: tuple[str, ...], wanted: list[Record]) -> list[Found]:
    resolver = Resolver(nameservers)
    try:
        return await look(resolver, wanted)
    finally:
        await resolver.close()


def _lines(wanted: list[Record]) -> list[str]:
    lines = []
    for each in wanted:
        lines += [f"; {each.purpose}{'' if each.needed else ' (optional)'}", each.zone_line]
    return lines


def _found_lines(found: Found) -> list[str]:
    record = found.record
    word = _WORDS[found.state] if record.needed or found.state != "missing" else "not there (optional)"
    lines = [f"{word:<8} {record.name} {record.kind}: {record.purpose}"]
    lines += [f"         there is: {each}" for each in found.there]
    if found.advice:
        lines.append(f"         {found.advice}")
    return lines
