"""`kwcmaild token add|list|del`: tokens of the REST API, with or without a web process running."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from config.units import parse_duration
from kwcmaild.commands.directory import Json, directory_of, moment, show, table
from kwcmaild.commands.options import DEFAULT, ConfigFile, fail
from storage.admin import find_account
from storage.people.directory import Directory
from storage.state.panel import Panel
from storage.state.panel_tokens import Token, Tokens
from web.person import SCOPES
from web.scopes import expanded

app = typer.Typer(help="Tokens of the REST API.", no_args_is_help=True)

ACTOR = "command line"  # in the audit log


def _seconds(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def add(
    owner: Annotated[str, typer.Argument(metavar="ADDRESS", help="The account for which it acts.")],
    name: Annotated[str, typer.Option(help="What it is for, such as billing.")],
    scope: Annotated[
        list[str],
        typer.Option(
            metavar="SUBJECT:read|write", help=f"What it may; may be given again, *: all. {', '.join(SCOPES)}"
        ),
    ],
    expires: Annotated[
        int | None, typer.Option(metavar="TIME", parser=_seconds, help="After this time: 90d. Else never.")
    ] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Make a token. It is shown this once."""
    with directory_of(config) as directory, _panel(directory) as (panel, tokens):
        account = find_account(directory, owner)
        address = f"{account.local}@{account.domain}"
        until = None if expires is None else time.time() + expires
        token, secret = tokens.add(address, name, expanded(scope), until)
        details = f"add {token.id} {token.name}: {' '.join(sorted(token.scopes))}"
        panel.note(ACTOR, "own.tokens", domain=account.domain, subject=address, details=details)
    show({**_plain(token), "token": secret}, json, [secret])


@app.command("list")
def list_(
    owner: Annotated[str | None, typer.Argument(metavar="[ADDRESS]", help="Only this account's.")] = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Every token, without its secret."""
    with directory_of(config) as directory, _panel(directory) as (_, tokens):
        found = tokens.all() if owner is None else tokens.of(owner.lower())
    rows = [
        (
            each.id,
            each.owner,
            each.name,
            " ".join(sorted(each.scopes)),
            "never" if each.expires is None else moment(each.expires),
            "never" if each.used is None else moment(each.used),
        )
        for each in found
    ]
    show(
        [_plain(each) for each in found],
        json,
        table(("ID", "OWNER", "NAME", "SCOPES", "EXPIRES", "LAST USED"), rows),
    )


@app.command("del")
def delete(
    which: Annotated[str, typer.Argument(metavar="ID", help="As `token list` calls it.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Delete a token; it is refused from then on."""
    with directory_of(config) as directory, _panel(directory) as (panel, tokens):
        token = tokens.get(which)
        if token is None or not tokens.delete(which):
            fail(f"there is no token {which}")
        domain = token.owner.rpartition("@")[2]
        panel.note(ACTOR, "own.tokens", domain=domain, subject=token.owner, details=f"delete {which}")
    typer.echo(f"deleted: {token.name} of {token.owner}")


def _plain(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "owner": token.owner,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created": token.created,
        "expires": token.expires,
        "used": token.used,
    }


@contextmanager
def _panel(directory: Directory) -> Iterator[tuple[Panel, Tokens]]:
    state: Path = directory.settings.data / "state"
    panel = Panel(state, time.time)
    try:
        yield panel, Tokens(panel.db, panel.clock)
    finally:
        panel.close()
