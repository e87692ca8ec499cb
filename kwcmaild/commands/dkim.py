"""`kwcmaild dkim add|use|del|list`: the keys that sign what a domain sends."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from kwcmaild.commands.directory import Json, directory_of, show, table
from kwcmaild.commands.options import DEFAULT, ConfigFile
from storage import admin_dkim
from storage.admin_dkim import DkimKey

app = typer.Typer(help="Keys that sign what a domain sends (DKIM).", no_args_is_help=True)

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain, such as example.jp.")]


@app.command()
def add(
    domain: Domain,
    selector: Annotated[
        str, typer.Option(metavar="NAME", help="How the selectors begin; else k and today's date.")
    ] = "",
    unused: Annotated[
        bool, typer.Option("--unused", help="Do not sign with them yet: they are published first.")
    ] = False,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Make an RSA and an Ed25519 key, and print what to publish."""
    with directory_of(config) as directory:
        keys = admin_dkim.add_keys(directory, domain, selector, use=not unused)
        state = "is made and not used yet" if unused else "signs from now on"
        lines = [f"{key.selector} ({key.kind}) {state}" for key in keys]
        lines += ["", f"Publish them in DNS (`kwcmaild dns {keys[0].domain}` prints all records):", ""]
        lines += [f"{key.name} TXT {key.record}" for key in keys]
        show([_plain(key) for key in keys], json, lines)


@app.command()
def use(
    domain: Domain,
    selectors: Annotated[list[str], typer.Argument(metavar="SELECTOR…", help="The keys that are to sign.")],
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Sign with these keys and no other; publish them first."""
    with directory_of(config) as directory:
        keys = admin_dkim.use_keys(directory, domain, selectors)
        show([_plain(key) for key in keys], json, _lines(keys))


@app.command("del")
def delete(
    domain: Domain,
    selector: Annotated[str, typer.Argument(metavar="SELECTOR", help="The key that goes.")],
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Delete a key. Mail that it signed and that is still under way needs its record for some days more."""
    with directory_of(config) as directory:
        admin_dkim.delete_key(directory, domain, selector)
        show({"domain": domain, "selector": selector}, json, [f"{selector} of {domain} is deleted"])


@app.command("list")
def list_(domain: Domain, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """The keys of a domain, and which of them sign."""
    with directory_of(config) as directory:
        keys = admin_dkim.list_keys(directory, domain)
        show([_plain(key) for key in keys], json, _lines(keys))


def _lines(keys: list[DkimKey]) -> list[str]:
    rows = [(key.selector, key.kind, "yes" if key.used else "no", key.name) for key in keys]
    return table(("SELECTOR", "KIND", "SIGNS", "PUBLISHED AT"), rows)


def _plain(key: DkimKey) -> dict[str, Any]:
    return {**asdict(key), "name": key.name}
