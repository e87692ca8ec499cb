"""`kwcmaild forward add|set|del|list`: addresses that only forward, the lines of a domain's `forwards.yaml`."""

from dataclasses import asdict
from typing import Annotated

import typer

from kwcmaild.commands.directory import Json, OneDomain, directory_of, of_domains, show, table
from kwcmaild.commands.options import DEFAULT, ConfigFile
from storage import admin_forwards

app = typer.Typer(help="Addresses that only forward.", no_args_is_help=True)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address, such as info@example.jp.")]
To = Annotated[
    list[str], typer.Option("--to", metavar="ADDRESS", help="Where its mail goes; may be given again.")
]


@app.command()
def add(address: Address, to: To, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Make an address that only forwards."""
    with directory_of(config) as directory:
        made = admin_forwards.add_forward(directory, address, to)
        show(asdict(made), json, [f"{made.address} forwards to {', '.join(made.to)}"])


@app.command("set")
def set_(address: Address, to: To, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Change where its mail goes. The addresses are replaced whole; comments in the file stay."""
    with directory_of(config) as directory:
        changed = admin_forwards.set_forward(directory, address, to)
        show(asdict(changed), json, [f"{changed.address} forwards to {', '.join(changed.to)}"])


@app.command("del")
def delete(address: Address, json: Json = False, config: ConfigFile = DEFAULT) -> None:
    """Take the address away. Mail to it is refused from then on."""
    with directory_of(config) as directory:
        gone = admin_forwards.delete_forward(directory, address)
        show(asdict(gone), json, [f"{gone.address} is deleted"])


@app.command("list")
def list_(
    domain: OneDomain = None,
    json: Json = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """The addresses of a domain that only forward, or all."""
    with directory_of(config) as directory:
        found = of_domains(directory, domain, admin_forwards.list_forwards)
        rows = [(one.address, " ".join(one.to)) for one in found]
        show([asdict(one) for one in found], json, table(("ADDRESS", "FORWARDS TO"), rows))
