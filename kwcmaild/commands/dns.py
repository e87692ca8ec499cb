"""`kwcmaild dns DOMAIN`: what to publish in DNS, and with `--check` what is really there and what to mend."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from config.domain import DomainFile
from config.settings import Settings
from filters import mta_sts
from filters.publish import Found, Record, look, records
from kwcmaild.commands.directory import Json, directory_of, show
from kwcmaild.commands.options import DEFAULT, ConfigFile
from net.resolver import Resolver
from smtp.relay.https import HttpsFailed, request
from smtp.relay.protection import context
from storage import admin_dkim

PATIENCE = 15.0  # seconds for the policy

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
        contract = directory.domain(domain.lower()) or DomainFile()
        settings = directory.settings
        wanted = records(settings, domain.lower(), keys, contract)
    if not check:
        show([{**asdict(each), "zone_line": each.zone_line} for each in wanted], json, _lines(wanted))
        return
    found = asyncio.run(_ask(settings, domain.lower(), wanted, mta_sts.policy(settings, contract)))
    show([asdict(each) for each in found], json, [line for each in found for line in _found_lines(each)])
    if any(each.state in ("missing", "wrong") and each.record.needed for each in found):
        raise typer.Exit(1)


async def _ask(settings: Settings, domain: str, wanted: list[Record], policy: str) -> list[Found]:
    resolver = Resolver(settings.resolver.nameservers)
    try:
        found = await look(resolver, wanted)
        if any(each.record.name == f"_mta-sts.{domain}" and each.state != "missing" for each in found):
            found.append(await _policy(resolver, settings, domain, policy))
        return found
    finally:
        await resolver.close()


async def _policy(resolver: Resolver, settings: Settings, domain: str, policy: str) -> Found:
    """The MTA-STS policy as others fetch it: with a certificate for the name, or it does not count."""
    host, tls = f"{mta_sts.PREFIX}{domain}", settings.queue.tls
    record = Record(f"https://{host}{mta_sts.PATH}", "policy", policy, "MTA-STS, as others fetch it", False)
    try:
        answer = await request(
            resolver, context(tls, proven=True), host, mta_sts.PATH, port=tls.https_port, timeout=PATIENCE
        )
    except HttpsFailed as failure:
        return Found(record, "wrong", advice=f"it cannot be fetched: {failure}")
    there = tuple(answer.body.decode("utf-8", "replace").split("\r\n"))
    if answer.status == 200 and answer.body.decode("utf-8", "replace") == policy:
        return Found(record, "ok")
    return Found(record, "wrong", there if answer.status == 200 else (), f"HTTP status {answer.status}")


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
